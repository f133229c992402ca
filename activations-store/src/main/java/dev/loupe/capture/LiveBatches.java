package dev.loupe.capture;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.HeldOut;
import dev.loupe.math.Matrix;
import dev.loupe.math.Permutation;
import dev.loupe.model.LanguageModel;
import dev.loupe.store.Dtype;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.StoreSpec;
import dev.loupe.store.ValueRule;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Shuffled rows of hook points straight from the model, nothing stored: a mixing buffer of two blocks. The rows of a block
 * (whole sequences) are parted by lot into two halves; segment <i>j</i> of the stream is the second half of block <i>j</i> − 1
 * and the first half of block <i>j</i>, in random order. So every row of an epoch comes exactly once, mixed with rows of up to
 * two blocks, and any step can be reached with at most two blocks of model passes and the tokens before. Each epoch is the
 * text's training documents in a new order ({@link LiveText}); held-out documents never appear. A step has the same rows at
 * every hook point. Memory: two blocks, and the part of the text that is being read. One user at a time.
 */
public final class LiveBatches implements AutoCloseable {
    /** What {@code loupe.json} says about the order of the data. */
    public static final String DESCRIPTION =
            "mixing-buffer/1: halves of two consecutive blocks of rows, permuted per (seed, block); documents permuted per"
                    + " (seed, epoch, part of the text)";

    /** Rows of a block, if no sequence is longer; fewer where rows are wide. */
    static final int BLOCK_ROWS = 32_768;

    private final CapturePlan plan;
    private final long seed;
    private final int blockRows;
    private final ForwardPass forward;
    private final Block[] blocks; // the two in memory, by number
    private final List<Integer> rowsOfBlock = new ArrayList<>(); // of all blocks met so far
    private final LiveText text;
    private final Map<String, LiveMoments> moments = new LinkedHashMap<>();
    private double passSeconds;
    private long passedRows;

    private LiveBatches(LanguageModel model, CapturePlan plan, LiveText text, long seed, Progress progress) {
        this.plan = plan;
        this.text = text;
        this.seed = seed;
        this.blockRows = text.blockRows();
        this.forward =
                new ForwardPass(model, plan.hooks(), CapturePlan.BATCH_TOKENS, Progress.until(progress::cancelled));
        this.blocks = new Block[] {new Block(), new Block()};
    }

    /**
     * Opens a stream; no pass of the model is made yet.
     *
     * @param request its number of tokens does not matter: the stream has no end
     * @throws dev.loupe.base.UsageException if the request does not fit the model
     * @throws LoupeException if the text is empty or all held out
     */
    public static LiveBatches open(CaptureRequest request, LanguageModel model, Progress progress) {
        return open(request, model, progress, BLOCK_ROWS);
    }

    static LiveBatches open(CaptureRequest request, LanguageModel model, Progress progress, int blockRows) {
        return open(request, model, progress, blockRows, LiveText.PART_CHARACTERS);
    }

    static LiveBatches open(
            CaptureRequest request, LanguageModel model, Progress progress, int blockRows, long partCharacters) {
        progress.stage("read " + request.text(), -1, "documents");
        DocumentSource source = Corpora.of(request.text(), request.jsonField());
        HeldOut heldOut = CaptureJob.heldOutRule(request, source, model);
        CapturePlan plan = CapturePlan.of(endless(request), model, source, heldOut, blockRows);
        LiveText text = new LiveText(
                source,
                heldOut,
                request.seed(),
                partCharacters,
                new DocumentTokens(model.tokenizer(), plan.bos()),
                plan.packing(),
                plan.shardRows(),
                progress);
        return new LiveBatches(model, plan, text, request.seed(), progress);
    }

    /** The number of tokens bears on where a capture ends; here it shall not change what the rows are. */
    private static CaptureRequest endless(CaptureRequest r) {
        return new CaptureRequest(
                r.name(),
                r.storesDir(),
                r.model(),
                r.text(),
                r.jsonField(),
                r.hooks(),
                1,
                r.context(),
                r.prependBos(),
                Dtype.FLOAT32.id(),
                r.heldOut(),
                r.seed(),
                r.rules());
    }

