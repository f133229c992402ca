package dev.loupe.diagnose;

/** The model's distribution over the next token at one position. */
final class Prediction {
    private final float[] logits;
    private final float[] probabilities;
    private final double norm;
    private final double meanLogit;
    private final int likeliest;

    Prediction(float[] logits) {
        this.logits = logits;
        this.probabilities = new float[logits.length];
        int best = 0;
        double mean = 0;
        for (int i = 0; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
            mean += logits[i];
        }
        double sum = 0;
        for (int i = 0; i < logits.length; i++) {
            double e = Math.exp((double) logits[i] - logits[best]);
            probabilities[i] = (float) e;
            sum += e;
        }
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] = (float) (probabilities[i] / sum);
        }
        norm = logits[best] + Math.log(sum);
        meanLogit = mean / logits.length;
        likeliest = best;
    }

    float[] logits() {
        return logits;
    }

    float[] probabilities() {
        return probabilities;
    }

    /** log Σ exp(logit). */
    double norm() {
        return norm;
    }

    double meanLogit() {
        return meanLogit;
    }

    int likeliest() {
        return likeliest;
    }

    /** −log of the probability of a token, in nats. */
    double loss(int target) {
        return norm - logits[target];
    }
}
