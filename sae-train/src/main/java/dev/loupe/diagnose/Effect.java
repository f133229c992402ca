package dev.loupe.diagnose;

/**
 * What a change did to the predictions at the ordinary positions of the trial text; means over predicted tokens.
 *
 * @param tokens predictions compared
 * @param baseLoss loss of the next token without the change, in nats
 * @param loss with it
 * @param kl KL(without ‖ with) in nats
 * @param difference total variation: half the sum of |p − q| over the vocabulary
 * @param relative |p − q| / ((p + q) / 2) of the next token
 * @param distance root of the mean squared difference of logits, each row's mean taken off
 * @param agreement share of positions whose likeliest token is the same
 */
public record Effect(
        long tokens,
        double baseLoss,
        double loss,
        double kl,
        double difference,
        double relative,
        double distance,
        double agreement) {

    /** By how much the loss rises, in nats. */
    public double deltaLoss() {
        return loss - baseLoss;
    }

    /** exp of the loss. */
    public double perplexity() {
        return Math.exp(loss);
    }

    /** exp of the loss without the change. */
    public double basePerplexity() {
        return Math.exp(baseLoss);
    }

    /** Collects predictions. */
    static final class Sum {
        private long tokens;
        private double baseLoss;
        private double loss;
        private double kl;
        private double difference;
        private double relative;
        private double squares;
        private long agreements;

        void add(Prediction base, Prediction changed, int target) {
            double divergence = 0;
            double variation = 0;
            double shift = changed.meanLogit() - base.meanLogit();
            double distance = 0;
            float[] p = base.probabilities();
            float[] q = changed.probabilities();
            double norms = changed.norm() - base.norm();
            for (int i = 0; i < p.length; i++) {
                double d = (double) changed.logits()[i] - base.logits()[i];
                divergence += p[i] * (norms - d); // log p − log q
                variation += Math.abs(p[i] - q[i]);
                distance += (d - shift) * (d - shift);
            }
            tokens++;
            baseLoss += base.loss(target);
            loss += changed.loss(target);
            kl += Math.max(0, divergence);
            difference += variation / 2;
            double pt = Math.exp(-base.loss(target));
            double qt = Math.exp(-changed.loss(target));
            relative += pt + qt == 0 ? 0 : Math.abs(pt - qt) / ((pt + qt) / 2);
            squares += distance / p.length;
            agreements += base.likeliest() == changed.likeliest() ? 1 : 0;
        }

        void add(Sum other) {
            tokens += other.tokens;
            baseLoss += other.baseLoss;
            loss += other.loss;
            kl += other.kl;
            difference += other.difference;
            relative += other.relative;
            squares += other.squares;
            agreements += other.agreements;
        }

        Effect effect() {
            return new Effect(
                    tokens,
                    baseLoss / tokens,
                    loss / tokens,
                    kl / tokens,
                    difference / tokens,
                    relative / tokens,
                    Math.sqrt(squares / tokens),
                    (double) agreements / tokens);
        }
    }
}
