package dev.loupe.store;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.LoupeException;
import dev.loupe.store.StoreManifest.DataFile;
import dev.loupe.store.StoreManifest.Shard;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Writes damaged files of a shard again, in place: the token table from the sequence table, activations from whoever fills
 * them. Holds the store's lock; files appear whole, and the manifest follows when they are on disk.
 */
public final class ShardRewriter {
    private ShardRewriter() {}

    /**
     * Writes files of one shard again.
     *
     * @param damaged the files of that shard: {@code tokens} or hook points
     * @param fill fills the activations of the damaged hook points for all rows of the buffer
     * @return whether the new files have the checksums of the old ones: the store is then bit for bit what it was
     * @throws LoupeException if the sequence table is damaged, which only a new capture can make again
     */
    public static boolean rewrite(Path folder, int number, Set<String> damaged, Consumer<ShardBuffer> fill) {
        if (damaged.contains(ManifestCheck.SEQUENCES)) {
            throw new LoupeException("The sequence table of shard " + number + " of " + folder
                    + " is damaged: what the model saw is lost; drop the shard or capture the store again.");
        }
        try (ArtifactLock lock = ArtifactLock.acquire(folder, "repairing activation store " + folder.getFileName());
                ArrowOutput output = new ArrowOutput(ArrowOutput.Disk.REAL);
                Arena arena = Arena.ofShared()) {
            StoreManifest manifest = StoreManifest.read(folder);
            StoreSpec spec = StoreSpec.of(manifest);
            Shard shard = manifest.content().shards().get(number);
            try (ShardBuffer buffer = new ShardBuffer(
                    shard.rows(),
                    Set.copyOf(spec.sequence().excludedTokens()),
                    spec.sequence().firstRows(),
                    spec.hooks())) {
                int firstSequence = manifest.content().shards().subList(0, number).stream()
                        .mapToInt(Shard::sequences)
                        .sum();
                read(folder, manifest, number, buffer);
                fill.accept(buffer);
                List<TableFillers.DocumentRow> documents = documents(folder, manifest, arena);
                SequencedMap<String, DataFile> files = new LinkedHashMap<>(shard.files());
                for (String key : damaged) {
                    files.put(key, write(folder, key, shard, spec, buffer, firstSequence, documents, output));
                }
                boolean same = files.equals(shard.files());
                if (!same) {
                    List<Shard> shards = new ArrayList<>(manifest.content().shards());
                    shards.set(number, new Shard(shard.rows(), shard.sequences(), files));
                    manifest.with(Map.of("shards", shards)).write(folder);
                }
                return same;
            }
        }
    }

    private static void read(Path folder, StoreManifest manifest, int number, ShardBuffer buffer) {
        try (ShardReader reader = new ShardReader(folder, manifest, number, List.of(), false)) {
            for (int s = 0; s < reader.sequences(); s++) {
                buffer.add(reader.document(s), reader.tokens(s));
            }
        }
    }

    private static DataFile write(
            Path folder,
            String key,
            Shard shard,
            StoreSpec spec,
            ShardBuffer buffer,
            int firstSequence,
            List<TableFillers.DocumentRow> documents,
            ArrowOutput output) {
        DataFile old = java.util.Objects.requireNonNull(shard.files().get(key));
        if (key.equals(ManifestCheck.TOKENS)) {
            return output.write(
                    folder,
                    old.file(),
                    StoreTables.TOKENS,
                    TableSchemas.of(StoreTables.TOKENS),
                    buffer.rows(),
                    old.batchRows(),
                    TableFillers.tokens(buffer, firstSequence, documents));
        }
        StoreSpec.HookSpec hook = java.util.Objects.requireNonNull(spec.hooks().get(key));
        ShardOutput.prepare(buffer, key, hook);
        return output.write(
                folder,
                old.file(),
                StoreTables.activation(hook.width(), hook.dtype()),
                ArrowOutput.activationSchema(hook.width(), hook.dtype()),
                buffer.rows(),
                old.batchRows(),
                ArrowOutput.activationFiller(buffer.activations(key).segment(), hook.width(), hook.dtype()));
    }

    private static List<TableFillers.DocumentRow> documents(Path folder, StoreManifest manifest, Arena arena) {
        StoreManifest.Content c = manifest.content();
        StoreTables.Documents table = new StoreTables.Documents(
                CheckedFile.open(folder, c.documentsFile(), c.documents(), arena, StoreTables.DOCUMENTS),
                c.documents(),
                c.documentsFile().batchRows());
        List<TableFillers.DocumentRow> rows = new ArrayList<>();
        for (int d = 0; d < table.size(); d++) {
            rows.add(
                    new TableFillers.DocumentRow(table.name(d), table.label(d), table.confidence(d), table.heldOut(d)));
        }
        return rows;
    }
}
