package dev.loupe.store;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The content of the store of format 1.0 that is kept in the test resources for ever, spelled out as formulas. Its
 * {@code main} wrote it once (argument: the folder): a later version adds a golden store beside it, and never writes
 * this one again.
 */
final class GoldenStore {
    static final String FLOATS = "blocks.0.hook_resid_post";
    static final String HALVES = "blocks.1.hook_mlp_out";
    static final int[][] SEQUENCES = {{0, 11, 12, 13}, {0, 14, 15}, {0, 21, 22, 23, 24}, {0, 31}};
    static final int[] DOCUMENT = {0, 0, 1, 2};
    static final String[] NAMES = {"first: ä", "second", "third"};
    static final String[] LABELS = {"de", "en", "und"};
    static final double[] CONFIDENCE = {0.9375, 1.0, 0.5};
    static final boolean[] HELD_OUT = {true, false, false};

    private GoldenStore() {}

    /** The value at a row and dimension: exact in every dtype. */
    static float value(String hook, long row, int i) {
        return hook.equals(FLOATS) ? row * 0.5f - i * 3 : (row - 4) * 0.25f + i;
    }

    public static void main(String[] args) {
        Map<String, StoreSpec.HookSpec> hooks = new LinkedHashMap<>();
        hooks.put(FLOATS, new StoreSpec.HookSpec(3, Dtype.FLOAT32));
        hooks.put(HALVES, new StoreSpec.HookSpec(2, Dtype.BF16));
        StoreSpec spec = new StoreSpec(
                "golden-v1",
                new StoreManifest.Model("golden", "aa", "bb", "raw"),
                new StoreManifest.Sequence(5, true, "one document per sequence", List.of(0)),
                new StoreManifest.Corpus(
                        "golden.txt", "three documents", "text", "cc", "list of 1 documents", "by hand"),
                42,
                new LinkedHashMap<>(hooks),
                Map.of("tokens_requested", 10));
        try (StoreWriter writer = StoreWriter.create(Path.of(args[0]), spec)) {
            for (int d = 0; d < NAMES.length; d++) {
                writer.addDocument(NAMES[d], LABELS[d], CONFIDENCE[d], HELD_OUT[d]);
            }
            long row = 0;
            for (int shard = 0; shard < 2; shard++) { // two sequences each
                try (ShardBuffer buffer = writer.buffer(16)) {
                    for (int s = 2 * shard; s < 2 * shard + 2; s++) {
                        int first = buffer.add(DOCUMENT[s], SEQUENCES[s]);
                        for (int r = first; r < buffer.rows(); r++, row++) {
                            for (String hook : hooks.keySet()) {
                                for (int i = 0; i < hooks.get(hook).width(); i++) {
                                    buffer.activations(hook).set(r, i, value(hook, row, i));
                                }
                            }
                        }
                    }
                    writer.write(buffer);
                }
            }
            writer.finish();
        }
    }
}
