package dev.loupe.diagnose.geometry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.diagnose.DiagnosticRun;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.GivenModel;
import dev.loupe.diagnose.GivenRows;
import dev.loupe.diagnose.Limits;
import dev.loupe.diagnose.Subject;
import dev.loupe.model.HookPoint;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToySaes;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Codes, labels and checkpoints whose likeness is known. */
class CodesTest {
    @TempDir
    Path folder;

    @Test
    void differentCodesAreNotRedundantAndEqualOnesAreButOne() {
        List<BitSet> different =
                IntStream.range(0, 50).mapToObj(CodesTest::code).toList();
        assertThat(Codes.redundancy(different)).isZero();
        assertThat(Codes.redundancy(java.util.Collections.nCopies(50, code(3)))).isCloseTo(1 - 1 / 50.0, within(1e-12));
        assertThat(Codes.hamming(code(3), code(5))).isEqualTo(2); // 11 and 101
        assertThat(Codes.jaccard(code(3), code(7))).isCloseTo(2 / 3.0, within(1e-12));
        assertThat(Codes.jaccard(new BitSet(), new BitSet())).isEqualTo(1);
    }

    private static BitSet code(int bits) {
        return BitSet.valueOf(new long[] {bits});
    }

    /** Texts of two labels use two halves of the latents. */
    private static float[] halves(int s, Random random) {
        float[] x = new float[16];
        for (int i = 0; i < 4; i++) {
            x[8 * (s % 2) + random.nextInt(8)] = 1;
        }
        return x;
    }

    @Test
    void codesThatFollowLabelsTellThem() {
        Random random = new Random(4);
        try (ActivationStore store = GivenRows.store(folder.resolve("s"), 16, 60, 8, (s, p) -> halves(s, random))) {
            Finding f = GivenRows.run(new HashCodes(), store, GivenRows.identity("one", 16));
            assertThat(f.number("knn")).isEqualTo(1);
            assertThat(f.number("logistic")).isEqualTo(1);
            assertThat(f.number("k_means")).isEqualTo(1);
            assertThat(f.number("chance")).isEqualTo(0.5);
        }
    }

    @Test
    void aTextThatComesTwiceIsFound() {
        float[][][] texts = new float[12][10][];
        Random random = new Random(5);
        for (int s = 0; s < texts.length; s++) {
            for (int p = 0; p < 10; p++) {
                texts[s][p] = new float[64];
                texts[s][p][random.nextInt(64)] = 1;
            }
        }
        texts[7] = texts[2];
        try (ActivationStore store = GivenRows.store(folder.resolve("s"), 64, 12, 10, (s, p) -> texts[s][p])) {
            Finding f = GivenRows.run(new NearDuplicates(), store, GivenRows.identity("one", 64));
            assertThat(f.number("pairs")).isEqualTo(1);
            assertThat(f.table().number(0, "jaccard")).isEqualTo(1);
            assertThat(f.table().number(0, "hamming")).isZero();
            assertThat(f.table().text(0, "a") + f.table().text(0, "b")).contains("doc2", "doc7");
        }
    }

    @Test
    void latentsWithThresholdsOfTheirOwnNeverFold() {
        Random random = new Random(6);
        try (ActivationStore store = GivenRows.store(folder.resolve("s"), 12, 10, 20, (s, p) -> noise(random, 12))) {
            assertThat(GivenRows.run(new LatentFolding(), store, GivenRows.identity("one", 12))
                            .number("largest"))
                    .isZero();
        }
    }

    private static float[] noise(Random random, int n) {
        float[] x = new float[n];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    @Test
    void directionsThatTurnAreMeasuredInDegrees() {
        Finding f = GivenRows.finding(new TrainingDrift(), steps(turned(0), turned(30), turned(40)));
        assertThat(f.table().number(0, "angle_median")).isCloseTo(30, within(1e-3));
        assertThat(f.number("angle_last")).isCloseTo(10, within(1e-3));
        assertThat(f.table().number(0, "boundary_median")).isCloseTo(0, within(1e-6));
        assertThatThrownBy(() -> DiagnosticRun.run(
                                List.of(new TrainingDrift()),
                                steps(turned(0), GivenRows.identity("wide", 3)),
                                Progress.silent())
                        .of("training-drift"))
                .hasMessageContaining("other sizes");
    }

    private static Subject steps(Sae... saes) {
        return new Subject(null, null, null, List.of(), List.of(saes), Limits.standard());
    }

    private static Sae turned(double degrees) {
        double t = Math.toRadians(degrees);
        float[][] enc = {{(float) Math.cos(t), (float) Math.sin(t)}, {(float) -Math.sin(t), (float) Math.cos(t)}};
        return ToySaes.of("at" + degrees, Architecture.RELU, 0, enc, enc, new float[] {-1, -2}, new float[2]);
    }

    @Test
    void rowsThatAreTheirLabelsAlignInFullAndNoiseDoesNot() {
        Random random = new Random(7);
        GivenModel model = new GivenModel(2, 8)
                .with(HookPoint.residPost(0), (ids, p) -> noise(random, 8))
                .with(HookPoint.residPost(1), (ids, p) -> new float[] {ids[1] % 2, 1 - ids[1] % 2, 0, 0, 0, 0, 0, 0});
        Finding f = GivenRows.finding(new LabelAlignment(), model.reading(80, 6));
        assertThat(f.number("best_layer")).isEqualTo(1);
        assertThat(f.number("cka_last")).isCloseTo(1, within(1e-6));
        assertThat(f.number("rsa_best")).isCloseTo(1, within(1e-6));
        assertThat(f.number("cka_first")).isLessThan(0.3);
        assertThat(LabelAlignment.ranks(List.of(3.0, 1.0, 3.0))).containsExactly(1.5, 0, 1.5);
    }
}
