package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Texts that are written together. A step reads some tokens of prompts that are new (so many at most that the others do
 * not wait long), then gives every text whose prompt is read its next token. Rows of the cache: texts whose prompts are
 * read, then the one that is being read in pieces, then the new ones. Used by one thread.
 */
final class WritingBatch implements AutoCloseable {
    /** Texts at a time. */
    static final int MOST_ROWS = 32;
    /** Tokens of prompts (with padding) in one step. */
    static final int PROMPT_TOKENS = 512;

    private static final long CACHE_BYTES = 1L << 30;

    private final Core core;
    private final NDManager manager;
    private final TextCache cache;
    private final List<WritingJob> rows = new ArrayList<>();
    private final List<WritingJob> fresh = new ArrayList<>();

    WritingBatch(Core core, NDManager manager) {
        this.core = core;
        this.manager = manager;
        this.cache = core.newCache(manager);
    }

    /** Texts in it, those that are over since the last step included. */
    int size() {
        return rows.size() + fresh.size();
    }

    boolean isEmpty() {
        return rows.isEmpty() && fresh.isEmpty();
    }

    /** Takes a text in, if there is room for it; a single text always finds room. */
    boolean join(WritingJob job) {
        if (job.over()) {
            return true;
        }
        int n = rows.size() + fresh.size() + 1;
        long positions = job.positions();
        for (WritingJob other : rows) {
            positions = Math.max(positions, other.positions());
        }
        for (WritingJob other : fresh) {
            positions = Math.max(positions, other.positions());
        }
        long bytes = n * positions * KeyValueCache.bytesPerPosition(core.spec.config());
        if (n > 1 && (n > MOST_ROWS || bytes > CACHE_BYTES)) {
            return false;
        }
        fresh.add(job);
        return true;
    }

    /** Ends all texts with an error and forgets what was kept. */
    void fail(RuntimeException cause) {
        rows.forEach(job -> job.fail(cause));
        fresh.forEach(job -> job.fail(cause));
        rows.clear();
        fresh.clear();
        cache.close();
    }

    /** One step. */
    void step() {
        leave();
        readPrompts();
        leave();
        int n = written();
        if (n > 0) {
            int[][] ids = new int[n][];
            for (int i = 0; i < n; i++) {
                ids[i] = new int[] {rows.get(i).next};
            }
            run(0, ids, true);
            leave();
        }
        if (isEmpty()) {
            cache.close(); // memory of idle texts serves nobody
        }
    }

    /** How many texts have their prompt read: those before the one that is being read. */
    private int written() {
        return reading() == null ? rows.size() : rows.size() - 1;
    }

    private @Nullable WritingJob reading() {
        WritingJob last = rows.isEmpty() ? null : rows.getLast();
        return last != null && last.read < last.prompt.length ? last : null;
    }

    private void readPrompts() {
        WritingJob reading = reading();
        if (reading == null && !fresh.isEmpty() && fresh.getFirst().prompt.length > PROMPT_TOKENS) {
            reading = fresh.removeFirst();
            rows.add(reading);
        }
        int first = reading == null ? rows.size() : rows.size() - 1;
        List<int[]> ids = new ArrayList<>();
        if (reading != null) {
            ids.add(piece(reading));
        } else {
            int longest = 0;
            while (!fresh.isEmpty()) {
                longest = Math.max(longest, fresh.getFirst().prompt.length);
                if (!ids.isEmpty() && (ids.size() + 1) * longest > PROMPT_TOKENS) {
                    break;
                }
                WritingJob job = fresh.removeFirst();
                rows.add(job);
                ids.add(piece(job));
            }
        }
        if (!ids.isEmpty()) {
            run(first, ids.toArray(new int[0][]), false);
        }
    }

    /** The next tokens of a prompt. */
    private static int[] piece(WritingJob job) {
        int to = Math.min(job.prompt.length, job.read + PROMPT_TOKENS);
        return java.util.Arrays.copyOfRange(job.prompt, job.read, to);
    }

    /** Runs the model over more tokens of some rows and lets those whose prompt is read choose. */
    private void run(int first, int[][] ids, boolean writing) {
        int[] lengths = Transformer.lengths(ids);
        int[] starts = new int[ids.length];
        List<Taps> taps = new ArrayList<>();
        int positions = 0;
        int keys = 0;
        cache.reserve(first + ids.length, 1);
        for (int i = 0; i < ids.length; i++) {
            starts[i] = cache.length(first + i);
            positions = Math.max(positions, lengths[i]);
            keys = Math.max(keys, starts[i] + lengths[i]);
            taps.add(rows.get(first + i).taps);
        }
        cache.reserve(first + ids.length, keys);
        cache.at(first);
        RowTaps editors = new RowTaps(taps);
        float[][] logits;
        try (NDManager own = manager.newSubManager()) {
            logits = logits(Pass.continuing(own, lengths, positions, starts, editors, true), ids);
        }
        for (int i = 0; i < ids.length; i++) {
            WritingJob job = rows.get(first + i);
            job.read += writing ? 0 : ids[i].length;
            RuntimeException failure = editors.failure(i);
            if (failure != null) {
                job.fail(failure);
            } else if (job.read == job.prompt.length && !job.over()) {
                if (job.taps.ended()) {
                    job.stop();
                } else {
                    job.choose(logits[i]);
                }
            }
        }
    }

    private float[][] logits(Pass pass, int[][] ids) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray resid = BlockState.set(core.run(pass, ids, cache));
            cache.advance(pass);
            float[][] logits = core.head.last(pass, core.head.normed(pass, resid, new Norm.State(false)));
            resid.close();
            return logits;
        }
    }

    /** Frees the rows of texts that are over, and what waits in vain. */
    private void leave() {
        fresh.removeIf(WritingJob::over);
        for (int i = rows.size() - 1; i >= 0; i--) {
            if (rows.get(i).over()) {
                remove(i);
            }
        }
    }

    private void remove(int row) {
        int hole = row;
        int n = written();
        if (row < n) { // the last of its kind fills the hole, and the one that is being read stays behind all
            cache.move(n - 1, hole);
            rows.set(hole, rows.get(n - 1));
            hole = n - 1;
        }
        int last = rows.size() - 1;
        if (hole < last) {
            cache.move(last, hole);
            rows.set(hole, rows.get(last));
        } else {
            cache.clear(last);
        }
        rows.removeLast();
    }

    @Override
    public void close() {
        cache.close();
    }
}
