package dev.loupe.feature;

import dev.loupe.corpus.Document;
import dev.loupe.feature.TokenCounts.Entry;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a latent depends on beside the current token: works it out from what a pass gathered. */
final class Contexts {
    /** A label counts as one the latent fires on from this share of its firings on. */
    private static final double LABEL_SHARE = 0.02;

    private final Totals totals;
    private final double unseenHeldOut; // held-out rows whose token no training row has

    Contexts(Totals totals) {
        this.totals = totals;
        long unseen = 0;
        for (int t = 0; t < totals.tokens.length; t++) {
            unseen += totals.tokens[t] == totals.tokensHeldOut[t] ? totals.tokensHeldOut[t] : 0;
        }
        this.unseenHeldOut = unseen;
    }

    /** The context of a latent that fired. */
    FeatureContext of(LatentStats s) {
        List<PositionRate> positions = new ArrayList<>();
        for (int b = 0; b < PositionBands.COUNT; b++) {
            if (totals.positions[b] > 0) {
                positions.add(new PositionRate(
                        PositionBands.first(b), PositionBands.last(b), totals.positions[b], s.byPosition[b]));
            }
        }
        return new FeatureContext(
                tokenR2(s), labelEntropy(s), labels(s), s.tokens.size(), firstPositions(s), List.copyOf(positions));
    }

    /**
     * The held-out share of the latent's variance that the current token alone predicts, the prediction being the mean
     * activation on that token over training rows (over all training rows where training has no such token). 1 means
     * that nothing but the token matters; below 0 it predicts worse than the held-out mean does.
     *
     * @return null where the latent is constant on held-out rows, or there are none
     */
    private @Nullable Double tokenR2(LatentStats s) {
        long heldOutRows = totals.heldOutRows;
        long trainRows = totals.rows - heldOutRows;
        if (heldOutRows == 0 || trainRows == 0) {
            return null;
        }
        double total = s.heldOutSumSquares - s.heldOutSum * s.heldOutSum / heldOutRows;
        if (!(total > 1e-12 * s.heldOutSumSquares)) {
            return null;
        }
        double trainMean = (s.sum - s.heldOutSum) / trainRows;
        // sum of (a - m)^2 = sum of a^2 - 2 m a + m^2, token by token; tokens without an entry have m = 0 and a = 0
        double error = s.heldOutSumSquares + trainMean * trainMean * unseenHeldOut;
        for (Entry e : s.tokens.entries()) {
            long heldOut = totals.tokensHeldOut[e.token()];
            long train = totals.tokens[e.token()] - heldOut;
            if (train == 0) {
                error -= 2 * trainMean * e.heldOutSum();
            } else {
                double mean = e.trainSum() / train;
                error += mean * mean * heldOut - 2 * mean * e.heldOutSum();
            }
        }
        return 1 - error / total;
    }

    /**
     * Entropy in nats of the firing rates by document label, normalised to sum 1: 0 where it fires under one label only,
     * ln(labels) where it does not care. Rates, not counts, so that a common language weighs no more than a rare one.
     *
     * @return null where fewer than two labels have tokens
     */
    private @Nullable Double labelEntropy(LatentStats s) {
        double sum = 0;
        int known = 0;
        double[] rates = new double[totals.labels().size()];
        for (int l = 0; l < rates.length; l++) {
            if (says(l) && totals.labelTokens[l] > 0) {
                known++;
                rates[l] = (double) s.byLabel[l] / totals.labelTokens[l];
                sum += rates[l];
            }
        }
        if (known < 2 || sum == 0) {
            return null;
        }
        double entropy = 0;
        for (double rate : rates) {
            double p = rate / sum;
            entropy -= p > 0 ? p * Math.log(p) : 0;
        }
        return Math.max(0, entropy);
    }

    private int labels(LatentStats s) {
        int count = 0;
        for (int l = 0; l < s.byLabel.length; l++) {
            count += says(l) && s.byLabel[l] >= LABEL_SHARE * s.fired && s.byLabel[l] > 0 ? 1 : 0;
        }
        return count;
    }

    private boolean says(int label) {
        String name = totals.labels().get(label);
        return !name.isEmpty() && !name.equals(Document.UNDETERMINED);
    }

    private static double firstPositions(LatentStats s) {
        long first = 0;
        for (int b = 0; PositionBands.last(b) <= FeatureContext.FIRST; b++) {
            first += s.byPosition[b];
        }
        return (double) first / s.fired;
    }
}
