package dev.loupe.bench;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LogitSeed;
import dev.loupe.model.Rules;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.patch.Patching;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Relevance patching of one pair at five sites; the peer is a PyTorch forward with detached rule factors. Beside it, in the
 * same runs, our own passes without any patching: two forwards and one backward that keep nothing but the gradient of the
 * embeddings.
 */
final class RelpBench implements Benchmark {
    private static final String CLEAN = "I would like to thank the rapporteur. I";
    private static final String CORRUPT = "We would like to thank the rapporteur. We";

    private final List<Double> ofPlain = new ArrayList<>();
    private @Nullable LanguageModel model;

    @Override
    public String name() {
        return "relp";
    }

    @Override
    public String setting() {
        return "embedded model, two forwards and one backward, LN, Identity and Half rules, five sites of six layers";
    }

    @Override
    public String unit() {
        return "prompt pairs/s";
    }

    @Override
    public double tolerance() {
        return 1e-4;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        model = Builtin.open(folder, Map.of("clean", CLEAN, "corrupt", CORRUPT, "answer", " am", "wrong", " are"));
    }

    @Override
    public Measured run() {
        PatchRequest request = PatchRequest.of(CLEAN, CORRUPT, " am", " are")
                .withSites("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out");
        int pairs = 50; // of a few milliseconds each: a round of few would measure the compiler
        double answer = 0;
        long start = System.nanoTime();
        for (int i = 0; i < pairs; i++) {
            PatchResult r = Patching.run(
                    Objects.requireNonNull(model),
                    request,
                    name -> {
                        throw new NotFoundException("There is no SAE " + name + ".");
                    },
                    Progress.silent());
            answer = r.grids().values().stream()
                    .flatMap(java.util.Arrays::stream)
                    .flatMapToDouble(java.util.Arrays::stream)
                    .map(Math::abs)
                    .sum();
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        ofPlain.add(seconds / plain(Objects.requireNonNull(model), pairs));
        return new Measured(pairs, seconds, answer);
    }

    private static double plain(LanguageModel model, int pairs) {
        int[] answers = {
            model.tokenizer().encode(" am", false)[0], model.tokenizer().encode(" are", false)[0]
        };
        TokenBatch clean = TokenBatch.of(model.tokenizer().encode(CLEAN));
        TokenBatch corrupt = TokenBatch.of(model.tokenizer().encode(CORRUPT));
        LogitSeed seed = LogitSeed.difference(answers[0], answers[1]);
        BackwardPlan plan = BackwardPlan.of(seed, Rules.RELP, List.of(HookPoint.of("hook_embed")));
        long start = System.nanoTime();
        for (int i = 0; i < pairs; i++) {
            model.forward(clean, Taps.none(), Want.LAST_LOGITS);
            model.backward(corrupt, Taps.none(), plan);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    @Override
    public Map<String, List<Double>> beside() {
        return Map.of("times_plain_passes", ofPlain);
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
