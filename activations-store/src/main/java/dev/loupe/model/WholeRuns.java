package dev.loupe.model;

import java.util.Arrays;

/** Variations that share nothing: every run from the start. */
record WholeRuns(LanguageModel model, int[] tokens) implements Variations {
    @Override
    public int position() {
        return 0;
    }

    @Override
    public Forward run(int rows, int layer, Taps taps) {
        int[][] ids = new int[rows][];
        Arrays.fill(ids, tokens);
        return model.forward(new TokenBatch(ids), taps, Want.LAST_LOGITS);
    }

    @Override
    public void close() {}
}
