package dev.loupe.store;

import dev.loupe.store.StoreManifest.Shard;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** One shard of a store by itself, whatever the state of the others: its sequences with their rows. */
final class ShardReader implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Shard shard;
    private final StoreTables.Sequences sequences;
    private final StoreTables.@Nullable Tokens tokens;
    private final Map<String, MappedRows> hooks = new LinkedHashMap<>();

    /**
     * Opens the files of a shard.
     *
     * @param keys the hook points to read
     * @param withTokens whether the token table is read; without it rows are known by their sequence alone
     */
    ShardReader(Path folder, StoreManifest manifest, int number, Iterable<String> keys, boolean withTokens) {
        this.shard = manifest.content().shards().get(number);
        List<Shard> one = List.of(shard);
        try {
            Shards table =
                    Shards.open(folder, one, ManifestCheck.SEQUENCES, Shard::sequences, arena, StoreTables.SEQUENCES);
            long first = new StoreTables.Sequences(table, 0).firstRow(0);
            this.sequences = new StoreTables.Sequences(table, first + shard.rows());
            this.tokens = withTokens
                    ? new StoreTables.Tokens(
                            Shards.open(folder, one, ManifestCheck.TOKENS, Shard::rows, arena, StoreTables.TOKENS))
                    : null;
            for (String key : keys) {
                StoreManifest.Hook hook =
                        Objects.requireNonNull(manifest.hooks().get(key));
                hooks.put(
                        key,
                        new MappedRows(
                                Shards.open(
                                        folder,
                                        one,
                                        key,
                                        Shard::rows,
                                        arena,
                                        StoreTables.activation(hook.width(), hook.dtype())),
                                hook.width(),
                                hook.dtype()));
            }
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    int sequences() {
        return sequences.size();
    }

    int[] tokens(int sequence) {
        return sequences.tokens(sequence);
    }

    int document(int sequence) {
        return sequences.document(sequence);
    }

    /** The first row of a sequence within the shard. */
    int firstRow(int sequence) {
        return (int) (sequences.firstRow(sequence) - sequences.firstRow(0));
    }

    int rows(int sequence) {
        return sequences.rows(sequence);
    }

    /** The rows of a hook point, numbered within the shard. */
    MappedRows hook(String name) {
        return Objects.requireNonNull(hooks.get(name));
    }

    /** The documents of a sequence with the places where they begin, and the labels of tokens that have their own. */
    Parts parts(int sequence, IntFunction<String> documentLabel) {
        StoreTables.Tokens table = tokens;
        if (table == null) {
            return new Parts(new int[] {document(sequence)}, new int[] {0}, null);
        }
        List<Integer> documents = new ArrayList<>(List.of(document(sequence)));
        List<Integer> from = new ArrayList<>(List.of(0));
        String[] labels = new String[tokens(sequence).length];
        boolean own = false;
        int first = firstRow(sequence);
        for (int r = first; r < first + rows(sequence); r++) {
            int document = table.document(r);
            int position = table.position(r);
            if (document != documents.getLast()) {
                documents.add(document);
                from.add(position);
            }
            String label = table.label(r);
            if (!label.equals(documentLabel.apply(document))) {
                labels[position] = label;
                own = true;
            }
        }
        return new Parts(
                documents.stream().mapToInt(Integer::intValue).toArray(),
                from.stream().mapToInt(Integer::intValue).toArray(),
                own ? labels : null);
    }

    /** What {@link ShardBuffer#add(int[], int[], int[], String[])} takes. */
    record Parts(int[] documents, int[] from, @Nullable String @Nullable [] labels) {}

    @Override
    public void close() {
        arena.close();
    }
}
