package dev.loupe.patch;

import dev.loupe.model.LogitSeed;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A metric on the logits z of the last position of one pair: its value and its gradient by z. A is the set of answers, W
 * that of wrong answers, p = softmax(z).
 *
 * <ul>
 *   <li>difference: mean of z over A − mean over W; normalised is the same, scaled when everything is added up
 *   <li>logprob: log Σ_A p; gradient p_i [i ∈ A] / Σ_A p − p_i
 *   <li>probability: m = Σ_A p − Σ_W p; gradient p_i ([i ∈ A] − [i ∈ W] − m)
 *   <li>kl: −Σ q (log q − log p) with q of the clean run; gradient: q − p
 * </ul>
 */
final class Metric implements LogitSeed {
    private final PatchMetric kind;
    private final PromptPair pair;
    private final float @Nullable [] cleanLogProbs;

    private Metric(PatchMetric kind, PromptPair pair, float @Nullable [] cleanLogProbs) {
        this.kind = kind;
        this.pair = pair;
        this.cleanLogProbs = cleanLogProbs;
    }

    /** The metric, given the clean run's last logits. */
    static Metric of(PatchMetric kind, PromptPair pair, float[] clean) {
        return new Metric(kind, pair, kind == PatchMetric.KL ? logProbs(clean) : null);
    }

    /** Mean logit of the answers less that of the wrong ones. */
    static double difference(PromptPair pair, float[] logits) {
        return mean(logits, pair.answers()) - mean(logits, pair.wrongs());
    }

    private static double mean(float[] logits, int[] ids) {
        double sum = 0;
        for (int id : ids) {
            sum += logits[id];
        }
        return sum / ids.length;
    }

    /** Value of the metric. */
    double value(float[] logits) {
        switch (kind) {
            case DIFFERENCE, NORMALISED:
                return difference(pair, logits);
            case LOGPROB:
                return Math.log(probability(logits, pair.answers(), logSumExp(logits)));
            case PROBABILITY:
                double all = logSumExp(logits);
                return probability(logits, pair.answers(), all) - probability(logits, pair.wrongs(), all);
            default:
                double norm = logSumExp(logits);
                float[] clean = java.util.Objects.requireNonNull(cleanLogProbs);
                double sum = 0;
                for (int i = 0; i < logits.length; i++) {
                    double q = clean[i];
                    sum -= Math.exp(q) * (q - (logits[i] - norm));
                }
                return sum;
        }
    }

    private static double probability(float[] logits, int[] ids, double norm) {
        double sum = 0;
        for (int id : ids) {
            sum += Math.exp(logits[id] - norm);
        }
        return sum;
    }

    @Override
    public double seed(int row, float[] logits, float[] gradient) {
        double value = value(logits);
        Arrays.fill(gradient, 0);
        if (kind == PatchMetric.DIFFERENCE || kind == PatchMetric.NORMALISED) {
            for (int id : pair.answers()) {
                gradient[id] += 1f / pair.answers().length;
            }
            for (int id : pair.wrongs()) {
                gradient[id] -= 1f / pair.wrongs().length;
            }
            return value;
        }
        double norm = logSumExp(logits);
        double[] weight = new double[logits.length]; // gradient = p (weight − Σ p weight)
        if (kind == PatchMetric.KL) {
            float[] clean = java.util.Objects.requireNonNull(cleanLogProbs);
            for (int i = 0; i < logits.length; i++) {
                gradient[i] = (float) (Math.exp(clean[i]) - Math.exp(logits[i] - norm));
            }
            return value;
        }
        double scale = kind == PatchMetric.LOGPROB ? 1 / probability(logits, pair.answers(), norm) : 1;
        for (int id : pair.answers()) {
            weight[id] += scale;
        }
        if (kind == PatchMetric.PROBABILITY) {
            for (int id : pair.wrongs()) {
                weight[id] -= 1;
            }
        }
        double mean = kind == PatchMetric.LOGPROB ? 1 : value;
        for (int i = 0; i < logits.length; i++) {
            gradient[i] = (float) (Math.exp(logits[i] - norm) * (weight[i] - mean));
        }
        return value;
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
