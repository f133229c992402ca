package dev.loupe.bench;

import dev.loupe.fixtures.Cases;
import dev.loupe.store.Dtype;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.StoreSpec;
import dev.loupe.store.StoreWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A store of random rows for the benchmarks of reading. */
final class StoreData {
    static final int WIDTH = 768;
    static final int SEQUENCE = 128;
    static final String HOOK = "blocks.3.hook_resid_post";

    private StoreData() {}

    /** The values of a row: one of 1,024 random rows, moved by its number, so that no two are equal. */
    static float[] row(float[][] base, int r) {
        float[] row = base[r % base.length].clone();
        row[r % WIDTH] = r;
        return row;
    }

    static float[][] base() {
        return Cases.Random.of(1).matrix(1024, WIDTH);
    }

    /** Writes a store of so many rows, shards of 32,768. */
    static Path write(Path target, int rows, Dtype dtype) {
        float[][] base = base();
        Map<String, StoreSpec.HookSpec> hooks = Map.of(HOOK, new StoreSpec.HookSpec(WIDTH, dtype));
        StoreSpec spec = new StoreSpec(
                "bench",
                new StoreManifest.Model("bench", "none", "none", "raw"),
                new StoreManifest.Sequence(SEQUENCE, false, "bench", List.of()),
                new StoreManifest.Corpus("bench", "bench", "text", "bench", "none", "none"),
                0,
                new LinkedHashMap<>(hooks),
                Map.of());
        try (StoreWriter writer = StoreWriter.create(target, spec);
                ShardBuffer buffer = writer.buffer(32_768)) {
            int[] tokens = new int[SEQUENCE];
            Arrays.fill(tokens, 1);
            for (int row = 0; row < rows; ) {
                int first = buffer.add(writer.addDocument("d" + row, "", 0, false), tokens);
                for (int i = 0; i < SEQUENCE; i++, row++) {
                    buffer.activations(HOOK).setRow(first + i, row(base, row));
                }
                if (buffer.rows() + SEQUENCE > buffer.capacity() || row >= rows) {
                    writer.write(buffer);
                    buffer.clear();
                }
            }
            writer.finish();
        }
        return target;
    }
}
