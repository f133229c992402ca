package dev.loupe.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The sparse solver with its proof against the dense one, which is itself checked against others. */
class CertifiedAssignmentTest {

    @Test
    void totalsEqualThoseOfTheDenseSolverOnRandomAndAdversarialRows() {
        Cases.check(400, random -> {
            int d = 2 + random.nextInt(20);
            int n = 1 + random.nextInt(90);
            int m = random.nextBoolean() ? n : n + random.nextInt(60);
            float[][] a = random.matrix(n, d);
            float[][] b = random.matrix(m, d);
            spoil(random, a, b);
            UnitRows unitA = UnitRows.of(Matrix.copyOf(a));
            UnitRows unitB = UnitRows.of(Matrix.copyOf(b));
            float[][] cosines = Cosines.all(Matrix.copyOf(a), Matrix.copyOf(b));
            double best = Assignment.maximise(cosines, m, done -> {}).total();
            int listed = new int[] {1, 2, 3, 8, 32}[random.nextInt(5)];
            CertifiedAssignment exact =
                    CertifiedAssignment.solve(unitA, unitB, listed, 0, CandidateFile.NONE, Progress.silent());
            check(exact, cosines, n, m);
            assertThat(exact.total()).isCloseTo(best, within(1e-5 * n));
            assertThat(exact.bound()).isCloseTo(best, within(1e-5 * n));
            CertifiedAssignment near =
                    CertifiedAssignment.solve(unitA, unitB, listed, 1e-2, CandidateFile.NONE, Progress.silent());
            check(near, cosines, n, m);
            assertThat(near.bound()).isGreaterThan(best - 1e-5 * n);
            assertThat(near.gap()).isLessThanOrEqualTo(1e-2 + 1e-9);
        });
    }

    @Test
    void totalsEqualThoseOfJGraphT() {
        Cases.check(250, random -> {
            int d = 2 + random.nextInt(6);
            int n = 1 + random.nextInt(16);
            float[][] a = random.matrix(n, d);
            float[][] b = random.matrix(n, d);
            spoil(random, a, b);
            double best = AssignmentTest.jgrapht(Cosines.all(Matrix.copyOf(a), Matrix.copyOf(b)));
            CertifiedAssignment exact = CertifiedAssignment.solve(
                    UnitRows.of(Matrix.copyOf(a)),
                    UnitRows.of(Matrix.copyOf(b)),
                    1 + random.nextInt(4),
                    0,
                    CandidateFile.NONE,
                    Progress.silent());
            assertThat(exact.total()).isCloseTo(best, within(1e-5 * n));
        });
    }

    @Test
    void aPlantedPermutationIsFoundAmongOrphansAndTheProofHolds() {
        Cases.Random random = Cases.random();
        int n = 3000;
        int d = 64;
        float[][] a = random.matrix(n, d);
        float[][] b = new float[n][];
        int[] planted = random.permutation(n);
        for (int i = 0; i < n; i++) {
            b[planted[i]] = i % 2 == 0 ? scaledSum(a[i], 0.8f, random.floats(d), 0.6f) : random.floats(d);
        }
        CertifiedAssignment found = CertifiedAssignment.solve(
                UnitRows.of(Matrix.copyOf(a)),
                UnitRows.of(Matrix.copyOf(b)),
                16,
                1e-4,
                CandidateFile.NONE,
                Progress.silent());
        assertThat(found.gap()).isLessThanOrEqualTo(1e-4);
        int right = 0;
        for (int i = 0; i < n; i += 2) {
            right += found.columnOf()[i] == planted[i] ? 1 : 0;
        }
        assertThat(right).isGreaterThan(n / 2 - n / 100);
        float[][] cosines = Cosines.all(Matrix.copyOf(a), Matrix.copyOf(b));
        double best = Assignment.maximise(cosines, n, done -> {}).total();
        assertThat(found.total()).isBetween(best * (1 - 1e-4), best + 1e-3);
        assertThat(found.bound()).isGreaterThan(best - 1e-3);
    }

