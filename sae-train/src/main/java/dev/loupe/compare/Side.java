package dev.loupe.compare;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * Rows of one kind (decoder or encoder) of two SAEs, assigned to each other.
 *
 * @param match per row of A its partner, or −1
 * @param cosine of the two, 0 without a partner
 * @param gap proven bound on what the total lacks, as a share
 * @param nearestA per row of A the row of B with the largest cosine
 * @param cosineA that cosine
 * @param nearestB the same for rows of B
 * @param cosineB that cosine
 */
record Side(int[] match, float[] cosine, double gap, int[] nearestA, float[] cosineA, int[] nearestB, float[] cosineB) {

    /** All cosines are held and the assignment is optimal. */
    static Side dense(Matrix a, Matrix b, IntConsumer progress) {
        int n = Math.toIntExact(a.rows());
        int m = Math.toIntExact(b.rows());
        float[][] cosines = Cosines.all(a, b);
        int[] nearestA = new int[n];
        float[] cosineA = new float[n];
        int[] nearestB = new int[m];
        float[] cosineB = new float[m];
        Arrays.fill(cosineA, Float.NEGATIVE_INFINITY);
        Arrays.fill(cosineB, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < m; j++) {
                float c = cosines[i][j];
                if (c > cosineA[i]) {
                    cosineA[i] = c;
                    nearestA[i] = j;
                }
                if (c > cosineB[j]) {
                    cosineB[j] = c;
                    nearestB[j] = i;
                }
            }
        }
        boolean flip = n > m;
        Assignment best = Assignment.maximise(flip ? transposed(cosines, m) : cosines, Math.max(n, m), progress);
        int[] match = flip ? inverted(best.columns(), n) : best.columns();
        float[] cosine = new float[n];
        for (int i = 0; i < n; i++) {
            cosine[i] = match[i] < 0 ? 0 : cosines[i][match[i]];
        }
        return new Side(match, cosine, best.gap(), nearestA, cosineA, nearestB, cosineB);
    }

    /** Only the largest cosines are held; the gap is at most the tolerance. */
    static Side certified(Matrix a, Matrix b, double tolerance, CandidateFile kept, Progress progress) {
        UnitRows unitA = UnitRows.of(a);
        UnitRows unitB = UnitRows.of(b);
        boolean flip = unitA.size() > unitB.size();
        CertifiedAssignment found = CertifiedAssignment.solve(
                flip ? unitB : unitA, flip ? unitA : unitB, CertifiedAssignment.LISTED, tolerance, kept, progress);
        int n = unitA.size();
        int[] match = flip ? inverted(found.columnOf(), n) : found.columnOf();
        float[] cosine = new float[n];
        for (int i = 0; i < n; i++) {
            cosine[i] = match[i] < 0 ? 0 : found.cosine()[flip ? match[i] : i];
        }
        TopLists ofA = flip ? found.candidates().byColumn : found.candidates().byRow;
        TopLists ofB = flip ? found.candidates().byRow : found.candidates().byColumn;
        Nearest nearestA = Nearest.of(ofA, unitA, unitB);
        Nearest nearestB = Nearest.of(ofB, unitB, unitA);
        return new Side(match, cosine, found.gap(), nearestA.ids, nearestA.cosines, nearestB.ids, nearestB.cosines);
    }

    /** Largest cosine of each row. The lists know nothing of dead rows, to which every row has cosine 0. */
    private record Nearest(int[] ids, float[] cosines) {
        static Nearest of(TopLists lists, UnitRows own, UnitRows other) {
            int[] ids = lists.bestIds();
            float[] cosines = lists.bestValues();
            int firstDead = 0;
            while (firstDead < other.size() && !other.dead(firstDead)) {
                firstDead++;
            }
            for (int i = 0; i < ids.length; i++) {
                if (own.dead(i) || ids[i] < 0) {
                    ids[i] = 0;
                    cosines[i] = 0;
                } else if (cosines[i] < 0 && firstDead < other.size()) {
                    ids[i] = firstDead;
                    cosines[i] = 0;
                }
            }
            return new Nearest(ids, cosines);
        }
    }

    private static int[] inverted(int[] partner, int size) {
        int[] inverse = new int[size];
        Arrays.fill(inverse, -1);
        for (int i = 0; i < partner.length; i++) {
            inverse[partner[i]] = i;
        }
        return inverse;
    }

    private static float[][] transposed(float[][] x, int cols) {
        float[][] t = new float[cols][x.length];
        for (int i = 0; i < x.length; i++) {
            for (int j = 0; j < cols; j++) {
                t[j][i] = x[i][j];
            }
        }
        return t;
    }

    /** Mean cosine of the assigned pairs. */
    double meanCosine() {
        double sum = 0;
        int pairs = 0;
        for (int i = 0; i < match.length; i++) {
            if (match[i] >= 0) {
                sum += cosine[i];
                pairs++;
            }
        }
        return sum / pairs;
    }
}
