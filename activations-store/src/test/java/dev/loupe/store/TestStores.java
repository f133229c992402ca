package dev.loupe.store;

import dev.loupe.fixtures.Cases;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Small stores with known content. */
final class TestStores {
    /** The special token that has no row in these stores. */
    static final int BOS = 0;

    private TestStores() {}

    /** What a store should hold, as plain lists. */
    static final class Expected {
        final List<String> names = new ArrayList<>();
        final List<String> labels = new ArrayList<>();
        final List<Double> confidence = new ArrayList<>();
        final List<Boolean> heldOut = new ArrayList<>();
        final List<int[]> sequences = new ArrayList<>();
        final List<Integer> sequenceDocument = new ArrayList<>();
        final List<int[]> rows = new ArrayList<>(); // token, sequence, position, document
        final Map<String, List<float[]>> activations = new LinkedHashMap<>();
        final List<Integer> shardEnds = new ArrayList<>(); // in sequences
    }

    static StoreSpec spec(String name, Map<String, StoreSpec.HookSpec> hooks) {
        return new StoreSpec(
                name,
                new StoreManifest.Model("test", "weights", "tokenizer", "raw"),
                new StoreManifest.Sequence(64, true, "one document per sequence", List.of(BOS)),
                new StoreManifest.Corpus("text.txt", "a text", "text", "finger", "share 0.1", "none"),
                7,
                new LinkedHashMap<>(hooks),
                Map.of("tokens_requested", 100));
    }

    /** Random content: up to {@code documents} documents in shards of a random number of sequences. */
    static Expected random(Cases.Random random, int documents, Map<String, StoreSpec.HookSpec> hooks) {
        Expected e = new Expected();
        hooks.keySet().forEach(h -> e.activations.put(h, new ArrayList<>()));
        for (int d = 0; d < documents; d++) {
            e.names.add("document " + d + " " + random.text(random.nextInt(5)));
            e.labels.add(random.oneOf("en", "fi", "und", ""));
            e.confidence.add(random.nextDouble());
            e.heldOut.add(random.nextInt(4) == 0);
            for (int chunks = random.nextInt(1, 4); chunks > 0; chunks--) {
                int[] tokens = random.ints(random.size(40) + 1, 1, 50_000);
                tokens[0] = BOS;
                int s = e.sequences.size();
                e.sequences.add(tokens);
                e.sequenceDocument.add(d);
                for (int p = 1; p < tokens.length; p++) {
                    e.rows.add(new int[] {tokens[p], s, p, d});
                    hooks.forEach((h, spec) ->
                            e.activations.get(h).add(representable(random.roughFloats(spec.width()), spec.dtype())));
                }
                if (random.nextInt(5) == 0) {
                    e.shardEnds.add(s + 1);
                }
            }
        }
        if (!e.shardEnds.contains(e.sequences.size())) {
            e.shardEnds.add(e.sequences.size());
        }
        return e;
    }

    /** Values that a dtype holds exactly, so that a round trip must give back the same bits. */
    static float[] representable(float[] values, Dtype dtype) {
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (dtype) {
                case FLOAT32 -> values[i];
                case FLOAT16 -> Float.float16ToFloat(Float.floatToFloat16(Math.clamp(values[i], -60_000f, 60_000f)));
                case BF16 -> RowEncoder.fromBf16(RowEncoder.toBf16(values[i]));
            };
        }
        return values;
    }

    /** Writes the content; stops before the given shard, or finishes the store if there are fewer. */
    static void write(StoreWriter writer, StoreSpec spec, Expected e, int stopBefore) {
        int document = -1;
        int sequence = 0;
        int row = 0;
        for (int shard = 0; shard < e.shardEnds.size(); shard++) {
            if (shard == stopBefore) {
                return;
            }
            int capacity = e.sequences.stream().mapToInt(s -> s.length).sum();
            try (ShardBuffer buffer = writer.buffer(capacity)) {
                for (; sequence < e.shardEnds.get(shard); sequence++) {
                    while (document < e.sequenceDocument.get(sequence)) {
                        document++;
                        writer.addDocument(
                                e.names.get(document),
                                e.labels.get(document),
                                e.confidence.get(document),
                                e.heldOut.get(document));
                    }
                    int first = buffer.add(document, e.sequences.get(sequence));
                    int count = e.sequences.get(sequence).length - 1;
                    for (int i = 0; i < count; i++, row++) {
                        for (String hook : spec.hooks().keySet()) {
                            buffer.activations(hook)
                                    .setRow(first + i, e.activations.get(hook).get(row));
                        }
                    }
                }
                writer.write(buffer);
            }
        }
        writer.finish();
    }

    /** Writes a whole store. */
    static void write(Path folder, StoreSpec spec, Expected e) {
        try (StoreWriter writer = StoreWriter.create(folder, spec)) {
            write(writer, spec, e, Integer.MAX_VALUE);
        }
    }
}
