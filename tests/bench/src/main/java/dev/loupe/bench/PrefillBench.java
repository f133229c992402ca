package dev.loupe.bench;

import dev.loupe.model.Forward;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.util.Map;

/** One pass over 8 x 128 tokens to the last logits; the peer is transformers' model with {@code logits_to_keep=1}. */
final class PrefillBench extends SizedBench {
    private static final int BATCH = 8;
    private static final int LENGTH = 128;

    PrefillBench(RandomModel shape, WeightType precision) {
        super("prefill", shape, precision);
    }

    @Override
    public String setting() {
        return shape.title() + " random model, " + BATCH + " x " + LENGTH + " tokens to the last logits, "
                + precision.text();
    }

    @Override
    public double tolerance() {
        return precision.tolerance();
    }

    @Override
    int[][] ids() {
        return randomIds(BATCH, LENGTH);
    }

    @Override
    String peerType() {
        return precision == WeightType.BFLOAT16 ? "bfloat16" : "float32";
    }

    @Override
    Map<String, Object> more() {
        return Map.of();
    }

    @Override
    public Measured run() {
        TokenBatch tokens = new TokenBatch(ids());
        long start = System.nanoTime();
        Forward forward = model().forward(tokens, Taps.none(), Want.LAST_LOGITS);
        double seconds = (System.nanoTime() - start) / 1e9;
        double answer = 0;
        for (int b = 0; b < BATCH; b++) {
            for (float logit : forward.lastLogits(b)) {
                answer += Math.abs(logit);
            }
        }
        return new Measured((double) BATCH * LENGTH, seconds, answer);
    }
}
