package dev.loupe.train;

import dev.loupe.base.CancelledException;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.math.VectorOps;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Steps several runs on one stream of batches, at one hook point or several: the batch of each hook point is read (or
 * computed) once, scaled once for each different scale, and every run there takes its step on it. Runs do not touch each
 * other, so each ends with the bits that it would have alone; they are spread over the cores, and a core that has none left
 * helps inside the others' steps. A run that goes on from a later step waits until the stream gets there; a run that fails
 * leaves the others alone. Where steps leave the processor idle (a GPU takes them), the next batch is made and brought there
 * meanwhile.
 */
final class SharedStream implements AutoCloseable {
    private final List<Feed> feeds;
    private final List<SeedRun> runs;
    private final double checkpointSeconds;
    private final Arena arena = Arena.ofShared();
    private final boolean prefetches;
    private final Buffers[][] buffers; // by turn and hook point
    private final Map<Long, Matrix> announced = new ConcurrentHashMap<>();
    private @Nullable CompletableFuture<Batch> next;
    private final Map<SeedRun, LoupeException> failures = new IdentityHashMap<>();

    /**
     * The runs at one hook point, and what they read.
     *
     * @param target the same object as {@code data} except for transcoders
     */
    record Feed(BatchSource data, BatchSource target, List<SeedRun> runs) {}

    /**
     * @param target the same object as {@code data} except for transcoders
     * @param runs of one batch size and data seed
     */
    SharedStream(BatchSource data, BatchSource target, List<SeedRun> runs, double checkpointSeconds) {
        this(List.of(new Feed(data, target, runs)), checkpointSeconds);
    }

    /** @param feeds whose runs are all of one batch size and data seed */
    SharedStream(List<Feed> feeds, double checkpointSeconds) {
        this.feeds = List.copyOf(feeds);
        this.runs = feeds.stream().flatMap(f -> f.runs.stream()).toList();
        this.checkpointSeconds = checkpointSeconds;
        prefetches = this.runs.getFirst().takesSteps().prefetches();
        buffers = new Buffers[prefetches ? 2 : 1][feeds.size()];
        for (Buffers[] turn : buffers) {
            Arrays.setAll(turn, f -> new Buffers(this.feeds.get(f)));
        }
    }

    /** Where the rows of one batch of a hook point lie. */
    private final class Buffers {
        final Matrix input;
        final Matrix output;
        final Map<Double, Matrix> inputs = new HashMap<>();
        final Map<Double, Matrix> targets = new HashMap<>();

        Buffers(Feed feed) {
            input = buffer(feed.data);
            output = feed.data == feed.target ? input : buffer(feed.target);
        }
    }

    /** Why runs stopped before their end; the one failure of a run that is alone is thrown instead. */
    Map<SeedRun, LoupeException> failures() {
        return failures;
    }

    /**
     * Takes all steps of all runs, which are open.
     *
     * @param prefixes of the names of live curves, one per run
     * @param finished hears of each run right after its last step; it may close it
     * @throws CancelledException if that was asked for, after writing checkpoints
     */
    void run(Progress progress, List<String> prefixes, Consumer<SeedRun> finished) {
        long last = runs.stream().mapToLong(r -> r.config().steps()).max().orElse(0);
        long step = runs.stream().mapToLong(SeedRun::next).min().orElse(0);
        runs.stream().filter(SeedRun::done).forEach(finished);
        long written = System.nanoTime();
        try {
            for (; step < last; step++) {
                if (progress.cancelled()) {
                    checkpoint();
                    throw new CancelledException();
                }
                if ((System.nanoTime() - written) / 1e9 > checkpointSeconds) {
                    checkpoint();
                    written = System.nanoTime();
                }
                List<Integer> due = due(step);
                if (due.isEmpty()) {
                    continue;
                }
                Batch batch = take(step);
                if (prefetches && step + 1 < last) {
                    long following = step + 1;
                    next = CompletableFuture.supplyAsync(() -> make(following));
                }
                step(due, batch, progress, prefixes);
                for (int i : due) {
                    if (runs.get(i).done()) {
                        finished.accept(runs.get(i));
                    }
                }
                progress.advance(step + 1);
            }
        } finally {
            await();
        }
    }

    /** The rows of a step by hook point; null where no run is left. */
    private record Batch(long step, List<@Nullable Rows> rows) {}

    /** The rows of a hook point, times each scale that a run wants. */
    private record Rows(Map<Double, Matrix> inputs, Map<Double, Matrix> targets) {}

    /** The batch of a step: made before if it was foreseen, else now. */
    private Batch take(long step) {
        CompletableFuture<Batch> foreseen = next;
        next = null;
        if (foreseen != null) {
            try {
                Batch batch = foreseen.join();
                if (batch.step == step) {
                    return batch;
                }
            } catch (CompletionException e) {
                if (e.getCause() instanceof RuntimeException cause) {
                    throw cause;
                }
                throw e;
            }
        }
        return make(step);
    }

