package dev.loupe.store;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.TaskExecutor;
import dev.loupe.store.StoreManifest.Content;
import dev.loupe.store.StoreManifest.DataFile;
import dev.loupe.store.StoreManifest.Hook;
import dev.loupe.store.StoreManifest.Shard;
import dev.loupe.store.TableFillers.DocumentRow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/**
 * Writes a store, shard by shard. Until {@link #finish} everything lies in the hidden folder {@code .NAME.partial}
 * beside the store; every shard there is whole or absent. A writer that was stopped is continued by a new one with an
 * equal {@link StoreSpec}: shards that are there already need no activations, and the finished store has the same
 * bytes. One writer an artifact, held by {@link ArtifactLock}.
 *
 * <p>Order of calls: {@link #addDocument} for the documents of a shard, {@link #write} for the shard, and so on,
 * then {@link #finish}. Not safe for several threads.
 */
public final class StoreWriter implements AutoCloseable {
    private static final int TABLE_BATCH_ROWS = 16_384;

    private final Path folder;
    private final StoreSpec spec;
    private final ArtifactLock lock;
    private final PartialStore partial;
    private final ArrowOutput output;
    private final List<DocumentRow> documents = new ArrayList<>();
    private int shard;
    private int sequences;
    private long rows;
    private long trainRows;
    private long rowsKept;

    private StoreWriter(Path folder, StoreSpec spec, ArtifactLock lock, PartialStore partial, ArrowOutput.Disk disk) {
        this.folder = folder;
        this.spec = spec;
        this.lock = lock;
        this.partial = partial;
        this.output = new ArrowOutput(disk);
    }

    /**
     * Begins a store or continues a half-written one.
     *
     * @param folder where the finished store will lie; its name is the store's
     * @throws LoupeException if there is a store of that name, or another process writes it
     */
    public static StoreWriter create(Path folder, StoreSpec spec) {
        return create(folder, spec, ArrowOutput.Disk.REAL);
    }

    static StoreWriter create(Path folder, StoreSpec spec, ArrowOutput.Disk disk) {
        Path target = folder.toAbsolutePath().normalize();
        Names.check(String.valueOf(target.getFileName()));
        spec.hooks().keySet().forEach(Names::check); // they become folders
        ArtifactLock lock = ArtifactLock.acquire(target, "writing activation store " + target.getFileName());
        try {
            if (Files.exists(target)) {
                throw new LoupeException("There is already something at " + target
                        + "; choose another name, or delete that folder first.");
            }
            return new StoreWriter(target, spec, lock, PartialStore.open(target, spec), disk);
        } catch (RuntimeException | Error e) {
            lock.close();
            throw e;
        }
    }

    /** Shards that an earlier writer left whole. */
    public int shardsKept() {
        return partial.kept();
    }

    /** Whether the next shard is whole already, so that {@link #write} needs no activations. */
    public boolean nextShardIsKept() {
        return partial.isKept(shard);
    }

    /** Rows of the shards that an earlier writer left whole, of those that came by so far. */
    public long rowsKept() {
        return rowsKept;
    }

    /** A document; its index. */
    public int addDocument(String name, String label, double confidence, boolean heldOut) {
        documents.add(new DocumentRow(name, label, confidence, heldOut));
        return documents.size() - 1;
    }

    /** A buffer for the rows of a shard, off-heap; close it. */
    public ShardBuffer buffer(int capacity) {
        return new ShardBuffer(
                capacity,
                Set.copyOf(spec.sequence().excludedTokens()),
                spec.sequence().firstRows(),
                spec.hooks());
    }

    /** A buffer for the sequences of a shard that {@link #plan} hands on: without activations. */
    public ShardBuffer sequenceBuffer(int capacity) {
        return new ShardBuffer(
                capacity,
                Set.copyOf(spec.sequence().excludedTokens()),
                spec.sequence().firstRows(),
                Map.of());
    }

    /**
     * Writes a shard; on return it is on disk.
     *
     * @param buffer at least one row; the activations of all hooks are filled unless {@link #nextShardIsKept}
     * @throws LoupeException if the disk is full or an activation is not a finite number; earlier shards are kept
     */
    public void write(ShardBuffer buffer) {
        if (keep(buffer)) {
            return;
        }
        SequencedMap<String, DataFile> files = tables(buffer);
        ShardFiles made = new ShardOutput(partial.folder(), spec, output)
                .write(shard, buffer, r -> documents.get(buffer.document[r]).heldOut(), rows, true);
        files.putAll(made.files());
        partial.add(shard, new Shard(buffer.rows(), buffer.sequences().size(), files), made.sums());
        next(buffer);
    }

    /**
     * Writes the tables of the next shard and leaves its activations to others, see {@link ShardWorker}.
     *
     * @param buffer at least one row; held-out sequences come first
     * @return what they need to know; empty if the shard is kept
     */
    public Optional<ShardPlan> plan(ShardBuffer buffer) {
        if (keep(buffer)) {
            return Optional.empty();
        }
        int heldOut = 0;
        int sequence = 0;
        for (; sequence < buffer.sequences().size(); sequence++) {
            if (documents.get(buffer.sequenceDocument[sequence]).heldOut()) {
                if (heldOut++ < sequence) {
                    throw new IllegalArgumentException("held-out sequences come first");
                }
            }
        }
        ShardPlan plan = new ShardPlan(
                shard,
                buffer.rows(),
                buffer.sequences().size(),
                rows,
                heldOut,
                ShardPlan.checksum(spec),
                tables(buffer));
        next(buffer);
        return Optional.of(plan);
    }

