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
 * @param shardRows rows of a full shard, which is one task of a cluster; null for as many as fit into 256 MB, 65,536 at most
 */
@JsonNaming(SnakeCaseStrategy.class)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record CaptureRules(
        @Nullable Packing packing,
        int excludeFirst,
        @Nullable List<Integer> maskDimensions,
        @Nullable Double clip,
        @Nullable Integer shardRows) {
    private static final int LEAST_SHARD_ROWS = 1024;

    /** The defaults. */
    public static final CaptureRules NONE = new CaptureRules(null, 0, null, null, null);

    /** Checks what can be checked without a model. */
    public CaptureRules {
        if (excludeFirst < 0) {
            throw new UsageException(
                    "The first positions to leave out cannot be fewer than 0; they are " + excludeFirst + ".");
        }
        if (shardRows != null && (shardRows < LEAST_SHARD_ROWS || shardRows > CapturePlan.MOST_CHOSEN_ROWS)) {
            throw new UsageException("A shard has " + LEAST_SHARD_ROWS + " to " + CapturePlan.MOST_CHOSEN_ROWS
                    + " rows; they are " + shardRows + ".");
        }
    }

    /** Rules with shards as large as memory allows. */
    public CaptureRules(
            @Nullable Packing packing,
            int excludeFirst,
            @Nullable List<Integer> maskDimensions,
            @Nullable Double clip) {
        this(packing, excludeFirst, maskDimensions, clip, null);
    }

    /** The same with shards of so many rows. */
    public CaptureRules withShardRows(@Nullable Integer rows) {
        return new CaptureRules(packing, excludeFirst, maskDimensions, clip, rows);
    }

    Packing packingOrDefault() {
        return packing == null ? Packing.DOCUMENTS : packing;
    }

    ValueRule values() {
        return new ValueRule(maskDimensions == null ? List.of() : maskDimensions, clip);
    }
}
