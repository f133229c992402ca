package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.math.Matrix;
import dev.loupe.model.LanguageModel;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.RowReader;
import dev.loupe.store.SequenceTable;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.StoreSpec;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The rows that a capture of a text would store, straight from the model and in the same order with the same bits: what
 * lies on disk is a store of the tokens alone. A shard's rows are computed when one of them is asked for and kept until
 * another shard's are, so whoever reads in order runs the model once. Memory: the rows of one shard.
 */
public final class TextRows implements RowReader, AutoCloseable {
    private final ActivationStore tokens;
    private final List<String> hooks;
    private final int width;
    private final ForwardPass forward;
    private final ShardBuffer buffer;
    private final long[] firstRow; // by shard, and the end
    private final int[] firstSequence;
    private int loaded = -1;

    private TextRows(ActivationStore tokens, LanguageModel model, CapturePlan plan, Progress progress) {
        this.tokens = tokens;
        this.hooks = List.copyOf(plan.spec().hooks().keySet());
        this.forward =
                new ForwardPass(model, plan.hooks(), CapturePlan.BATCH_TOKENS, Progress.until(progress::cancelled));
        Map<String, Integer> widths = new LinkedHashMap<>();
        int sum = 0;
        for (Map.Entry<String, StoreSpec.HookSpec> hook : plan.spec().hooks().entrySet()) {
            widths.put(hook.getKey(), hook.getValue().width());
            sum += hook.getValue().width();
        }
        this.width = sum;
        List<StoreManifest.Shard> shards = tokens.manifest().content().shards();
        firstRow = new long[shards.size() + 1];
        firstSequence = new int[shards.size() + 1];
        int most = 1;
        for (int s = 0; s < shards.size(); s++) {
            firstRow[s + 1] = firstRow[s] + shards.get(s).rows();
            firstSequence[s + 1] = firstSequence[s] + shards.get(s).sequences();
            most = Math.max(most, shards.get(s).rows());
        }
        this.buffer = ShardBuffer.standalone(most, plan.spec().sequence(), widths);
    }

    /**
     * Reads and cuts the text (or finds its tokens from an earlier time); no pass of the model is made yet.
     *
     * @param request where the store of tokens goes, and what of the text; its dtype does not matter: rows are float32
     * @throws dev.loupe.base.UsageException if the request does not fit the model, or changes values
     * @throws LoupeException if the text is empty or the tokens cannot be written
     */
    public static TextRows open(CaptureRequest request, LanguageModel model, Progress progress) {
        return open(request, model, progress, CapturePlan.MOST_SHARD_ROWS);
    }

    static TextRows open(CaptureRequest request, LanguageModel model, Progress progress, int shardRows) {
        if (!request.rulesOrDefault().values().isNone()) {
            throw new dev.loupe.base.UsageException(
                    "Values are neither masked nor clipped where activations are not stored: capture a store with these"
                            + " rules, and use that.");
        }
        DocumentSource source = Corpora.of(request.text(), request.jsonField());
        CapturePlan plan =
                CapturePlan.of(request, model, source, CaptureJob.heldOutRule(request, source, model), shardRows);
        CaptureJob.tokensOnly(request, model, progress, shardRows);
        ActivationStore tokens = ActivationStore.open(request.folder());
        try {
            return new TextRows(tokens, model, plan, progress);
        } catch (RuntimeException | Error e) {
            tokens.close();
            throw e;
        }
    }

    /** The tokens, sequences and documents behind the rows; it has no hook points. Closed with this. */
    public ActivationStore tokens() {
        return tokens;
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public long rows() {
        return tokens.rows();
    }

    @Override
    public synchronized void gather(long[] rows, int from, int count, Matrix dst) {
        for (int i = 0; i < count; i++) {
            load(rows[from + i]);
            copy(rows[from + i], 1, dst, i);
        }
    }

    @Override
    public synchronized void read(long first, int count, Matrix dst) {
        for (int done = 0; done < count; ) {
            load(first + done);
            int some = (int) Math.min(count - done, firstRow[loaded + 1] - first - done);
            copy(first + done, some, dst, done);
            done += some;
        }
    }

    private void copy(long first, int count, Matrix dst, int to) {
        int at = (int) (first - firstRow[loaded]);
        int column = 0;
        for (String hook : hooks) {
            Matrix values = buffer.activations(hook);
            for (int r = 0; r < count; r++) {
                MemorySegment.copy(
                        values.segment(),
                        values.offset(at + r),
                        dst.segment(),
                        dst.offset(to + r) + 4L * column,
                        4L * values.cols());
            }
            column += values.cols();
        }
    }

    private void load(long row) {
        if (row < 0 || row >= rows()) {
            throw new IllegalArgumentException("row " + row + " of " + rows());
        }
        int shard = Math.max(0, loaded);
        while (row >= firstRow[shard + 1]) {
            shard++;
        }
        while (row < firstRow[shard]) {
            shard--;
        }
        if (shard == loaded) {
            return;
        }
        loaded = -1; // nothing whole is in it until the pass is done
        buffer.clear();
        SequenceTable sequences = tokens.sequences();
        for (int s = firstSequence[shard]; s < firstSequence[shard + 1]; s++) {
            buffer.add(0, sequences.tokens(s));
        }
        forward.fill(buffer, 0);
        loaded = shard;
    }

    @Override
    public void close() {
        buffer.close();
        tokens.close();
    }
}