    /** Waits for a batch that is being made, whose memory this owns; its failure does not matter any more. */
    private void await() {
        CompletableFuture<Batch> making = next;
        next = null;
        if (making != null) {
            making.exceptionally(e -> new Batch(-1, List.of())).join();
        }
    }

    private Batch make(long step) {
        List<@Nullable Rows> rows = new ArrayList<>();
        for (int f = 0; f < feeds.size(); f++) {
            Feed feed = feeds.get(f);
            List<SeedRun> left = feed.runs.stream().filter(r -> !r.done()).toList();
            rows.add(left.isEmpty() ? null : make(step, feed, left, buffers[(int) (step % buffers.length)][f]));
        }
        return new Batch(step, rows);
    }

    private Rows make(long step, Feed feed, List<SeedRun> left, Buffers to) {
        Map<Double, Matrix> inputs = scaled(
                rows(feed.data, step, to.input),
                left.stream().map(SeedRun::scale).distinct().toList(),
                to.inputs);
        Map<Double, Matrix> targets = feed.data == feed.target
                ? inputs
                : scaled(
                        rows(feed.target, step, to.output),
                        left.stream().map(SeedRun::scaleOut).distinct().toList(),
                        to.targets);
        inputs.values().forEach(this::announce);
        if (feed.data != feed.target) {
            targets.values().forEach(this::announce);
        }
        return new Rows(inputs, targets);
    }

    /** A source's own memory is the fastest, but not to be had for two batches at once. */
    private Matrix rows(BatchSource source, long step, Matrix own) {
        if (!prefetches) {
            return source.rows(step, own);
        }
        source.batch(step, own);
        return own;
    }

    private void announce(Matrix rows) {
        if (prefetches) {
            runs.getFirst().takesSteps().announce(rows);
            announced.put(rows.segment().address(), rows);
        }
    }

    private List<Integer> due(long step) {
        List<Integer> due = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            SeedRun r = runs.get(i);
            if (r.next() == step && !r.done() && !failures.containsKey(r)) {
                due.add(i);
            }
        }
        return due;
    }

    private void step(List<Integer> due, Batch batch, Progress progress, List<String> prefixes) {
        Parallel.run(due.size(), d -> {
            SeedRun r = runs.get(due.get(d));
            Rows rows = Objects.requireNonNull(batch.rows.get(feedOf(due.get(d))));
            alone(
                    r,
                    () -> r.step(
                            get(rows.inputs, r.scale()),
                            get(rows.targets, r.scaleOut()),
                            progress,
                            prefixes.get(due.get(d))));
        });
    }

    /** Lets a run fail without the others. */
    private void alone(SeedRun r, Runnable work) {
        try {
            work.run();
        } catch (CancelledException e) {
            throw e;
        } catch (LoupeException e) {
            if (runs.size() == 1) {
                throw e;
            }
            synchronized (failures) {
                failures.put(r, e);
            }
        }
    }

    /** The hook point of a run. */
    private int feedOf(int run) {
        int f = 0;
        for (int end = feeds.getFirst().runs.size();
                run >= end;
                end += feeds.get(f).runs.size()) {
            f++;
        }
        return f;
    }

    private static Matrix get(Map<Double, Matrix> scaled, double scale) {
        return Objects.requireNonNull(scaled.get(scale));
    }

    /** The batch times each scale; the last scale is done in place. */
    private Map<Double, Matrix> scaled(Matrix raw, List<Double> scales, Map<Double, Matrix> buffers) {
        Map<Double, Matrix> result = new HashMap<>();
        for (int i = 0; i < scales.size(); i++) {
            double scale = scales.get(i);
            Matrix m = raw;
            if (i + 1 < scales.size()) {
                m = buffers.computeIfAbsent(scale, s -> Matrix.allocate(arena, raw.rows(), raw.cols()));
                m.copyFrom(raw);
            }
            for (long r = 0; r < m.rows(); r++) {
                VectorOps.scale((float) scale, m.segment(), m.offset(r), m.cols());
            }
            result.put(scale, m);
        }
        return result;
    }

    private Matrix buffer(BatchSource source) {
        return Matrix.allocate(arena, runs.getFirst().config().batch(), source.width());
    }

    /** Writes the state of every run that is on its way. */
    private void checkpoint() {
        for (SeedRun r : runs) {
            if (!failures.containsKey(r) && !r.done() && r.next() > r.resumedFrom()) {
                alone(r, r::checkpoint);
            }
        }
    }

    @Override
    public void close() {
        await();
        announced.values().forEach(runs.getFirst().takesSteps()::forget);
        arena.close();
    }
}
