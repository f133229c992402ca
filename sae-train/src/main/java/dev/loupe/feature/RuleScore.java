package dev.loupe.feature;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Adds up how a rule does on held-out places: it is told every place that the rule speaks about, once. */
final class RuleScore {
    private final LatentText latent;
    private long claimed;
    private long hits;
    private double covered;
    private double sum;
    private double squares;
    private double product;

    RuleScore(LatentText latent) {
        this.latent = latent;
    }

    /**
     * A held-out place that the rule says something about.
     *
     * @param predicted the activation that it expects
     * @param claims whether it says that the latent fires
     */
    void add(int place, double predicted, boolean claims) {
        double value = latent.value(place);
        if (claims) {
            claimed++;
            hits += value > 0 ? 1 : 0;
            covered += value;
        }
        sum += predicted;
        squares += predicted * predicted;
        product += predicted * value;
    }

    LabelCandidate candidate(String kind, String text, List<String> patterns, double trainCoverage) {
        long n = latent.text().heldOutCount();
        long firings = latent.heldOutFired();
        Double recall = firings == 0 ? null : Double.valueOf((double) hits / firings);
        long silent = n - firings;
        double leftAlone = silent == 0 ? 1 : 1 - (double) (claimed - hits) / silent;
        return new LabelCandidate(
                kind,
                text,
                patterns,
                trainCoverage,
                firings == 0 ? null : Double.valueOf(covered / latent.heldOutSum()),
                recall,
                claimed == 0 ? null : Double.valueOf((double) hits / claimed),
                recall == null ? null : Double.valueOf((recall + leftAlone) / 2),
                correlation(n),
                claimed,
                firings);
    }

    private @Nullable Double correlation(long n) {
        double a = latent.heldOutSum();
        double covariance = product - sum * a / n;
        double spread = (squares - sum * sum / n) * (latent.heldOutSquares() - a * a / n);
        return n == 0 || !(spread > 1e-18) ? null : Double.valueOf(Math.clamp(covariance / Math.sqrt(spread), -1, 1));
    }
}
