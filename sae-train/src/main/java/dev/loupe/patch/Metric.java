package dev.loupe.patch;

import dev.loupe.model.LogitSeed;
import java.util.Arrays;

/**
 * A metric on the logits of the last position: its value and its gradient by the logits z.
 *
 * <ul>
 *   <li>difference: z_answer − z_wrong; normalised is the same over (clean − corrupt), from the corrupted run's 0
 *   <li>logprob: log softmax(z)_answer; gradient: 1_answer − p
 *   <li>kl: −Σ q (log q − log p) with q of the clean run; gradient: q − p
 * </ul>
 */
final class Metric implements LogitSeed {
    private final PatchMetric kind;
    private final PromptPair pair;
    private final float[] cleanLogProbs;
    private final double offset;
    private final double scale;

    private Metric(PatchMetric kind, PromptPair pair, float[] cleanLogProbs, double offset, double scale) {
        this.kind = kind;
        this.pair = pair;
        this.cleanLogProbs = cleanLogProbs;
        this.offset = offset;
        this.scale = scale;
    }

    /** The metric, given the last logits of the two reference runs. */
    static Metric of(PatchMetric kind, PromptPair pair, float[] clean, float[] corrupt) {
        double offset = 0;
        double scale = 1;
        if (kind == PatchMetric.NORMALISED) {
            offset = difference(pair, corrupt);
            double range = difference(pair, clean) - offset;
            if (range == 0) {
                throw new dev.loupe.base.LoupeException("The clean and the corrupted run have the same logit difference"
                        + " (" + offset + "), so it cannot be normalised; use --metric difference.");
            }
            scale = 1 / range;
        }
        return new Metric(kind, pair, logProbs(clean), offset, scale);
    }

    static double difference(PromptPair pair, float[] logits) {
        return (double) logits[pair.answer()] - logits[pair.wrong()];
    }

    /** Value of the metric. */
    double value(float[] logits) {
        switch (kind) {
            case DIFFERENCE, NORMALISED:
                return (difference(pair, logits) - offset) * scale;
            case LOGPROB:
                return logits[pair.answer()] - logSumExp(logits);
            default:
                double norm = logSumExp(logits);
                double sum = 0;
                for (int i = 0; i < logits.length; i++) {
                    double q = cleanLogProbs[i];
                    sum -= Math.exp(q) * (q - (logits[i] - norm));
                }
                return sum;
        }
    }

    @Override
    public double seed(int row, float[] logits, float[] gradient) {
        if (kind == PatchMetric.DIFFERENCE || kind == PatchMetric.NORMALISED) {
            Arrays.fill(gradient, 0);
            gradient[pair.answer()] = (float) scale;
            gradient[pair.wrong()] = (float) -scale;
            return value(logits);
        }
        double norm = logSumExp(logits);
        for (int i = 0; i < logits.length; i++) {
            double q = kind == PatchMetric.KL ? Math.exp(cleanLogProbs[i]) : i == pair.answer() ? 1 : 0;
            gradient[i] = (float) (q - Math.exp(logits[i] - norm));
        }
        return value(logits);
    }

    private static double logSumExp(float[] logits) {
        double max = Double.NEGATIVE_INFINITY;
        for (float v : logits) {
            max = Math.max(max, v);
        }
        double sum = 0;
        for (float v : logits) {
            sum += Math.exp(v - max);
        }
        return max + Math.log(sum);
    }

    private static float[] logProbs(float[] logits) {
        double norm = logSumExp(logits);
        float[] p = new float[logits.length];
        for (int i = 0; i < p.length; i++) {
            p[i] = (float) (logits[i] - norm);
        }
        return p;
    }
}
