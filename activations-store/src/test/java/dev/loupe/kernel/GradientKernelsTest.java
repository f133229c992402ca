package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class GradientKernelsTest {
    @Test
    void gradientsOfNormsAgreeWithTheScalarReference() {
        Cases.check(80, random -> {
            try (Arena arena = Arena.ofConfined()) {
                int n = 1 + random.size();
                int rows = random.size(60);
                boolean centre = random.nextBoolean();
                boolean frozen = random.nextBoolean();
                MemorySegment g = TestWeights.floats(arena, (long) rows * n, random);
                MemorySegment x = TestWeights.floats(arena, (long) rows * n, random);
                MemorySegment gain = TestWeights.floats(arena, n, random);
                MemorySegment out = TestWeights.garbage(arena, (long) rows * n);
                NormGradient.run(g, x, rows, gain, 0.1f, centre, frozen, out);
                for (int r = 0; r < rows; r++) {
                    long at = (long) r * n;
                    double[] expected = ScalarGradients.norm(
                            TestWeights.row(g, at, n),
                            TestWeights.row(x, at, n),
                            TestWeights.row(gain, 0, n),
                            0.1f,
                            centre,
                            frozen);
                    TestWeights.assertRow(out, at, expected, 2e-5);
                }
                NormGradient.run(g, x, rows, gain, 0.1f, centre, frozen, g); // in place
                assertThat(g.mismatch(out)).isEqualTo(-1);
            }
        });
    }

    @Test
    void slopesAgreeWithTheScalarReference() {
        Cases.check(40, random -> {
            try (Arena arena = Arena.ofConfined()) {
                int n = random.nextBoolean() ? random.size() : 20_000 + random.size(100);
                MemorySegment x = TestWeights.floats(arena, n, random);
                x.setAtIndex(JAVA_FLOAT_UNALIGNED, 0, new float[] {0, -90, 90, -1e-30f, 300}[random.nextInt(5)]);
                MemorySegment g = TestWeights.floats(arena, n, random);
                MemorySegment factor = TestWeights.floats(arena, n, random);
                boolean gated = random.nextBoolean();
                for (Activations f : Activations.values()) {
                    for (Slopes which : Slopes.values()) {
                        MemorySegment y = TestWeights.garbage(arena, n);
                        which.apply(f, 0.7f, x, g, gated ? factor : null, 0.5f, y);
                        for (int i = 0; i < n; i++) {
                            double v = x.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
                            double by = 0.5
                                    * g.getAtIndex(JAVA_FLOAT_UNALIGNED, i)
                                    * (gated ? factor.getAtIndex(JAVA_FLOAT_UNALIGNED, i) : 1);
                            double expected = by * ScalarGradients.slope(which, f, 0.7f, v);
                            double off = Math.abs(y.getAtIndex(JAVA_FLOAT_UNALIGNED, i) - expected);
                            if (off > 2e-6 * Math.max(1, Math.abs(by))) {
                                assertThat(off)
                                        .as("%s of %s at %s", which, f, v)
                                        .isZero();
                            }
                        }
                    }
                }
            }
        });
    }

    @Test
    void nanStaysNaN() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment x = arena.allocate(4L * 5, 4);
            MemorySegment one = arena.allocate(4L * 5, 4);
            for (int i = 0; i < 5; i++) {
                one.setAtIndex(JAVA_FLOAT_UNALIGNED, i, 1);
            }
            x.setAtIndex(JAVA_FLOAT_UNALIGNED, 3, Float.NaN);
            MemorySegment y = arena.allocate(4L * 5, 4);
            for (Activations f : Activations.values()) {
                for (Slopes which : Slopes.values()) {
                    if (f != Activations.RELU || which == Slopes.SOFT_GATE) { // ReLU's slope is a comparison
                        which.apply(f, 1, x, one, null, 1, y);
                        assertThat(y.getAtIndex(JAVA_FLOAT_UNALIGNED, 3))
                                .as("%s of %s", which, f)
                                .isNaN();
                    }
                }
            }
            NormGradient.run(one, x, 1, one, 1e-5f, false, false, y);
            assertThat(y.getAtIndex(JAVA_FLOAT_UNALIGNED, 0)).isNaN();
        }
    }

    @Test
    void attentionAgreesWithTheScalarReference() {
        Cases.check(60, random -> {
            try (Arena arena = Arena.ofConfined()) {
                int batch = random.size(3);
                int t = random.nextBoolean() ? random.size(12) : random.size(150);
                int kvHeads = random.size(3);
                int heads = kvHeads * random.size(3);
                int dHead = random.size(130);
                AttentionGradient a = new AttentionGradient(
                        t,
                        heads,
                        kvHeads,
                        dHead,
                        new int[] {0, 1, 7, 40}[random.nextInt(4)],
                        0.3f,
                        random.nextBoolean() ? 0 : 5);
                boolean frozen = random.nextInt(4) == 0;
                long queries = (long) batch * t * heads * dHead;
                long keys = (long) batch * t * kvHeads * dHead;
                MemorySegment q = TestWeights.floats(arena, queries, random);
                MemorySegment k = TestWeights.floats(arena, keys, random);
                MemorySegment v = TestWeights.floats(arena, keys, random);
                MemorySegment dz = TestWeights.floats(arena, queries, random);
                MemorySegment dq = TestWeights.garbage(arena, queries);
                MemorySegment dk = TestWeights.garbage(arena, keys);
                MemorySegment dv = TestWeights.garbage(arena, keys);
                a.run(batch, q, k, v, dz, frozen, dq, dk, dv);
                for (int b = 0; b < batch; b++) {
                    for (int g = 0; g < kvHeads; g++) {
                        double[][] ek = new double[t][dHead];
                        double[][] ev = new double[t][dHead];
                        for (int h = g * (heads / kvHeads); h < (g + 1) * (heads / kvHeads); h++) {
                            double[][] eq = new double[t][dHead];
                            ScalarGradients.attention(
                                    a,
                                    frozen,
                                    head(q, b, t, heads, h, dHead),
                                    head(k, b, t, kvHeads, g, dHead),
                                    head(v, b, t, kvHeads, g, dHead),
                                    head(dz, b, t, heads, h, dHead),
                                    eq,
                                    ek,
                                    ev);
                            assertHead(dq, b, t, heads, h, eq);
                        }
                        assertHead(dk, b, t, kvHeads, g, ek);
                        assertHead(dv, b, t, kvHeads, g, ev);
                    }
                }
            }
        });
    }

    private static double[][] head(MemorySegment m, int b, int positions, int heads, int h, int dHead) {
        double[][] rows = new double[positions][];
        for (int t = 0; t < positions; t++) {
            rows[t] = TestWeights.row(m, (((long) b * positions + t) * heads + h) * dHead, dHead);
        }
        return rows;
    }

    private static void assertHead(MemorySegment m, int b, int positions, int heads, int h, double[][] expected) {
        for (int t = 0; t < positions; t++) {
            int dHead = expected[t].length;
            TestWeights.assertRow(m, (((long) b * positions + t) * heads + h) * dHead, expected[t], 1e-4);
        }
    }

    /** The reference itself: what a small step of every value changes. */
    @Test
    void theScalarAttentionGradientIsTheSlopeOfTheScalarAttention() {
        Cases.check(20, random -> {
            int t = random.size(6);
            int dHead = random.size(5);
            int window = random.nextInt(4);
            float cap = random.nextBoolean() ? 0 : 2;
            AttentionGradient a = new AttentionGradient(t, 1, 1, dHead, window, 0.8f, cap);
            Attention forward = new Attention(t, t, 1, 1, dHead, window, 0.8f, cap);
            double[][][] in = new double[4][t][dHead]; // q, k, v, dz
            double[][][] out = new double[3][t][dHead];
            for (double[][] m : in) {
                for (double[] r : m) {
                    Arrays.setAll(r, i -> random.nextDouble() * 4 - 2);
                }
            }
            ScalarGradients.attention(a, false, in[0], in[1], in[2], in[3], out[0], out[1], out[2]);
            for (int m = 0; m < 3; m++) {
                for (int p = 0; p < t; p++) {
                    for (int c = 0; c < dHead; c++) {
                        double was = in[m][p][c];
                        in[m][p][c] = was + 1e-5;
                        double up = along(forward, in);
                        in[m][p][c] = was - 1e-5;
                        double slope = (up - along(forward, in)) / 2e-5;
                        in[m][p][c] = was;
                        assertThat(Math.abs(slope - out[m][p][c])).isLessThan(1e-7);
                    }
                }
            }
        });
    }

    private static double along(Attention a, double[][][] in) {
        double sum = 0;
        for (int p = 0; p < in[0].length; p++) {
            double[] z = ScalarPasses.attention(a, in[0][p], in[1], in[2], p);
            for (int c = 0; c < z.length; c++) {
                sum += z[c] * in[3][p][c];
            }
        }
        return sum;
    }

    @Test
    void sumsOfTransposedProductsAgreeWithTheScalarReference() {
        Cases.check(60, random -> {
            try (Arena arena = Arena.ofConfined()) {
                int rows = random.nextBoolean() ? random.size(12) : random.size(140);
                Storage storage = Storage.values()[random.nextInt(Storage.values().length)];
                int cols = TestWeights.cols(random, storage);
                int terms = random.size(3);
                TransposedProduct.Term[] all = new TransposedProduct.Term[terms];
                double[] sums = new double[rows * cols];
                int inner = 0;
                MemorySegment one = TestWeights.garbage(arena, (long) rows * cols);
                for (int i = 0; i < terms; i++) {
                    StoredMatrix w = TestWeights.random(
                            arena,
                            storage,
                            random.nextBoolean() ? random.size(30) : 300 + random.size(500),
                            cols,
                            random);
                    all[i] = new TransposedProduct.Term(w, TestWeights.floats(arena, (long) rows * w.rows(), random));
                    ScalarProduct.multiplyTransposed(all[i].g(), rows, w, one);
                    for (int j = 0; j < sums.length; j++) {
                        sums[j] += one.getAtIndex(JAVA_FLOAT_UNALIGNED, j);
                    }
                    inner += w.rows();
                }
                MemorySegment out = TestWeights.garbage(arena, (long) rows * cols);
                TransposedProduct.run(rows, out, all);
                TestWeights.assertRow(out, 0, sums, 4e-6 * Math.sqrt(inner));
            }
        });
    }
}
