package dev.loupe.feature;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.OffsetProgress;
import dev.loupe.base.Progress;
import dev.loupe.base.TaskExecutor;
import dev.loupe.eval.SaeIdentity;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.RowReader;
import dev.loupe.store.SequenceTable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Encodes a store for an index by other processes: runs of blocks are tasks, and what they give is put behind one another in
 * the order of blocks, as one process would have written it. The blocks are those of {@link IndexPass}.
 */
public final class CodeShards {
    private static final int BLOCKS_A_TASK = 8;

    private final Sae sae;
    private final ActivationStore store;
    private final CodeSpool spool;
    private final Path file;
    private final String identity;

    CodeShards(Sae sae, ActivationStore store, CodeSpool spool, Path file, String identity) {
        this.sae = sae;
        this.store = store;
        this.spool = spool;
        this.file = file;
        this.identity = identity;
    }

    /** Adds all blocks that are missing. */
    void fill(TaskExecutor executor, Progress progress) {
        long before = spool.restorableRows();
        progress.stage("encode for the index of " + sae.name(), store.rows(), "tokens");
        TreeMap<Integer, Held> waiting = new TreeMap<>(); // came before their turn
        executor.run(
                tasks(before).iterator(),
                IndexShardTask.Made.class,
                (task, p) -> {
                    throw new IllegalStateException("encoded by other processes only");
                },
                (task, made) -> {
                    CodeSpool.check(made.file(), identity, sae.dSae(), task.firstBlock(), task.blocks());
                    waiting.put(task.firstBlock(), new Held(task, made.file()));
                    while (!waiting.isEmpty() && waiting.firstKey() == spool.blocks()) {
                        Held next = waiting.pollFirstEntry().getValue();
                        spool.take(next.file, identity, next.task.blocks());
                        delete(next.file);
                    }
                },
                new OffsetProgress(progress, () -> before));
        AtomicFiles.sweep(file);
        if (!waiting.isEmpty()) {
            throw new IllegalStateException("blocks " + waiting.keySet() + " of " + spool.blocks() + " have no place");
        }
    }

    private record Held(IndexShardTask task, Path file) {}

    private List<IndexShardTask> tasks(long encodedRows) {
        SequenceTable sequences = store.sequences();
        List<IndexShardTask> tasks = new ArrayList<>();
        Path folder = Objects.requireNonNull(sae.folder(), "the SAE is on disk").toAbsolutePath();
        long memory = 4L * (2L * sae.dSae() * sae.dIn() + 2L * IndexPass.BLOCK_ROWS * sae.dIn());
        int number = 0;
        int first = 0;
        int blocks = 0;
        long rows = 0;
        for (int s = 0; s < sequences.size(); ) {
            int end = s;
            int size = 0;
            while (end < sequences.size() && size < IndexPass.BLOCK_ROWS) {
                size += sequences.rows(end++);
            }
            if (size > 0) {
                if (sequences.firstRow(s) < encodedRows) {
                    number++;
                    first = end;
                } else {
                    blocks++;
                    rows += size;
                }
            }
            s = end;
            if (blocks == BLOCKS_A_TASK || (blocks > 0 && s == sequences.size())) {
                tasks.add(new IndexShardTask(
                        folder,
                        store.folder().toAbsolutePath(),
                        file.toAbsolutePath(),
                        identity,
                        first,
                        s,
                        number,
                        blocks,
                        rows,
                        memory));
                number += blocks;
                first = s;
                blocks = 0;
                rows = 0;
            }
        }
        return tasks;
    }

    /** Does a task: what another process is asked for. */
    public static IndexShardTask.Made attempt(IndexShardTask task, Sae sae, Progress progress) {
        Path into = AtomicFiles.temporary(task.codes());
        try {
            Files.createDirectories(into.resolveSibling("")); // a machine's own workspace may have none yet
        } catch (IOException e) {
            throw AtomicFiles.failure(into, e);
        }
        try (ActivationStore store = ActivationStore.open(task.store());
                CodeSpool spool = new CodeSpool(into, task.identity(), sae.dSae(), task.firstBlock());
                Arena arena = Arena.ofShared()) {
            String mine = FeatureIndexer.identity(SaeIdentity.checksum(sae), store.fingerprint(), sae.hookName());
            if (!mine.equals(task.identity())) {
                throw new LoupeException("The SAE " + sae.name() + " or the store " + store.name()
                        + " has changed since its index was begun: start it again.");
            }
            RowReader reader = store.reader(sae.hookName());
            SequenceTable sequences = store.sequences();
            Matrix memory = Matrix.allocate(arena, IndexPass.BLOCK_ROWS + IndexPass.longest(sequences), sae.dIn());
            long done = 0;
            for (int s = task.firstSequence(); s < task.endSequence(); ) {
                progress.check();
                int end = s;
                int rows = 0;
                while (end < task.endSequence() && rows < IndexPass.BLOCK_ROWS) {
                    rows += sequences.rows(end++);
                }
                if (rows > 0) {
                    Block block = new Block(sequences.firstRow(s), rows);
                    Matrix x = memory.rows(0, rows);
                    reader.read(block.firstRow, rows, x);
                    spool.append(block.turn(sae.encode(x), sae.dSae()));
                    done += rows;
                    progress.advance(done);
                }
                s = end;
            }
            spool.sync();
            return new IndexShardTask.Made(into);
        } catch (RuntimeException | Error e) {
            delete(into);
            throw e;
        }
    }

    private static void delete(Path part) {
        try {
            Files.deleteIfExists(part);
        } catch (IOException ignored) {
            // its name says that it is half-written
        }
    }
}