    @Test
    void bothWaysOfMatchingASideAgreeWhicheverSideIsWider() {
        Cases.check(40, random -> {
            int n = 1 + random.nextInt(80);
            int m = 1 + random.nextInt(80);
            float[][] a = random.matrix(n, 7);
            float[][] b = random.matrix(m, 7);
            spoil(random, a, b.length >= a.length ? b : random.matrix(n, 7));
            Side dense = Side.dense(Matrix.copyOf(a), Matrix.copyOf(b), done -> {});
            Side sparse = Side.certified(Matrix.copyOf(a), Matrix.copyOf(b), 0, CandidateFile.NONE, Progress.silent());
            assertThat(sparse.meanCosine()).isCloseTo(dense.meanCosine(), within(1e-5));
            for (int i = 0; i < n; i++) {
                assertThat(sparse.cosineA()[i]).isCloseTo(dense.cosineA()[i], within(1e-5f));
                assertThat(sparse.nearestA()[i]).isBetween(0, m - 1);
            }
            for (int j = 0; j < m; j++) {
                assertThat(sparse.cosineB()[j]).isCloseTo(dense.cosineB()[j], within(1e-5f));
            }
            assertThat(java.util.Arrays.stream(sparse.match())
                            .filter(j -> j >= 0)
                            .distinct()
                            .count())
                    .isEqualTo(Math.min(n, m));
        });
    }

    private static float[] scaledSum(float[] x, float f, float[] y, float g) {
        float[] z = new float[x.length];
        for (int c = 0; c < z.length; c++) {
            z[c] = f * x[c] + g * y[c];
        }
        return z;
    }

    private static void check(CertifiedAssignment found, float[][] cosines, int n, int m) {
        Set<Integer> used = new HashSet<>();
        double total = 0;
        for (int i = 0; i < n; i++) {
            int j = found.columnOf()[i];
            assertThat(j).isBetween(0, m - 1);
            assertThat(used.add(j)).isTrue();
            assertThat(found.cosine()[i]).isCloseTo(cosines[i][j], within(1e-5f));
            total += found.cosine()[i];
        }
        assertThat(found.total()).isCloseTo(total, within(1e-9 * n));
    }

    /** Leaves the rows random, or makes copies, near copies, dead rows, few directions, a planted partner for some. */
    private static void spoil(Cases.Random random, float[][] a, float[][] b) {
        int kind = random.index() % 9;
        for (int i = 0; i < a.length; i++) {
            switch (kind) {
                case 1 -> a[i] = a[i / 7 * 7].clone();
                case 2 -> a[i] = near(random, a[0]);
                case 3 -> a[i] = i % 2 == 0 ? new float[a[i].length] : a[i];
                case 4 -> a[i] = b[random.nextInt(b.length)].clone();
                case 5 -> a[i] = near(random, b[i / 2]);
                case 6 -> a[i] = i % 5 == 0 ? spoilt(a[i]) : b[i];
                case 7 -> a[i] = new float[a[i].length];
                default -> {}
            }
        }
        for (int j = 0; j < b.length; j++) {
            switch (kind) {
                case 1 -> b[j] = b[j % 3].clone();
                case 3 -> b[j] = j % 3 == 0 ? new float[b[j].length] : b[j];
                case 8 -> b[j] = j % 2 == 0 ? near(random, b[0]) : b[j];
                default -> {}
            }
        }
    }

    private static float[] near(Cases.Random random, float[] x) {
        float[] y = x.clone();
        for (int c = 0; c < y.length; c++) {
            y[c] += 0.01f * (float) random.nextGaussian();
        }
        return y;
    }

    private static float[] spoilt(float[] x) {
        float[] y = x.clone();
        y[0] = x[1] > 0 ? Float.NaN : Float.POSITIVE_INFINITY;
        return y;
    }
}
