package dev.loupe.store;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Stores made of the shards of others: several joined, one divided, one without its damaged shards. Values are copied
 * bit for bit; numbers of sequences, rows and documents begin anew, statistics are those of the new rows. Interrupted, the
 * same call continues.
 */
public final class StoreCopy {
    private static final double HALF = 0.5;

    /** A shard of a store. */
    private record Source(Path folder, StoreManifest manifest, int shard) {}

    private StoreCopy() {}

    /**
     * Joins stores, in the order given.
     *
     * @throws LoupeException if they differ in model, tokenizer, hook points or dtype, saying in what
     */
    public static StoreManifest merge(List<Path> folders, Path target, Progress progress) {
        List<StoreManifest> manifests =
                folders.stream().map(StoreManifest::read).toList();
        StoreSpec first = StoreSpec.of(manifests.getFirst());
        List<Source> sources = new java.util.ArrayList<>();
        for (int i = 0; i < folders.size(); i++) {
            StoreSpec other = StoreSpec.of(manifests.get(i));
            check("models", first.model(), other.model(), folders.get(0), folders.get(i));
            check("hook points, widths or dtypes", first.hooks(), other.hooks(), folders.get(0), folders.get(i));
            check(
                    "excluded tokens",
                    first.sequence().excludedTokens(),
                    other.sequence().excludedTokens(),
                    folders.get(0),
                    folders.get(i));
            check(
                    "excluded first positions",
                    first.sequence().firstRows(),
                    other.sequence().firstRows(),
                    folders.get(0),
                    folders.get(i));
            for (int s = 0; s < manifests.get(i).content().shards().size(); s++) {
                sources.add(new Source(folders.get(i), manifests.get(i), s));
            }
        }
        List<String> names = manifests.stream().map(m -> m.content().name()).toList();
        return copy(sources, target, made(first, target, Map.of("merged_from", names)), progress);
    }

    /** Leaves out shards, such as damaged ones. */
    public static StoreManifest without(Path folder, Set<Integer> shards, Path target, Progress progress) {
        StoreManifest manifest = StoreManifest.read(folder);
        List<Source> sources = new java.util.ArrayList<>();
        for (int s = 0; s < manifest.content().shards().size(); s++) {
            if (!shards.contains(s)) {
                sources.add(new Source(folder, manifest, s));
            }
        }
        if (sources.isEmpty()) {
            throw new LoupeException("No shard of " + folder + " would be left; capture the store again.");
        }
        Map<String, Object> how = new LinkedHashMap<>();
        how.put("copied_from", manifest.content().name());
        how.put("dropped_shards", shards.stream().sorted().toList());
        return copy(sources, target, made(StoreSpec.of(manifest), target, how), progress);
    }

    /**
     * Divides a store at the border of the shard that is nearest to a share of its rows.
     *
     * @param share of the first part, between 0 and 1
     */
    public static List<StoreManifest> split(Path folder, double share, Path first, Path second, Progress progress) {
        StoreManifest manifest = StoreManifest.read(folder);
        List<StoreManifest.Shard> shards = manifest.content().shards();
        if (!(share > 0 && share < 1) || shards.size() < 2) {
            throw new LoupeException(
                    shards.size() < 2
                            ? "The store " + folder.getFileName() + " has one shard only and cannot be split."
                            : "The share of the first part must lie between 0 and 1; it is " + share + ".");
        }
        int border = 1;
        long before = shards.getFirst().rows();
        double wanted = share * manifest.content().tokens();
        while (border + 1 < shards.size() && before + HALF * shards.get(border).rows() <= wanted) {
            before += shards.get(border++).rows();
        }
        List<StoreManifest> parts = new java.util.ArrayList<>();
        for (int part = 0; part < 2; part++) {
            List<Source> sources = new java.util.ArrayList<>();
            for (int s = part == 0 ? 0 : border; s < (part == 0 ? border : shards.size()); s++) {
                sources.add(new Source(folder, manifest, s));
            }
            Path target = part == 0 ? first : second;
            Map<String, Object> how = new LinkedHashMap<>();
            how.put("split_from", manifest.content().name());
            how.put("part", part == 0 ? "shards before " + border : "shards from " + border);
            parts.add(copy(sources, target, made(StoreSpec.of(manifest), target, how), progress));
        }
        return parts;
    }

