package dev.loupe.train;

import dev.loupe.base.UsageException;
import java.util.List;

/**
 * What only TopK has; in settings files under {@code topk}.
 *
 * @param selection exact: the k largest pre-activations of each row; statistical: approximately k, those above mean + std ·
 *     Q(1 − k/d_sae) of the row (Spark Transformer, arXiv 2506.06644)
 */
public record TopKSettings(String selection) {
    private static final String STATISTICAL = "statistical";

    /** Gao et al. */
    static final TopKSettings DEFAULT = new TopKSettings("exact");

    /** Refuses what does not exist. */
    public TopKSettings {
        if (!List.of("exact", STATISTICAL).contains(selection)) {
            throw new UsageException("There is no selection \"" + selection
                    + "\" for topk.selection; there are exact and statistical (approximate).");
        }
    }

    /** Whether the selection is approximate. */
    boolean statistical() {
        return selection.equals(STATISTICAL);
    }
}
