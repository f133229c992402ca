package dev.loupe.diagnose.sparsity;

/**
 * Splits a share of inputs to be dropped over the places of a block (TEAL, arXiv 2408.14690, algorithm 1): from nothing on,
 * one place at a time drops five percent more, always the one after whose step the block's error is smallest, until the
 * mean over places, weighted by how many weights they save, reaches the target.
 */
final class PruningBudget {
    /** One step. */
    static final double STEP = 0.05;

    /** Steps that a place can take. */
    static final int LEVELS = 19;

    private PruningBudget() {}

    /**
     * The share that each place drops.
     *
     * @param weights of each place: how many weights its inputs are multiplied with
     * @param errors squared length of the change of the outputs when a place drops {@code level * STEP}, over that of the
     *     outputs, {@code [place][LEVELS + 1]}; changes of several places are taken to add up
     * @param target weighted mean
     */
    static double[] split(long[] weights, double[][] errors, double target) {
        int[] level = new int[weights.length];
        double all = 0;
        for (long w : weights) {
            all += w;
        }
        double reached = 0;
        while (reached + 1e-9 < target) {
            int best = -1;
            double least = Double.POSITIVE_INFINITY;
            for (int i = 0; i < level.length; i++) {
                if (level[i] < LEVELS) {
                    // a place with few weights has to go further for the same gain
                    double more = (errors[i][level[i] + 1] - errors[i][level[i]]) / weights[i];
                    if (more < least) {
                        least = more;
                        best = i;
                    }
                }
            }
            if (best < 0) {
                break;
            }
            level[best]++;
            reached += STEP * weights[best] / all;
        }
        double[] shares = new double[level.length];
        for (int i = 0; i < shares.length; i++) {
            shares[i] = STEP * level[i];
        }
        return shares;
    }
}