    private static void check(String what, Object a, Object b, Path first, Path other) {
        if (!a.equals(b)) {
            throw new LoupeException("The stores " + first.getFileName() + " and " + other.getFileName()
                    + " cannot be merged: they have different " + what + " (" + a + " and " + b + ").");
        }
    }

    private static StoreSpec made(StoreSpec from, Path target, Map<String, Object> how) {
        Map<String, Object> capture = new LinkedHashMap<>(from.capture());
        capture.putAll(how);
        return new StoreSpec(
                String.valueOf(target.getFileName()),
                from.model(),
                from.sequence(),
                from.corpus(),
                from.seed(),
                from.hooks(),
                capture);
    }

    private static StoreManifest copy(List<Source> sources, Path target, StoreSpec spec, Progress progress) {
        long rows = sources.stream()
                .mapToLong(s -> s.manifest().content().shards().get(s.shard()).rows())
                .sum();
        progress.stage("copy into " + target.getFileName(), rows, "rows");
        int most = sources.stream()
                .mapToInt(s -> s.manifest().content().shards().get(s.shard()).rows())
                .max()
                .orElseThrow();
        try (StoreWriter writer = StoreWriter.create(target, spec);
                ShardBuffer buffer = writer.buffer(most)) {
            Map<Path, Documents> documents = new HashMap<>();
            long done = 0;
            for (Source source : sources) {
                progress.check();
                Documents table =
                        documents.computeIfAbsent(source.folder(), f -> new Documents(f, source.manifest(), writer));
                copy(source, table, buffer, spec, writer.nextShardIsKept());
                done += buffer.rows();
                writer.write(buffer);
                buffer.clear();
                progress.advance(done);
            }
            documents.values().forEach(Documents::close);
            return writer.finish();
        }
    }

    private static void copy(Source source, Documents table, ShardBuffer buffer, StoreSpec spec, boolean tablesOnly) {
        try (ShardReader reader = new ShardReader(
                source.folder(), source.manifest(), source.shard(), spec.hooks().keySet(), true)) {
            for (int s = 0; s < reader.sequences(); s++) {
                ShardReader.Parts parts = reader.parts(s, table::label);
                int[] ids = java.util.Arrays.stream(parts.documents())
                        .map(table::id)
                        .toArray();
                buffer.add(ids, parts.from(), reader.tokens(s), parts.labels());
            }
            if (!tablesOnly) {
                for (String hook : spec.hooks().keySet()) {
                    Matrix rows = buffer.activations(hook);
                    reader.hook(hook).read(0, buffer.rows(), rows);
                }
            }
        }
    }

    /** The documents of a source, added to the writer when a shard first names them. */
    private static final class Documents implements AutoCloseable {
        private final java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofShared();
        private final StoreTables.Documents table;
        private final StoreWriter writer;
        private final Map<Integer, Integer> ids = new HashMap<>();

        Documents(Path folder, StoreManifest manifest, StoreWriter writer) {
            StoreManifest.Content c = manifest.content();
            table = new StoreTables.Documents(
                    CheckedFile.open(folder, c.documentsFile(), c.documents(), arena, StoreTables.DOCUMENTS),
                    c.documents(),
                    c.documentsFile().batchRows());
            this.writer = writer;
        }

        String label(int document) {
            return table.label(document);
        }

        int id(int document) {
            return ids.computeIfAbsent(
                    document,
                    d -> writer.addDocument(table.name(d), table.label(d), table.confidence(d), table.heldOut(d)));
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
