package dev.loupe.diagnose.sparsity;

import dev.loupe.diagnose.Numbers;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * CETT of one layer on some tokens: with neurons left out whose output ‖n_i‖ lies below ε, the length of what is left out
 * over the length of the whole output, mean over tokens. For each token the outputs are sorted once, so that any ε costs
 * a search.
 */
final class OutputShares {
    private final double[] norms; // ‖W_out,i‖
    private final List<float[]> sizes = new ArrayList<>(); // by token, ascending
    private final List<float[]> left = new ArrayList<>(); // left[m]: ‖sum of the m smallest‖ / ‖sum of all‖

    /** @param norms length of what each unit writes at activation 1 */
    OutputShares(double[] norms) {
        this.norms = norms;
    }

    /** The lengths of rows. */
    static double[] norms(Matrix rows) {
        double[] norms = new double[(int) rows.rows()];
        for (int i = 0; i < norms.length; i++) {
            norms[i] = Numbers.norm(rows.row(i));
        }
        return norms;
    }

    /**
     * Adds a token.
     *
     * @param units which units have activations; null for all in order
     * @param outputs row i is what unit i writes at activation 1
     */
    void add(int @Nullable [] units, float[] activations, Matrix outputs) {
        int n = activations.length;
        Integer[] order = new Integer[n];
        double[] size = new double[n];
        for (int i = 0; i < n; i++) {
            order[i] = i;
            size[i] = Math.abs(activations[i]) * norms[units == null ? i : units[i]];
        }
        Arrays.sort(order, Comparator.comparingDouble(i -> size[i]));
        float[] sum = new float[outputs.cols()];
        float[] ascending = new float[n];
        float[] shares = new float[n + 1];
        for (int m = 0; m < n; m++) {
            int i = order[m];
            ascending[m] = (float) size[i];
            if (activations[i] != 0) {
                VectorOps.axpy(
                        activations[i],
                        outputs.segment(),
                        outputs.offset(units == null ? i : units[i]),
                        sum,
                        0,
                        sum.length);
            }
            shares[m + 1] = VectorOps.dot(sum, 0, sum, 0, sum.length); // squared, for now
        }
        double whole = Math.sqrt(shares[n]);
        for (int m = 0; m <= n; m++) {
            shares[m] = whole == 0 ? 0 : (float) (Math.sqrt(shares[m]) / whole);
        }
        sizes.add(ascending);
        left.add(shares);
    }

    int tokens() {
        return sizes.size();
    }

    /** CETT(ε), mean over tokens. */
    double cett(double epsilon) {
        double sum = 0;
        for (int t = 0; t < sizes.size(); t++) {
            sum += left.get(t)[below(sizes.get(t), epsilon)];
        }
        return sum / sizes.size();
    }

    /** The share of units at or above ε and not 0, mean over tokens. */
    double active(double epsilon) {
        double sum = 0;
        for (float[] ascending : sizes) {
            int cut = Math.max(below(ascending, epsilon), below(ascending, Double.MIN_VALUE));
            sum += (double) (ascending.length - cut) / norms.length;
        }
        return sum / sizes.size();
    }

    /** The ε whose CETT is closest to c from below, by bisection. */
    double epsilon(double c) {
        double low = 0;
        double high = 0;
        for (float[] ascending : sizes) {
            high = Math.max(high, ascending.length == 0 ? 0 : ascending[ascending.length - 1]);
        }
        if (c >= 1) {
            return Math.nextUp((float) high);
        }
        for (int i = 0; i < 50; i++) {
            double middle = (low + high) / 2;
            if (cett(middle) <= c) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** The fewest units, largest first, whose left-out rest has at most a share of the length, mean over tokens. */
    double needed(double share) {
        double sum = 0;
        for (float[] shares : left) {
            sum += needed(shares, share);
        }
        return sum / left.size();
    }

    /** The same for each token. */
    double[] neededByToken(double share) {
        return left.stream().mapToDouble(s -> needed(s, share)).toArray();
    }

    private static int needed(float[] shares, double share) {
        int m = 0;
        while (m + 1 < shares.length && shares[m + 1] <= share) {
            m++;
        }
        return shares.length - 1 - m;
    }

    /** How many values of an ascending array are below a limit. */
    private static int below(float[] ascending, double limit) {
        int low = 0;
        int high = ascending.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (ascending[middle] < limit) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