    /**
     * Makes a shard part of the store that others made by a plan: files get their names, then a note says that it is whole.
     *
     * @throws TaskExecutor.Refused if a file is missing or was damaged since; the shard can be made again
     */
    public void commit(ShardPlan plan, ShardFiles made) {
        SequencedMap<String, DataFile> files = new LinkedHashMap<>(plan.tables());
        files.putAll(made.files());
        Shard attempt = new Shard(plan.rows(), plan.sequences(), files);
        try {
            PartialStore.verify(partial.folder(), attempt, spec);
        } catch (LoupeException e) {
            throw new TaskExecutor.Refused(String.valueOf(e.getMessage()));
        }
        SequencedMap<String, DataFile> named = new LinkedHashMap<>(plan.tables());
        try {
            for (Map.Entry<String, DataFile> entry : made.files().entrySet()) {
                String name = ShardOutput.file(entry.getKey(), plan.shard());
                AtomicFiles.publish(
                        partial.folder().resolve(entry.getValue().file()),
                        partial.folder().resolve(name));
                named.put(entry.getKey(), entry.getValue().named(name));
            }
        } catch (IOException e) {
            throw AtomicFiles.failure(partial.folder(), e);
        }
        partial.add(plan.shard(), new Shard(plan.rows(), plan.sequences(), named), made.sums());
    }

    /** Whether an earlier writer left the next shard whole; then it is taken as it is. */
    private boolean keep(ShardBuffer buffer) {
        if (buffer.rows() == 0) {
            throw new IllegalArgumentException("an empty shard");
        }
        if (!nextShardIsKept()) {
            return false;
        }
        Shard there = partial.shard(shard);
        if (there.rows() != buffer.rows()
                || there.sequences() != buffer.sequences().size()) {
            throw new LoupeException("The half-written store " + partial.folder()
                    + " does not fit this text; delete that folder and start again.");
        }
        rowsKept += buffer.rows();
        next(buffer);
        return true;
    }

    private void next(ShardBuffer buffer) {
        shard++;
        sequences += buffer.sequences().size();
        rows += buffer.rows();
        for (int r = 0; r < buffer.rows(); r++) {
            trainRows += documents.get(buffer.document[r]).heldOut() ? 0 : 1;
        }
    }

    private SequencedMap<String, DataFile> tables(ShardBuffer buffer) {
        String name = ShardOutput.name(shard);
        SequencedMap<String, DataFile> files = new LinkedHashMap<>();
        files.put(
                ManifestCheck.TOKENS,
                output.write(
                        partial.folder(),
                        "tokens/" + name,
                        StoreTables.TOKENS,
                        TableSchemas.of(StoreTables.TOKENS),
                        buffer.rows(),
                        TABLE_BATCH_ROWS,
                        TableFillers.tokens(buffer, sequences, documents)));
        files.put(
                ManifestCheck.SEQUENCES,
                output.write(
                        partial.folder(),
                        "sequences/" + name,
                        StoreTables.SEQUENCES,
                        TableSchemas.of(StoreTables.SEQUENCES),
                        buffer.sequences().size(),
                        TABLE_BATCH_ROWS,
                        TableFillers.sequences(buffer, rows)));
        return files;
    }

    /**
     * Completes the store: writes the document table and the manifest and gives the folder its name.
     *
     * @throws LoupeException if no row was written, or the disk is full
     */
    public StoreManifest finish() {
        if (rows == 0) {
            throw new LoupeException("The store " + folder.getFileName() + " would be empty: the text gave no token.");
        }
        partial.dropAfter(shard);
        DataFile table = output.write(
                partial.folder(),
                "documents.arrow",
                StoreTables.DOCUMENTS,
                TableSchemas.of(StoreTables.DOCUMENTS),
                documents.size(),
                TABLE_BATCH_ROWS,
                TableFillers.documents(documents));
        Map<String, HookSums> sums = partial.sums(shard);
        SequencedMap<String, Hook> hooks = new LinkedHashMap<>();
        for (Map.Entry<String, StoreSpec.HookSpec> entry : spec.hooks().entrySet()) {
            HookSums total = java.util.Objects.requireNonNull(sums.get(entry.getKey()));
            hooks.put(entry.getKey(), total.summary(entry.getValue()));
        }
        StoreManifest manifest = StoreManifest.of(new Content(
                StoreManifest.FORMAT,
                spec.name(),
                spec.model(),
                spec.sequence(),
                spec.corpus(),
                rows,
                trainRows,
                rows - trainRows,
                sequences,
                documents.size(),
                spec.seed(),
                spec.capture(),
                hooks,
                table,
                partial.shards(shard)));
        manifest.write(partial.folder());
        partial.publish(folder);
        return manifest;
    }

    /** Lets go of the lock; an unfinished store keeps its whole shards for the next writer. */
    @Override
    public void close() {
        output.close();
        lock.close();
    }
}
