package dev.loupe.store;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.store.StoreManifest.Content;
import dev.loupe.store.StoreManifest.DataFile;
import dev.loupe.store.StoreManifest.Hook;
import dev.loupe.store.StoreManifest.Shard;
import dev.loupe.store.TableFillers.DocumentRow;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
    private static final int MOST_BATCH_ROWS = 4096;
    private static final long MOST_BATCH_BYTES = 16L << 20;
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
    private boolean finished;

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
        return shard < partial.kept();
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

    /**
     * Writes a shard; on return it is on disk.
     *
     * @param buffer at least one row; the activations of all hooks are filled unless {@link #nextShardIsKept}
     * @throws LoupeException if the disk is full or an activation is not a finite number; earlier shards are kept
     */
    public void write(ShardBuffer buffer) {
        if (buffer.rows() == 0) {
            throw new IllegalArgumentException("an empty shard");
        }
        PartialStore.Commit commit;
        if (nextShardIsKept()) {
            commit = partial.commit(shard);
            if (commit.shard().rows() != buffer.rows()
                    || commit.shard().sequences() != buffer.sequences().size()) {
                throw new LoupeException("The half-written store " + partial.folder()
                        + " does not fit this text; delete that folder and start again.");
            }
        } else {
            commit = writeFiles(buffer);
            partial.add(commit);
        }
        trainRows += trainRows(buffer);
        shard++;
        sequences += commit.shard().sequences();
        rows += commit.shard().rows();
    }

    private long trainRows(ShardBuffer buffer) {
        long train = 0;
        for (int r = 0; r < buffer.rows(); r++) {
            train += documents.get(buffer.document[r]).heldOut() ? 0 : 1;
        }
        return train;
    }

    private PartialStore.Commit writeFiles(ShardBuffer buffer) {
        String name = String.format("shard-%05d.arrow", shard);
        Path into = partial.folder();
        Map<String, HookSums> sums = new LinkedHashMap<>();
        spec.hooks().forEach((hook, h) -> sums.put(hook, sum(buffer, hook, h)));
        SequencedMap<String, DataFile> files = new LinkedHashMap<>();
        files.put(
                ManifestCheck.TOKENS,
                output.write(
                        into,
                        "tokens/" + name,
                        StoreTables.TOKENS,
                        TableSchemas.of(StoreTables.TOKENS),
                        buffer.rows(),
                        TABLE_BATCH_ROWS,
                        TableFillers.tokens(buffer, sequences, documents)));
        files.put(
                ManifestCheck.SEQUENCES,
                output.write(
                        into,
                        "sequences/" + name,
                        StoreTables.SEQUENCES,
                        TableSchemas.of(StoreTables.SEQUENCES),
                        buffer.sequences().size(),
                        TABLE_BATCH_ROWS,
                        TableFillers.sequences(buffer, rows)));
        spec.hooks()
                .forEach((hook, h) -> files.put(
                        hook,
                        output.write(
                                into,
                                hook + "/" + name,
                                StoreTables.activation(h.width(), h.dtype()),
                                ArrowOutput.activationSchema(h.width(), h.dtype()),
                                buffer.rows(),
                                batchRows(h),
                                ArrowOutput.activationFiller(
                                        buffer.activations(hook).segment(), h.width(), h.dtype()))));
        return new PartialStore.Commit(
                new Shard(buffer.rows(), buffer.sequences().size(), files), sums);
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

    /** Prepares the rows of a hook and sums those of training documents. */
    private HookSums sum(ShardBuffer buffer, String hook, StoreSpec.HookSpec h) {
        prepare(buffer, hook, h);
        return HookSummer.sum(
                buffer, hook, r -> documents.get(buffer.document[r]).heldOut(), rows);
    }

    private static int batchRows(StoreSpec.HookSpec hook) {
        long fit = MOST_BATCH_BYTES / ((long) hook.width() * hook.dtype().bytes());
        return (int) Math.clamp(Long.highestOneBit(Math.max(1, fit)), 1, MOST_BATCH_ROWS);
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
        SequencedMap<String, Hook> hooks = new LinkedHashMap<>();
        for (Map.Entry<String, StoreSpec.HookSpec> entry : spec.hooks().entrySet()) {
            HookSums total = HookSums.zero(entry.getValue().width());
            for (int s = 0; s < shard; s++) {
                total = total.plus(java.util.Objects.requireNonNull(
                        partial.commit(s).sums().get(entry.getKey())));
            }
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
        finished = true;
        return manifest;
    }

    /** Whether {@link #finish} was reached. */
    public boolean isFinished() {
        return finished;
    }

    /** Lets go of the lock; an unfinished store keeps its whole shards for the next writer. */
    @Override
    public void close() {
        output.close();
        lock.close();
    }
}
