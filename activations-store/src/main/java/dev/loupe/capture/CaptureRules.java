package dev.loupe.capture;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.Packing;
import dev.loupe.store.ValueRule;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Choices of a capture that are seldom made.
 *
 * @param packing how documents become sequences; null for {@link Packing#DOCUMENTS}
 * @param excludeFirst positions at the start of every sequence, BOS counted, that get no row
 * @param maskDimensions dimensions set to zero before rows are stored; null for none
 * @param clip largest |a| that is stored; null for no limit
 */
@JsonNaming(SnakeCaseStrategy.class)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record CaptureRules(
        @Nullable Packing packing,
        int excludeFirst,
        @Nullable List<Integer> maskDimensions,
        @Nullable Double clip) {
    /** The defaults. */
    public static final CaptureRules NONE = new CaptureRules(null, 0, null, null);

    /** Checks what can be checked without a model. */
    public CaptureRules {
        if (excludeFirst < 0) {
            throw new UsageException(
                    "The first positions to leave out cannot be fewer than 0; they are " + excludeFirst + ".");
        }
    }

    Packing packingOrDefault() {
        return packing == null ? Packing.DOCUMENTS : packing;
    }

    ValueRule values() {
        return new ValueRule(maskDimensions == null ? List.of() : maskDimensions, clip);
    }
}
