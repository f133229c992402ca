package dev.loupe.model;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Results of a pass, in memory of Java's. */
record ForwardResult(
        Map<HookPoint, Activation> read,
        float @Nullable [][] last,
        @Nullable Activation all,
        float @Nullable [][] loss) implements Forward {

    @Override
    public Activation activation(HookPoint hook) {
        Activation a = read.get(hook);
        if (a == null) {
            throw new IllegalStateException("the pass did not read " + hook);
        }
        return a;
    }

    @Override
    public float[] lastLogits(int row) {
        if (last != null) {
            return last[row];
        }
        if (all != null) {
            return all.row(row, all.length(row) - 1);
        }
        throw new IllegalStateException("the pass was not asked for logits");
    }

    @Override
    public Activation allLogits() {
        if (all == null) {
            throw new IllegalStateException("the pass was not asked for all logits");
        }
        return all;
    }

    @Override
    public float[][] tokenLoss() {
        if (loss == null) {
            throw new IllegalStateException("the pass was not asked for losses");
        }
        return loss;
    }

    @Override
    public double meanLoss() {
        double sum = 0;
        long n = 0;
        for (float[] row : tokenLoss()) {
            for (float x : row) {
                sum += x;
            }
            n += row.length;
        }
        return n == 0 ? Double.NaN : sum / n;
    }
}
