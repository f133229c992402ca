package dev.loupe.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.fixtures.Cases;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class VectorOpsTest {

    @Test
    void dotAgreesWithTheScalarReferenceAtAnySizeAndOffset() {
        Cases.check(200, random -> {
            int n = random.size();
            int skip = random.nextInt(3);
            float[] a = random.floats(n + skip);
            float[] b = random.floats(n + skip);
            double expected = ScalarVectorOps.dot(a, skip, b, skip, n);
            double tolerance = 1e-5 * magnitude(a, b, skip, n);
            MemorySegment sa = Matrix.copyOf(a, 1, a.length).segment();
            MemorySegment sb = Matrix.copyOf(b, 1, b.length).segment();
            assertThat((double) VectorOps.dot(a, skip, b, skip, n)).isCloseTo(expected, within(tolerance));
            assertThat((double) VectorOps.dot(a, skip, sb, 4L * skip, n)).isCloseTo(expected, within(tolerance));
            assertThat((double) VectorOps.dot(sa, 4L * skip, sb, 4L * skip, n)).isCloseTo(expected, within(tolerance));
            assertThat((double) VectorOps.sumSquares(sa, 4L * skip, n))
                    .isCloseTo(ScalarVectorOps.sumSquares(sa, 4L * skip, n), within(1e-5 * magnitude(a, a, skip, n)));
        });
    }

    @Test
    void countsOfSmallValuesAndTheLargestAgreeWithPlainLoops() {
        Cases.check(100, random -> {
            int n = random.size();
            float[] a = random.roughFloats(n);
            MemorySegment segment = Matrix.copyOf(a, 1, n).segment();
            float limit = Math.abs((float) random.nextGaussian());
            long expected = IntStream.range(0, n)
                    .filter(i -> a[i] != 0 && Math.abs(a[i]) < limit)
                    .count();
            assertThat((long) VectorOps.countBelow(segment, 0, n, limit)).isEqualTo(expected);
            double largest =
                    IntStream.range(0, n).mapToDouble(i -> Math.abs(a[i])).max().orElse(0);
            assertThat((double) VectorOps.largest(segment, 0, n)).isEqualTo(largest);
        });
    }

    private static double magnitude(float[] a, float[] b, int skip, int n) {
        double sum = 1e-30;
        for (int i = skip; i < skip + n; i++) {
            sum += Math.abs((double) a[i] * b[i]);
        }
        return sum;
    }

    @Test
    void axpyAndScaleAgreeWithTheScalarReferenceAndTouchNothingElse() {
        Cases.check(200, random -> {
            int n = random.size();
            float alpha = (float) random.nextGaussian();
            float[] x = random.floats(n);
            float[] y = random.floats(n + 2);
            float[] expected = y.clone();
            ScalarVectorOps.axpy(alpha, x, 0, expected, 1, n);

            float[] arrays = y.clone();
            VectorOps.axpy(alpha, x, 0, arrays, 1, n);
            float[] mixed = y.clone();
            VectorOps.axpy(alpha, Matrix.copyOf(x, 1, n).segment(), 0, mixed, 1, n);
            MemorySegment target = Matrix.copyOf(y, 1, n + 2).segment();
            VectorOps.axpy(alpha, Matrix.copyOf(x, 1, n).segment(), 0, target, 4, n);
            float[] segments = Matrix.of(target, 1, n + 2).row(0);
            for (int i = 0; i < n + 2; i++) {
                double tolerance = i == 0 || i == n + 1 ? 0 : 2e-7 * (Math.abs(y[i]) + Math.abs(alpha * x[i - 1]));
                assertThat(arrays[i]).isCloseTo(expected[i], within((float) tolerance));
                assertThat(mixed[i]).isCloseTo(expected[i], within((float) tolerance));
                assertThat(segments[i]).isCloseTo(expected[i], within((float) tolerance));
            }
            MemorySegment scaled = Matrix.copyOf(x, 1, n).segment();
            MemorySegment reference = Matrix.copyOf(x, 1, n).segment();
            VectorOps.scale(alpha, scaled, 0, n);
            ScalarVectorOps.scale(alpha, reference, 0, n);
            assertThat(Matrix.of(scaled, 1, n).row(0))
                    .containsExactly(Matrix.of(reference, 1, n).row(0));
        });
    }

    @Test
    void nanPassesThroughSums() {
        for (int n : Cases.SIZES) {
            float[] a = new float[n];
            a[n - 1] = Float.NaN;
            assertThat(VectorOps.dot(a, 0, a, 0, n)).isNaN();
            MemorySegment s = Matrix.copyOf(a, 1, n).segment();
            assertThat(VectorOps.dot(s, 0, s, 0, n)).isNaN();
            assertThat(VectorOps.dot(a, 0, s, 0, n)).isNaN();
        }
    }

    @Test
    void aboveFindsExactlyTheValuesOverTheirLimits() {
        Cases.check(100, random -> {
            int n = random.size();
            float[] v = random.floats(n + 1);
            float[] limits = random.floats(n);
            v[1 + random.nextInt(n)] = Float.NaN;
            int equal = random.nextInt(n);
            limits[equal] = v[1 + equal];
            int[] out = new int[n];
            int count = VectorOps.above(v, 1, n + 1, limits, 0, out);
            assertThat(Arrays.copyOf(out, count))
                    .containsExactly(IntStream.range(0, n)
                            .filter(i -> v[i + 1] > limits[i])
                            .toArray());
        });
    }

    @Test
    void topKChoosesWhatSortingChooses() {
        Cases.check(300, random -> {
            int n = random.size();
            int k = random.oneOf(new int[] {1, 2, 24, n, random.nextInt(1, n + 1)});
            float[] v = random.floats(n);
            if (random.nextBoolean()) {
                for (int i = 0; i < n; i++) {
                    v[i] = Math.round(v[i]); // many ties: of equal values the lower index wins
                }
            }
            if (random.nextInt(4) == 0) {
                v[random.nextInt(n)] = Float.NaN;
            }
            int[] expected = IntStream.range(0, n)
                    .filter(i -> !Float.isNaN(v[i]))
                    .boxed()
                    .sorted(Comparator.<Integer>comparingDouble(i -> -(v[i] + 0f))
                            .thenComparingInt(i -> i))
                    .limit(k)
                    .mapToInt(i -> i)
                    .sorted()
                    .toArray();
            int[] ids = new int[k];
            int count = new TopK().select(v, 0, n, k, ids);
            assertThat(Arrays.copyOf(ids, count)).containsExactly(expected);
        });
    }

    @Test
    void reachingAndAboveShiftedCollectWhatALoopWould() {
        Cases.check(60, random -> {
            int n = random.size();
            float[] values = random.roughFloats(n + 3);
            float[] limits = random.roughFloats(n + 2);
            values[3 + random.nextInt(n)] = Float.NaN;
            float limit = (float) random.nextGaussian();
            int[] out = new int[n];
            java.util.List<Integer> reaching = new java.util.ArrayList<>();
            java.util.List<Integer> above = new java.util.ArrayList<>();
            for (int i = 0; i < n; i++) {
                if (values[3 + i] >= limits[2 + i] || values[3 + i] >= limit) {
                    reaching.add(i);
                }
                if (values[3 + i] - limits[2 + i] > limit) {
                    above.add(i);
                }
            }
            int count = VectorOps.reaching(values, 3, 3 + n, limits, 2, limit, out);
            assertThat(java.util.Arrays.stream(out, 0, count).boxed().toList()).isEqualTo(reaching);
            count = VectorOps.aboveShifted(values, 3, 3 + n, limits, 2, limit, out);
            assertThat(java.util.Arrays.stream(out, 0, count).boxed().toList()).isEqualTo(above);
        });
    }
}
