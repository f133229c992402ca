package dev.loupe.toy;

import dev.loupe.store.ActivationStore;
import dev.loupe.store.Dtype;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.StoreSpec;
import dev.loupe.store.StoreWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Stores of a {@link ToyModel}, written by the real writer. */
public final class ToyStore {
    private ToyStore() {}

    /** A document: its sequences begin with BOS. */
    public record Doc(String name, String label, boolean heldOut, List<int[]> sequences) {}

    /** Captures documents with the model's activations, or other ones. */
    @FunctionalInterface
    public interface Source {
        float[][] activations(int[] sequence);
    }

    /** Writes and opens a store of the model's hook point; the caller closes it. */
    public static ActivationStore write(Path folder, int width, List<Doc> docs, Source source) {
        return write(folder, width, docs, Map.of(ToyModel.HOOK.name(), source));
    }

    /** Writes and opens a store of several hook points of one width; the caller closes it. */
    public static ActivationStore write(Path folder, int width, List<Doc> docs, Map<String, Source> sources) {
        LinkedHashMap<String, StoreSpec.HookSpec> hooks = new LinkedHashMap<>();
        sources.keySet().forEach(hook -> hooks.put(hook, new StoreSpec.HookSpec(width, Dtype.FLOAT32)));
        StoreSpec spec = new StoreSpec(
                folder.getFileName().toString(),
                new StoreManifest.Model("toy", ToyModel.CHECKSUM, "toy tokenizer", "raw"),
                new StoreManifest.Sequence(64, true, "one document per sequence", List.of(ToyTokenizer.BOS)),
                new StoreManifest.Corpus("text.txt", "a text", "text", "finger", "some", "none"),
                7,
                hooks,
                Map.of());
        int tokens = docs.stream()
                .flatMap(d -> d.sequences().stream())
                .mapToInt(s -> s.length)
                .sum();
        try (StoreWriter writer = StoreWriter.create(folder, spec);
                ShardBuffer buffer = writer.buffer(Math.max(64, tokens / 2))) {
            for (Doc doc : docs) {
                int document = writer.addDocument(doc.name(), doc.label(), 1, doc.heldOut());
                for (int[] sequence : doc.sequences()) {
                    if (buffer.rows() + buffer.rowsOf(sequence) > buffer.capacity()) {
                        writer.write(buffer);
                        buffer.clear();
                    }
                    int first = buffer.add(document, sequence);
                    sources.forEach((hook, source) -> {
                        int row = first;
                        float[][] x = source.activations(sequence);
                        for (int p = 0; p < sequence.length; p++) {
                            if (buffer.hasRow(sequence[p], p)) {
                                buffer.activations(hook).setRow(row++, x[p]);
                            }
                        }
                    });
                }
            }
            writer.write(buffer);
            writer.finish();
        }
        return ActivationStore.open(folder);
    }
}
