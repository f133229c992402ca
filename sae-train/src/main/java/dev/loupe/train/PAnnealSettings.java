package dev.loupe.train;

/**
 * What only p-annealing has; in settings files under {@code panneal}.
 *
 * @param end the last power p
 * @param start when p begins to fall from 1
 * @param updates in how many equal steps it falls, evenly until the end of the run
 */
public record PAnnealSettings(double end, Span start, int updates) {

    /** dictionary_learning's demo: to 0.2 in ten updates, from the first third on. */
    static final PAnnealSettings DEFAULT = new PAnnealSettings(0.2, Span.share(1 / 3.0), 10);

    /** Refuses what cannot be annealed. */
    public PAnnealSettings {
        TrainConfig.need(end > 0 && end <= 1, "panneal.end", "above 0 and at most 1");
        TrainConfig.need(updates >= 1, "panneal.updates", "at least 1");
    }
}
