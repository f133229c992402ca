package dev.loupe.steer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.LanguageLabeler;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureIndexer;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.feature.IndexOptions;
import dev.loupe.math.Matrix;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.store.ActivationStore;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The language example end to end, on an SAE whose latents are made by hand from means of real activations. */
class LanguageSteeringTest {
    private static final String HOOK = "blocks.3.hook_resid_post";
    private static final int WIDTH = 192;

    @TempDir
    Path folder;

    @Test
    void aLatentThatFiresInFrenchIsFoundAndTurnsEnglishPromptsFrench() throws Exception {
        DocumentSource europarl = Corpora.of(Corpora.EUROPARL, "");
        LanguageLabeler labeler = LanguageLabeler.of(europarl.languages());
        Path text = folder.resolve("text.jsonl");
        Files.write(text, some(europarl, labeler));
        try (LanguageModel model = LanguageModels.open(LanguageModels.builtin(folder), ModelOptions.defaults())) {
            CaptureRequest request = CaptureRequest.of(
                            "two", folder.resolve("stores"), "builtin", text.toString(), List.of(HOOK), 100_000)
                    .withHeldOut("0");
            CaptureJob.run(request, model, Progress.silent());
            Sae sae;
            FeatureIndex index;
            try (ActivationStore store = ActivationStore.open(request.folder())) {
                sae = save(store);
                index = FeatureIndexer.build(
                        sae, store, model, IndexOptions.standard(), folder.resolve("features"), Progress.silent());
            }
            List<FeatureSummary> french = LanguageSteering.candidates(index, "fr");
            assertThat(french).extracting(FeatureSummary::id).containsExactly(0);
            assertThat(LanguageSteering.candidates(index, "fi")).isEmpty();

            LanguageSteering.Example e = LanguageSteering.find(
                            model, index, context(sae, index), labeler, List.of("fi", "fr"), Progress.silent())
                    .orElseThrow();
            System.out.printf(
                    "French latent at %.1f x its maximum: %.0f %% of continuations French, %.0f %% without; KL %.2f%n",
                    e.strength(), 100 * e.share(), 100 * e.baseline(), e.kl());
            assertThat(e.language()).isEqualTo("fr");
            assertThat(e.feature()).isEqualTo(0);
            assertThat(e.share()).isGreaterThanOrEqualTo(0.5);
            assertThat(e.baseline()).isLessThanOrEqualTo(0.1);
            assertThat(e.kl()).isPositive();
            assertThat(e.samples()).hasSize(LanguageSteering.PROMPTS.size());
            assertThat(e.samples().stream()
                            .filter(s -> s.steeredLanguage().equals("fr"))
                            .count())
                    .isEqualTo(Math.round(e.share() * e.samples().size()));
            assertThat(LanguageSteering.PROMPTS).doesNotContainAnyElementsOf(LanguageSteering.CHOICE_PROMPTS);
        }
    }

    /** A few documents of each of the two languages, as JSON lines. */
    private static List<String> some(DocumentSource europarl, LanguageLabeler labeler) {
        Map<String, Integer> left = new HashMap<>(Map.of("fr", 6, "en", 6));
        List<String> lines = new ArrayList<>();
        try (Stream<dev.loupe.corpus.Document> documents = europarl.open()) {
            for (var d : (Iterable<dev.loupe.corpus.Document>) documents::iterator) {
                String language = labeler.label(d.text()).language();
                if (left.getOrDefault(language, 0) > 0 && d.text().length() > 500) {
                    left.merge(language, -1, Integer::sum);
                    lines.add(Json.line(Map.of("text", d.text().substring(0, 500))));
                }
                if (left.values().stream().allMatch(n -> n == 0)) {
                    break;
                }
            }
        }
        return lines;
    }

    /** Latent 0 reads and writes mean(French) − mean(English), latent 1 its opposite; both start half way. */
    private Sae save(ActivationStore store) {
        int n = (int) store.rows();
        double[][] mean = new double[2][WIDTH];
        int[] count = new int[2];
        try (Arena arena = Arena.ofConfined()) {
            Matrix rows = Matrix.allocate(arena, n, WIDTH);
            store.reader(HOOK).read(0, n, rows);
            for (int r = 0; r < n; r++) {
                String label = store.documents().label(store.tokens().document(r));
                int which = label.equals("fr") ? 0 : label.equals("en") ? 1 : -1;
                for (int i = 0; i < WIDTH && which >= 0; i++) {
                    mean[which][i] += rows.get(r, i);
                }
                if (which >= 0) {
                    count[which]++;
                }
            }
        }
        assertThat(count[0]).isPositive();
        assertThat(count[1]).isPositive();
        double norm = 0;
        double middle = 0;
        for (int i = 0; i < WIDTH; i++) {
            mean[0][i] /= count[0];
            mean[1][i] /= count[1];
            double d = mean[0][i] - mean[1][i];
            norm += d * d;
            middle += d * (mean[0][i] + mean[1][i]) / 2;
        }
        norm = Math.sqrt(norm);
        float[][] d = new float[2][WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            d[0][i] = (float) ((mean[0][i] - mean[1][i]) / norm);
            d[1][i] = -d[0][i];
        }
        float half = (float) (middle / norm);
        SaeWeights w = new SaeWeights(
                Matrix.copyOf(d), Matrix.copyOf(d), new float[] {-half, half}, new float[WIDTH], new float[0]);
        Path target = folder.resolve("saes/hand");
        new Sae(
                        "hand",
                        new SaeConfig(Architecture.RELU, 0, false, "builtin", HOOK, Map.of()),
                        w,
                        SaeProvenance.unknown())
                .save(target);
        return Sae.open(target);
    }

    private static SteeringContext context(Sae sae, FeatureIndex index) {
        return new SteeringContext() {
            @Override
            public Sae sae(String name) {
                return sae;
            }

            @Override
            public OptionalDouble maxActivation(String name, int id) {
                return OptionalDouble.of(index.summary(id).max());
            }

            @Override
            public SteeringVector vector(String name) {
                throw new NotFoundException("There is no vector " + name + ".");
            }
        };
    }
}