    /**
     * Floats a row of a hook point.
     *
     * @throws UsageException if the stream has no such hook point
     */
    public int width(String hook) {
        StoreSpec.HookSpec spec = plan.spec().hooks().get(hook);
        if (spec == null) {
            throw new UsageException("There is no hook point " + hook + " in this training; there is "
                    + String.join(", ", hooks()) + ".");
        }
        return spec.width();
    }

    /** What the rows are: the spec that a store of them would have. */
    public StoreSpec spec() {
        return plan.spec();
    }

    /** Names of the hook points. */
    public List<String> hooks() {
        return List.copyOf(plan.spec().hooks().keySet());
    }

    /** How long the passes of the model took for a row so far, in seconds; 0 before the first. */
    public synchronized double secondsPerRow() {
        return passedRows == 0 ? 0 : passSeconds / passedRows;
    }

    /** Checksum of everything that decides the rows and their order. */
    public String fingerprint() {
        String all = Json.line(List.of(plan.spec(), DESCRIPTION, blockRows, text.partCharacters()));
        return Checksums.sha256(all.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * The batch of a step.
     *
     * @param rows how many rows a batch has, the same in every call
     * @param dst gets them, {@code [rows, width]}
     */
    public synchronized void batch(String hook, long step, int rows, Matrix dst) {
        long first = Math.multiplyExact(step, (long) rows);
        Crossing all = crossing;
        if (all == null || all.first != first || all.rows != rows) {
            Segment at = segment(first);
            if (first + rows <= at.start + at.size) {
                for (int i = 0; i < rows; i++) {
                    at.copy(hook, first + i - at.start, dst, i);
                }
                return;
            }
            // It needs three blocks: if each hook came back to the first, all would pass through the model for each
            // hook.
            all = new Crossing(first, rows);
            crossing = all;
        }
        all.copy(hook, dst);
    }

    /** The rows of the last step whose rows come from several segments, of every hook. */
    private @Nullable Crossing crossing;

    /** A step whose rows come from several segments: taken from the blocks once, for all hooks. */
    private final class Crossing {
        private final long first;
        private final int rows;
        private final Map<String, Matrix> values = new LinkedHashMap<>();

        @SuppressWarnings("MustBeClosedChecker") // an automatic arena is never closed
        Crossing(long first, int rows) {
            this.first = first;
            this.rows = rows;
            for (String hook : hooks()) {
                values.put(hook, Matrix.allocate(Arena.ofAuto(), rows, width(hook)));
            }
            for (int i = 0; i < rows; ) {
                Segment segment = segment(first + i);
                int end = (int) Math.min(rows, segment.start + segment.size - first);
                for (Map.Entry<String, Matrix> hook : values.entrySet()) {
                    for (int k = i; k < end; k++) {
                        segment.copy(hook.getKey(), first + k - segment.start, hook.getValue(), k);
                    }
                }
                i = end;
            }
        }

        void copy(String hook, Matrix dst) {
            width(hook); // says which there are
            Matrix from = Objects.requireNonNull(values.get(hook));
            for (int i = 0; i < rows; i++) {
                MemorySegment.copy(from.segment(), from.offset(i), dst.segment(), dst.offset(i), 4L * from.cols());
            }
        }
    }

    private @Nullable Segment current;

    /** The segment that a row of the stream belongs to. */
    private Segment segment(long row) {
        Segment now = current;
        if (now == null || row < now.start) {
            now = new Segment(0, 0);
        }
        while (row >= now.start + now.size) {
            now = new Segment(now.block + 1, now.start + now.size);
        }
        if (current == null || current.block != now.block) {
            if (now.block > 0) {
                load(now.block - 1);
            }
            load(now.block);
            current = now;
        }
        return now;
    }

    /** Rows of one segment; sizes are known from the tokens alone. */
    private final class Segment {
        final int block;
        final long start;
        final int before; // rows of the block before: its second half
        final int size;
        private final Permutation order;
        private final Permutation own;
        private final Permutation earlier;

        Segment(int block, long start) {
            int last = block == 0 ? 0 : rows(block - 1);
            this.block = block;
            this.start = start;
            this.before = last - last / 2;
            this.size = before + rows(block) / 2;
            this.order = new Permutation(Math.max(1, size), seed, 2L * block);
            this.own = halves(block);
            this.earlier = block == 0 ? own : halves(block - 1);
        }

        private Permutation halves(int number) {
            return new Permutation(rows(number), seed, 2L * number + 1);
        }

        void copy(String hook, long place, Matrix dst, int to) {
            long at = order.at(place);
            boolean old = at < before;
            long row = old ? earlier.at(earlier.size() / 2 + at) : own.at(at - before);
            Matrix values = blocks[(old ? block - 1 : block) & 1].values(hook);
            MemorySegment.copy(values.segment(), values.offset(row), dst.segment(), dst.offset(to), 4L * values.cols());
        }
    }

    /** How many rows a block has. */
    private int rows(int block) {
        while (rowsOfBlock.size() <= block) {
            List<int[]> some = text.block(rowsOfBlock.size());
            rowsOfBlock.add(some.stream().mapToInt(text::rows).sum());
        }
        return rowsOfBlock.get(block);
    }

    private void load(int number) {
        Block block = blocks[number & 1];
        if (block.number != number) {
            block.fill(number, text.block(number));
        }
    }

    /** The rows of a block, with the pass of the model behind them. */
    private final class Block {
        private int number = -1;
        private @Nullable ShardBuffer buffer;

        void fill(int wanted, List<int[]> tokens) {
            ShardBuffer into = buffer;
            if (into == null) {
                Map<String, Integer> widths = new LinkedHashMap<>();
                plan.spec().hooks().forEach((name, spec) -> widths.put(name, spec.width()));
                into = ShardBuffer.standalone(blockRows, plan.spec().sequence(), widths);
                buffer = into;
            }
            into.clear();
            number = -1; // nothing whole is in it until the pass is done
            for (int[] sequence : tokens) {
                into.add(0, sequence);
            }
            long begin = System.nanoTime();
            forward.fill(into, 0);
            passSeconds += (System.nanoTime() - begin) / 1e9;
            passedRows += into.rows();
            for (Map.Entry<String, StoreSpec.HookSpec> hook :
                    plan.spec().hooks().entrySet()) {
                ValueRule changed = hook.getValue().changed();
                if (changed != null) {
                    Matrix values = into.activations(hook.getKey());
                    float[] row = new float[values.cols()];
                    for (int r = 0; r < into.rows(); r++) {
                        values.copyRow(r, row);
                        changed.apply(row);
                        values.setRow(r, row);
                    }
                }
            }
            number = wanted;
        }

        Matrix values(String hook) {
            return Objects.requireNonNull(buffer).activations(hook);
        }

        void close() {
            if (buffer != null) {
                buffer.close();
            }
        }
    }

    /** Mean of the rows of the first block. */
    public synchronized float[] mean(String hook) {
        return moments(hook).mean().clone();
    }

    /** E‖x‖² over the rows of the first block. */
    public synchronized double meanSquaredNorm(String hook) {
        return moments(hook).meanSquaredNorm();
    }

    /** E‖x‖ over the rows of the first block. */
    public synchronized double meanNorm(String hook) {
        return moments(hook).meanNorm();
    }

    private LiveMoments moments(String hook) {
        width(hook);
        if (moments.isEmpty()) {
            int n = rows(0);
            load(0);
            current = null;
            for (String name : hooks()) {
                moments.put(name, LiveMoments.of(blocks[0].values(name), n, name));
            }
        }
        return Objects.requireNonNull(moments.get(hook));
    }

    @Override
    public void close() {
        for (Block block : blocks) {
            block.close();
        }
        text.close();
    }
}
