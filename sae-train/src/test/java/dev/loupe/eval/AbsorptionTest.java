package dev.loupe.eval;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToyModel;
import dev.loupe.toy.ToyStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Absorption where it was planted: a latent of one token says what the latent of the whole label should say. */
class AbsorptionTest {
    private static final int D = 8;
    private static final int LENGTH = 60;
    private static final int PLAIN = 5;
    private static final int SPECIAL = 7;
    private static final int U = 0;
    private static final int V = 1;

    @TempDir
    private Path folder;

    @Test
    void whatAnotherLatentSaysInPlaceOfTheMainOneIsCounted() {
        // the main latent is silent on the special token, where the other one says the label, too
        Sae absorbing = sae(
                new float[][] {row(1, -5), row(1, 2), row(0, 0)},
                new float[][] {row(1, 0), row(1.5f, 1), row(0, 1)},
                new float[] {0, -5, 0});
        try (ActivationStore store = store("a", 1)) {
            ReportCard.Absorbed a = label(absorbing, store);
            assertThat(a.main()).containsExactly(0);
            assertThat(a.f1()).isGreaterThan(0.99);
            assertThat(a.tokens()).isEqualTo(5 * (LENGTH - 1));
            assertThat(a.score() * a.tokens())
                    .isCloseTo(5 * specials(), org.assertj.core.api.Assertions.within(1e-9)); // each wholly
            // and one that keeps label and token apart
            Sae apart = sae(
                    new float[][] {row(1, 0), row(0, 1), row(0, 0)},
                    new float[][] {row(1, 0), row(0, 1), row(0, 1)},
                    new float[3]);
            assertThat(label(apart, store).score()).isLessThan(0.003);
        }
    }

    @Test
    void whyThereIsNothingIsSaidTruly() {
        Sae any = sae(new float[][] {row(1, 0)}, new float[][] {row(1, 0)}, new float[1]);
        try (ActivationStore store = store("b", 0)) { // labels that activations do not know of
            Absorption none = new Absorption(any, store, null);
            assertThat(none.run(Progress.silent())).isEmpty();
            assertThat(none.nothing()).isEqualTo(Absorption.NONE);
        }
        List<ToyStore.Doc> few = List.of(doc("x", "a", false), doc("y", "a", true));
        try (ActivationStore store =
                ToyStore.write(folder.resolve("c"), D, few, s -> activations(s, new Random(1), 1))) {
            Absorption none = new Absorption(any, store, null);
            assertThat(none.run(Progress.silent())).isEmpty();
            assertThat(none.nothing()).isEqualTo(Absorption.FEW);
        }
    }

    private static ReportCard.Absorbed label(Sae sae, ActivationStore store) {
        return new Absorption(sae, store, null)
                .run(Progress.silent()).stream()
                        .filter(a -> a.task().equals("label a"))
                        .findFirst()
                        .orElseThrow();
    }

    /** Documents of two labels; activations of label a lie along U by so much. */
    private ActivationStore store(String name, float known) {
        List<ToyStore.Doc> docs = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            docs.add(doc("d" + i, i % 2 == 0 ? "a" : "b", i >= 20));
        }
        Random random = new Random(3);
        int[] next = {0};
        return ToyStore.write(
                folder.resolve(name), D, docs, s -> activations(s, random, next[0]++ % 2 == 0 ? known : 0));
    }

    private static ToyStore.Doc doc(String name, String label, boolean heldOut) {
        int[] sequence = new int[LENGTH];
        for (int p = 0; p < LENGTH; p++) {
            sequence[p] = p == 0 ? dev.loupe.toy.ToyTokenizer.BOS : p % 30 == 3 ? SPECIAL : PLAIN;
        }
        return new ToyStore.Doc(name, label, heldOut, List.of(sequence));
    }

    private static int specials() {
        return LENGTH / 30;
    }

    private static float[][] activations(int[] sequence, Random random, float known) {
        float[][] x = new float[sequence.length][D];
        for (int p = 0; p < sequence.length; p++) {
            for (int j = 0; j < D; j++) {
                x[p][j] = 0.05f * (float) random.nextGaussian();
            }
            x[p][U] += 3 * known;
            x[p][V] += sequence[p] == SPECIAL ? 2 : 0;
        }
        return x;
    }

    private static float[] row(float u, float v) {
        float[] row = new float[D];
        row[U] = u;
        row[V] = v;
        return row;
    }

    private static Sae sae(float[][] encoder, float[][] decoder, float[] bias) {
        return new Sae(
                "sae",
                new SaeConfig(Architecture.RELU, 0, false, "toy", ToyModel.HOOK.name(), Map.of()),
                new SaeWeights(Matrix.copyOf(encoder), Matrix.copyOf(decoder), bias, new float[D], new float[0]),
                SaeProvenance.unknown());
    }
}
