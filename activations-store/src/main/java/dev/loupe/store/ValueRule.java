package dev.loupe.store;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.UsageException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What is done to an activation before it is stored, against {@link MassiveActivations}: some dimensions are set to zero,
 * then all are limited. Whoever puts an SAE trained on such rows back into the model must do the same: the SAE explains
 * {@link #apply} of a row, the rest of the row passes it by.
 *
 * @param maskDimensions dimensions that are set to zero, ascending
 * @param clip largest |a| that is kept; null for no limit
 */
@JsonNaming(SnakeCaseStrategy.class)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ValueRule(
        List<Integer> maskDimensions, @Nullable Double clip) {
    /** Changes nothing. */
    public static final ValueRule NONE = new ValueRule(List.of(), null);

    /** Checks and sorts. */
    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    public ValueRule {
        maskDimensions = maskDimensions == null
                ? List.of()
                : maskDimensions.stream().distinct().sorted().toList();
        if (!maskDimensions.isEmpty() && maskDimensions.getFirst() < 0) {
            throw new UsageException("There is no dimension " + maskDimensions.getFirst() + " to mask.");
        }
        if (clip != null && !(clip > 0 && Double.isFinite(clip))) {
            throw new UsageException("Values can be clipped at a positive number only, not at " + clip + ".");
        }
    }

    /** Whether it changes nothing. */
    @JsonIgnore
    public boolean isNone() {
        return maskDimensions.isEmpty() && clip == null;
    }

    /**
     * Looks whether a hook point has the dimensions to mask.
     *
     * @throws UsageException if it is narrower
     */
    public void checkWidth(String hook, int width) {
        if (!maskDimensions.isEmpty() && maskDimensions.getLast() >= width) {
            throw new UsageException("The hook point " + hook + " has dimensions 0 to " + (width - 1) + "; dimension "
                    + maskDimensions.getLast() + " cannot be masked.");
        }
    }

    /** Changes a row in place. */
    public void apply(float[] row) {
        for (int d : maskDimensions) {
            row[d] = 0;
        }
        if (clip != null) {
            float limit = clip.floatValue();
            for (int i = 0; i < row.length; i++) {
                row[i] = Math.clamp(row[i], -limit, limit);
            }
        }
    }
}
