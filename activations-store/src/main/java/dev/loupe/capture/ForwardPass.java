package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Streams;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.store.ShardBuffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/**
 * Runs the model over the sequences of a shard and puts the activations of their rows in place. Sequences of similar
 * length share a batch, so that little is spent on padding; the batches of a shard depend on that shard alone, so a
 * resumed capture computes the same.
 */
final class ForwardPass {
    private final LanguageModel model;
    private final List<HookPoint> hooks;
    private final int batchTokens;
    private final Progress progress;

    ForwardPass(LanguageModel model, List<HookPoint> hooks, int batchTokens, Progress progress) {
        this.model = model;
        this.hooks = hooks;
        this.batchTokens = batchTokens;
        this.progress = progress;
    }

    /**
     * Fills the activations of all rows.
     *
     * @param done rows of earlier shards, for the progress
     */
    void fill(ShardBuffer shard, long done) {
        List<int[]> sequences = shard.sequences();
        int[] order = IntStream.range(0, sequences.size())
                .boxed()
                .sorted(Comparator.comparingInt((Integer s) -> -sequences.get(s).length)) // stable
                .mapToInt(Integer::intValue)
                .toArray();
        List<int[]> batches = batches(sequences, order);
        long start = System.nanoTime();
        AtomicLong rows = new AtomicLong();
        Streams.run(batches.size(), i -> {
            progress.check();
            int[] members = batches.get(i);
            long now = rows.addAndGet(run(shard, sequences, members));
            synchronized (progress) {
                progress.advance(done + now);
                progress.metric("tokens_per_second", done + now, now / ((System.nanoTime() - start) / 1e9));
            }
        });
    }

    /** Sequences that pass together, by their place in the shard. */
    private List<int[]> batches(List<int[]> sequences, int[] order) {
        List<int[]> batches = new ArrayList<>();
        for (int from = 0; from < order.length; ) {
            int longest = sequences.get(order[from]).length;
            int count = Math.min(order.length - from, Math.max(1, batchTokens / longest));
            batches.add(Arrays.copyOfRange(order, from, from + count));
            from += count;
        }
        return batches;
    }

    /** Runs one batch; returns how many rows it has. */
    private long run(ShardBuffer shard, List<int[]> sequences, int[] members) {
        int[][] batch = new int[members.length][];
        for (int b = 0; b < batch.length; b++) {
            batch[b] = sequences.get(members[b]);
        }
        Forward forward = model.forward(new TokenBatch(batch), Taps.read(hooks), Want.NOTHING);
        for (HookPoint hook : hooks) {
            Activation activation = forward.activation(hook);
            Matrix target = shard.activations(hook.name());
            for (int b = 0; b < batch.length; b++) {
                copy(activation, b, batch[b], shard, shard.firstRow(members[b]), target);
            }
        }
        long rows = 0;
        for (int[] tokens : batch) {
            rows += shard.rowsOf(tokens);
        }
        return rows;
    }

    /** Copies the rows of one sequence: runs of tokens that have one. */
    private static void copy(Activation from, int b, int[] tokens, ShardBuffer shard, int row, Matrix to) {
        int width = from.width();
        if (width != to.cols()) {
            throw new LoupeException(
                    "The hook point " + from.hook() + " gave " + width + " values instead of " + to.cols() + ".");
        }
        int at = row;
        for (int p = 0; p < tokens.length; ) {
            if (!shard.hasRow(tokens[p], p)) {
                p++;
                continue;
            }
            int end = p + 1;
            while (end < tokens.length && shard.hasRow(tokens[end], end)) {
                end++;
            }
            MemorySegment.copy(
                    from.segment(), 4 * from.index(b, p, 0), to.segment(), to.offset(at), 4L * width * (end - p));
            at += end - p;
            p = end;
        }
    }
}
