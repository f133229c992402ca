package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PassesTest {
    private static final double[] NONE = {};

    @Test
    void normsAgreeWithTheScalarReference() {
        Cases.check(80, random -> {
            try (Arena arena = Arena.ofConfined()) {
                int n = random.size();
                int rows = random.size(60);
                boolean centre = random.nextBoolean();
                boolean biased = random.nextBoolean();
                MemorySegment x = TestWeights.floats(arena, (long) rows * n, random);
                MemorySegment gain = TestWeights.floats(arena, n, random);
                MemorySegment bias = TestWeights.floats(arena, n, random);
                MemorySegment y = TestWeights.garbage(arena, (long) rows * n);
                Passes.norm(x, rows, gain, biased ? bias : null, 1e-3f, centre, y);
                for (int r = 0; r < rows; r++) {
                    double[] b = biased ? TestWeights.row(bias, 0, n) : NONE;
                    double[] expected = ScalarPasses.norm(
                            TestWeights.row(x, (long) r * n, n), TestWeights.row(gain, 0, n), b, 1e-3f, centre);
                    TestWeights.assertRow(y, (long) r * n, expected, 3e-5); // of one value, the mean is the value
                }
            }
        });
    }

    @Test
    void rotationsAgreeWithTheScalarReferenceAndUndoEachOther() {
        Cases.check(60, random -> {
            try (Arena arena = Arena.ofConfined()) {
                int heads = random.size(5);
                int half = random.size(70);
                int dHead = 2 * half + (random.nextBoolean() ? 0 : random.size(9));
                int positions = random.size(9);
                int rows = positions * random.size(4);
                MemorySegment x = TestWeights.floats(arena, (long) rows * heads * dHead, random);
                MemorySegment cos = arena.allocate(4L * positions * half, 4);
                MemorySegment sin = arena.allocate(4L * positions * half, 4);
                for (long i = 0; i < (long) positions * half; i++) {
                    double angle = random.nextDouble() * 7;
                    cos.setAtIndex(JAVA_FLOAT_UNALIGNED, i, (float) Math.cos(angle));
                    sin.setAtIndex(JAVA_FLOAT_UNALIGNED, i, (float) Math.sin(angle));
                }
                MemorySegment y = TestWeights.garbage(arena, (long) rows * heads * dHead);
                Passes.rotate(x, rows, heads, dHead, cos, sin, half, false, y);
                for (int i = 0; i < rows * heads; i++) {
                    long angles = (long) (i / heads % positions) * half;
                    double[] c = TestWeights.row(cos, angles, half);
                    double[] s = TestWeights.row(sin, angles, half);
                    long at = (long) i * dHead;
                    TestWeights.assertRow(y, at, ScalarPasses.rotate(TestWeights.row(x, at, dHead), c, s, false), 1e-6);
                }
                MemorySegment again = TestWeights.garbage(arena, (long) rows * heads * dHead);
                Passes.rotate(y, rows, heads, dHead, cos, sin, half, true, again);
                TestWeights.assertClose(again, x, 1e-6);
            }
        });
    }

    @Test
    void activationsAgreeWithTheScalarReference() {
        Cases.check(40, random -> {
            try (Arena arena = Arena.ofConfined()) {
                int n = random.nextBoolean() ? random.size() : 20_000 + random.size(100);
                MemorySegment x = TestWeights.floats(arena, n, random);
                x.setAtIndex(JAVA_FLOAT_UNALIGNED, 0, new float[] {0, -90, 90, -1e-30f, 1e30f}[random.nextInt(5)]);
                MemorySegment factor = TestWeights.floats(arena, n, random);
                boolean gated = random.nextBoolean();
                for (Activations one : Activations.values()) {
                    MemorySegment y = TestWeights.garbage(arena, n);
                    one.apply(x, gated ? factor : null, y);
                    for (int i = 0; i < n; i++) {
                        double v = x.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
                        double f = gated ? factor.getAtIndex(JAVA_FLOAT_UNALIGNED, i) : 1;
                        double expected = f
                                * switch (one) {
                                    case SILU -> ScalarPasses.silu(v);
                                    case RELU -> Math.max(0, v);
                                    case GELU -> ScalarPasses.gelu(v);
                                    case GELU_TANH -> ScalarPasses.geluTanh(v);
                                };
                        assertThat(Math.abs(y.getAtIndex(JAVA_FLOAT_UNALIGNED, i) - expected))
                                .as("%s of %s", one, v)
                                .isLessThanOrEqualTo(1e-6 * Math.max(1, Math.abs(v * f)));
                    }
                }
            }
        });
    }

    @Test
    void theErrorFunctionAgreesWithItsSeriesEverywhere() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment y = arena.allocate(4L * Native.L, 4);
            for (int i = -70_000; i <= 70_000; i += 7) {
                float x = i / 10_000f;
                Native.store(ErrorFunction.erf(jdk.incubator.vector.FloatVector.broadcast(Native.S, x)), y.address());
                double off = Math.abs(y.getAtIndex(JAVA_FLOAT_UNALIGNED, 0) - ScalarPasses.erf(x));
                assertThat(off).as("erf(%s)", x).isLessThanOrEqualTo(1.3e-7);
            }
        }
    }

    @Test
    void nanStaysNaNInEveryActivation() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment x = arena.allocate(4L * 5, 4);
            for (Activations one : Activations.values()) {
                x.setAtIndex(JAVA_FLOAT_UNALIGNED, 3, Float.NaN);
                one.apply(x, null, x);
                assertThat(x.getAtIndex(JAVA_FLOAT_UNALIGNED, 3)).as("%s", one).isNaN();
                x.fill((byte) 0);
            }
        }
    }

    @Test
    void exponentialsAgreeWithThePlatformsOverTheWholeRange() {
        Cases.check(200, random -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment x = TestWeights.floats(arena, Native.L, random);
                for (int i = 0; i < Native.L; i++) {
                    x.setAtIndex(JAVA_FLOAT_UNALIGNED, i, (float) (random.nextDouble() * 174 - 87));
                }
                MemorySegment y = TestWeights.garbage(arena, Native.L);
                Native.store(Exponential.exp(Native.load(x.address())), y.address());
                for (int i = 0; i < Native.L; i++) {
                    double exact = Math.exp(x.getAtIndex(JAVA_FLOAT_UNALIGNED, i));
                    assertThat(Math.abs(y.getAtIndex(JAVA_FLOAT_UNALIGNED, i) - exact))
                            .isLessThanOrEqualTo(2.5e-7 * exact);
                }
            }
        });
        assertThat(Exponential.exp(jdk.incubator.vector.FloatVector.broadcast(Native.S, Float.NaN))
                        .lane(0))
                .isNaN();
    }

    @Test
    void attentionAgreesWithTheScalarReferenceInBothLayouts() {
        Cases.check(80, random -> {
            try (Arena arena = Arena.ofConfined()) {
                int batch = random.size(3);
                int queries = random.nextBoolean() ? 1 : random.size(70);
                int earlier = random.nextBoolean() ? 0 : random.size(90);
                int keys = queries + earlier;
                int kvHeads = random.size(3);
                int heads = kvHeads * random.size(3);
                int dHead = random.size(130);
                Attention a = new Attention(
                        queries,
                        keys,
                        heads,
                        kvHeads,
                        dHead,
                        new int[] {0, 1, 7, 40}[random.nextInt(4)],
                        0.3f,
                        random.nextBoolean() ? 0 : 5);
                MemorySegment q = TestWeights.floats(arena, (long) batch * queries * heads * dHead, random);
                MemorySegment k = TestWeights.floats(arena, (long) batch * keys * kvHeads * dHead, random);
                MemorySegment v = TestWeights.floats(arena, (long) batch * keys * kvHeads * dHead, random);
                boolean byHead = random.nextBoolean(); // [batch, head, key, dHead], or [batch, key, head, dHead]
                long row = (long) keys * kvHeads * dHead;
                long head = byHead ? (long) keys * dHead : dHead;
                long step = byHead ? dHead : (long) kvHeads * dHead;
                int[] starts = new int[batch]; // the last sequence is the longest
                Arrays.setAll(starts, b -> b == batch - 1 ? earlier : random.nextInt(earlier + 1));
                MemorySegment out = TestWeights.garbage(arena, (long) batch * queries * heads * dHead);
                a.run(
                        q,
                        new Attention.Layout(k, row, head, step),
                        new Attention.Layout(v, row, head, step),
                        starts,
                        out);
                for (int b = 0; b < batch; b++) {
                    for (int h = 0; h < heads; h++) {
                        long base = b * row + h / (heads / kvHeads) * head;
                        double[][] ks = new double[keys][];
                        double[][] vs = new double[keys][];
                        for (int i = 0; i < keys; i++) {
                            ks[i] = TestWeights.row(k, base + i * step, dHead);
                            vs[i] = TestWeights.row(v, base + i * step, dHead);
                        }
                        for (int t = 0; t < queries; t++) {
                            long at = ((long) (b * queries + t) * heads + h) * dHead;
                            double[] expected =
                                    ScalarPasses.attention(a, TestWeights.row(q, at, dHead), ks, vs, starts[b] + t);
                            TestWeights.assertRow(out, at, expected, 2e-5);
                        }
                    }
                }
            }
        });
    }
}
