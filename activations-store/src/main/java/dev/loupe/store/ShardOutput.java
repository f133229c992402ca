package dev.loupe.store;

import dev.loupe.store.StoreManifest.DataFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.IntPredicate;

/** Writes the activations of shards: values changed as the spec says, rounded, summed, and put into one file a hook point. */
final class ShardOutput {
    private static final int MOST_BATCH_ROWS = 4096;
    private static final long MOST_BATCH_BYTES = 16L << 20;

    private final Path folder;
    private final StoreSpec spec;
    private final ArrowOutput output;

    ShardOutput(Path folder, StoreSpec spec, ArrowOutput output) {
        this.folder = folder;
        this.spec = spec;
        this.output = output;
    }

    /** The name of the file of a shard. */
    static String name(int shard) {
        return String.format("shard-%05d.arrow", shard);
    }

    /** The file of a hook point's activations in the store's folder. */
    static String file(String hook, int shard) {
        return hook + "/" + name(shard);
    }

    /**
     * Writes a filled buffer.
     *
     * @param heldOut whether a row is held out
     * @param firstRow the number of the first row in the store
     * @param named whether the files get their names; else names of their own
     */
    ShardFiles write(int shard, ShardBuffer buffer, IntPredicate heldOut, long firstRow, boolean named) {
        Map<String, HookSums> sums = new LinkedHashMap<>();
        spec.hooks().forEach((hook, h) -> {
            prepare(buffer, hook, h);
            sums.put(hook, HookSummer.sum(buffer, hook, heldOut, firstRow));
        });
        SequencedMap<String, DataFile> files = new LinkedHashMap<>();
        spec.hooks().forEach((hook, h) -> files.put(hook, write(buffer, hook, h, file(hook, shard), named)));
        return new ShardFiles(shard, files, sums);
    }

    private DataFile write(ShardBuffer buffer, String hook, StoreSpec.HookSpec h, String file, boolean named) {
        var columns = StoreTables.activation(h.width(), h.dtype());
        var schema = ArrowOutput.activationSchema(h.width(), h.dtype());
        var filler = ArrowOutput.activationFiller(buffer.activations(hook).segment(), h.width(), h.dtype());
        return named
                ? output.write(folder, file, columns, schema, buffer.rows(), batchRows(h), filler)
                : output.attempt(folder, file, columns, schema, buffer.rows(), batchRows(h), filler);
    }

    /** Changes the rows of a hook as the spec says and rounds them to their dtype. */
    static void prepare(ShardBuffer buffer, String hook, StoreSpec.HookSpec h) {
        var matrix = buffer.activations(hook);
        if (h.changed() != null) {
            float[] row = new float[h.width()];
            for (int r = 0; r < buffer.rows(); r++) {
                matrix.copyRow(r, row);
                h.changed().apply(row);
                matrix.setRow(r, row);
            }
        }
        RowEncoder.round(h.dtype(), matrix.segment(), (long) buffer.rows() * h.width(), hook);
    }

    private static int batchRows(StoreSpec.HookSpec hook) {
        long fit = MOST_BATCH_BYTES / ((long) hook.width() * hook.dtype().bytes());
        return (int) Math.clamp(Long.highestOneBit(Math.max(1, fit)), 1, MOST_BATCH_ROWS);
    }
}
