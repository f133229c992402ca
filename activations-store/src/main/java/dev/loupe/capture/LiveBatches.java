package dev.loupe.capture;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.Document;
import dev.loupe.corpus.DocumentPool;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.HeldOut;
import dev.loupe.corpus.Packer;
import dev.loupe.math.Matrix;
import dev.loupe.math.Permutation;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.StoreSpec;
import dev.loupe.store.ValueRule;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Shuffled rows of one hook point straight from the model, nothing stored: a mixing buffer of two blocks. The rows of a block
 * (whole sequences) are parted by lot into two halves; segment <i>j</i> of the stream is the second half of block <i>j</i> − 1
 * and the first half of block <i>j</i>, in random order. So every row of an epoch comes exactly once, mixed with rows of up to
 * two blocks, and any step can be reached with at most two blocks of model passes and the tokens before. Each epoch is the
 * text's training documents in a new order; held-out documents never appear. One user at a time.
 */
public final class LiveBatches implements AutoCloseable {
    /** What {@code loupe.json} says about the order of the data. */
    public static final String DESCRIPTION =
            "mixing-buffer/1: halves of two consecutive blocks of rows, permuted per (seed, block); documents permuted per"
                    + " (seed, epoch)";

    /** Rows of a block, if no sequence is longer. */
    static final int BLOCK_ROWS = 32_768;

    private final LanguageModel model;
    private final CapturePlan plan;
    private final HookPoint hook;
    private final int width;
    private final DocumentPool pool;
    private final long seed;
    private final int blockRows;
    private final ForwardPass forward;
    private final Block[] blocks; // the two in memory, by number
    private final List<Integer> rowsOfBlock = new ArrayList<>(); // of all blocks met so far
    private Sequences sequences;
    private float @Nullable [] mean;
    private double meanSquaredNorm;
    private double meanNorm;

    private LiveBatches(
            LanguageModel model, CapturePlan plan, DocumentPool pool, long seed, int blockRows, Progress progress) {
        this.model = model;
        this.plan = plan;
        this.hook = plan.hooks().getFirst();
        this.width =
                Objects.requireNonNull(plan.spec().hooks().get(hook.name())).width();
        this.pool = pool;
        this.seed = seed;
        this.blockRows = blockRows;
        this.forward = new ForwardPass(model, plan.hooks(), CapturePlan.BATCH_TOKENS, new CancelledWith(progress));
        this.blocks = new Block[] {new Block(), new Block()};
        this.sequences = new Sequences();
    }

    /**
     * Opens a stream; no pass of the model is made yet.
     *
     * @param request one hook point; the text is read as far as {@code request.tokens()} rows may need
     * @throws UsageException if the request does not fit the model or names several hook points
     * @throws LoupeException if the text is empty or all held out
     */
    public static LiveBatches open(CaptureRequest request, LanguageModel model, Progress progress) {
        return open(request, model, progress, BLOCK_ROWS);
    }

    static LiveBatches open(CaptureRequest request, LanguageModel model, Progress progress, int blockRows) {
        if (request.hooks().size() != 1) {
            throw new UsageException("Training straight from the model takes one hook point; there are "
                    + String.join(", ", request.hooks()) + ".");
        }
        progress.stage("read " + request.text(), -1, "documents");
        DocumentSource source = Corpora.of(request.text(), request.jsonField());
        HeldOut heldOut = CaptureJob.heldOutRule(request, source, model);
        CapturePlan plan = CapturePlan.of(request, model, source, heldOut, blockRows);
        DocumentPool pool = DocumentPool.read(source, heldOut, request.seed(), plan.poolCharacters(), progress);
        if (pool.train().isEmpty()) {
            throw new LoupeException("The text " + request.text()
                    + " has no document for training: all are held out; give more text or hold out less.");
        }
        return new LiveBatches(
                model,
                plan,
                pool,
                request.seed(),
                Math.max(blockRows, plan.spec().sequence().context()),
                progress);
    }

    /** Floats a row. */
    public int width() {
        return width;
    }

    /** What the rows are: the spec that a store of them would have. */
    public StoreSpec spec() {
        return plan.spec();
    }

    /** The hook point. */
    public String hook() {
        return hook.name();
    }

    /** Checksum of everything that decides the rows and their order. */
    public String fingerprint() {
        String text = Json.line(Map.of("spec", plan.spec(), "order", DESCRIPTION, "block_rows", blockRows));
        return Checksums.sha256(text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * The batch of a step.
     *
     * @param rows how many rows a batch has, the same in every call
     * @param dst gets them, {@code [rows, width]}
     */
    public synchronized void batch(long step, int rows, Matrix dst) {
        long first = Math.multiplyExact(step, (long) rows);
        for (int i = 0; i < rows; ) {
            Segment segment = segment(first + i);
            int count = (int) Math.min(rows - i, segment.start + segment.size - (first + i));
            for (int k = 0; k < count; k++, i++) {
                segment.copy(first + i - segment.start, dst, i);
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
        final Permutation order;

        Segment(int block, long start) {
            this.block = block;
            this.start = start;
            this.before = block == 0 ? 0 : rows(block - 1) - rows(block - 1) / 2;
            this.size = before + rows(block) / 2;
            this.order = new Permutation(Math.max(1, size), seed, 2L * block);
        }

        void copy(long place, Matrix dst, int to) {
            long at = order.at(place);
            boolean old = at < before;
            Block from = blocks[(old ? block - 1 : block) & 1];
            int n = rows(from.number);
            long half = old ? n / 2 + at : at - before;
            long row = new Permutation(n, seed, 2L * from.number + 1).at(half);
            java.lang.foreign.MemorySegment.copy(
                    from.values().segment(), from.values().offset(row), dst.segment(), dst.offset(to), 4L * width);
        }
    }

    /** How many rows a block has. */
    private int rows(int block) {
        while (rowsOfBlock.size() <= block) {
            List<int[]> some = sequences.block(rowsOfBlock.size());
            rowsOfBlock.add(some.stream().mapToInt(this::rows).sum());
        }
        return rowsOfBlock.get(block);
    }

    private int rows(int[] tokens) {
        int count = 0;
        for (int p = 0; p < tokens.length; p++) {
            count += plan.packing().hasRow().test(tokens[p], p) ? 1 : 0;
        }
        return count;
    }

    private void load(int number) {
        Block block = blocks[number & 1];
        if (block.number != number) {
            block.fill(number, sequences.block(number));
        }
    }

    /** The rows of a block, with the pass of the model behind them. */
    private final class Block {
        private int number = -1;
        private @Nullable ShardBuffer buffer;

        void fill(int wanted, List<int[]> tokens) {
            ShardBuffer into = buffer;
            if (into == null) {
                into = ShardBuffer.standalone(blockRows, plan.spec().sequence(), Map.of(hook.name(), width));
                buffer = into;
            }
            into.clear();
            tokens.forEach(t -> buffer(t));
            forward.fill(into, 0);
            ValueRule changed =
                    Objects.requireNonNull(plan.spec().hooks().get(hook.name())).changed();
            if (changed != null) {
                Matrix values = into.activations(hook.name());
                float[] row = new float[width];
                for (int r = 0; r < into.rows(); r++) {
                    values.copyRow(r, row);
                    changed.apply(row);
                    values.setRow(r, row);
                }
            }
            number = wanted;
        }

        private void buffer(int[] tokens) {
            Objects.requireNonNull(buffer).add(0, tokens);
        }

        Matrix values() {
            return Objects.requireNonNull(buffer).activations(hook.name());
        }

        void close() {
            if (buffer != null) {
                buffer.close();
            }
        }
    }

    /** Token sequences in blocks, epoch after epoch; remembers the last two and begins anew for an earlier one. */
    private final class Sequences {
        private final List<List<int[]>> recent = new ArrayList<>();
        private int next; // number of the block that comes next
        private long epoch = -1;
        private @Nullable Packer packer;
        private int @Nullable [] waiting;

        List<int[]> block(int number) {
            int oldest = next - recent.size();
            if (number < oldest) {
                sequences = new Sequences();
                return sequences.block(number);
            }
            while (number >= next) {
                recent.add(read());
                next++;
                if (recent.size() > 3) {
                    recent.removeFirst();
                }
            }
            return recent.get(number - (next - recent.size()));
        }

        private List<int[]> read() {
            List<int[]> block = new ArrayList<>();
            int rows = 0;
            while (true) {
                int[] tokens = waiting == null ? take() : waiting;
                waiting = null;
                int count = rows(tokens);
                if (rows + count > blockRows) {
                    waiting = tokens;
                    return block;
                }
                rows += count;
                block.add(tokens);
            }
        }

        private int[] take() {
            int tries = 0;
            while (true) {
                Packer.Sequence sequence = packer == null ? null : packer.next();
                if (sequence != null) {
                    return sequence.tokens();
                }
                if (tries++ > 1) {
                    throw new LoupeException("The training documents of the text give no token.");
                }
                epoch++;
                packer = new Packer(
                        ordered(epoch).iterator(),
                        new DocumentTokens(model.tokenizer(), plan.bos()),
                        some -> some,
                        plan.packing(),
                        Long.MAX_VALUE);
            }
        }

        private List<Document> ordered(long e) {
            List<Document> all = pool.train();
            Permutation order = new Permutation(all.size(), seed, e + 1);
            return java.util.stream.LongStream.range(0, all.size())
                    .mapToObj(i -> all.get((int) order.at(i)))
                    .toList();
        }
    }

    /** Mean of the rows of the first block. */
    public synchronized float[] mean() {
        measure();
        return Objects.requireNonNull(mean).clone();
    }

    /** E‖x‖² over the rows of the first block. */
    public synchronized double meanSquaredNorm() {
        measure();
        return meanSquaredNorm;
    }

    /** E‖x‖ over the rows of the first block. */
    public synchronized double meanNorm() {
        measure();
        return meanNorm;
    }

    private void measure() {
        if (mean != null) {
            return;
        }
        int n = rows(0);
        load(0);
        Matrix values = blocks[0].values();
        double[] sum = new double[width];
        double squares = 0;
        double norms = 0;
        for (int r = 0; r < n; r++) {
            float[] row = values.row(r);
            double square = 0;
            for (int i = 0; i < width; i++) {
                sum[i] += row[i];
                square += (double) row[i] * row[i];
            }
            squares += square;
            norms += Math.sqrt(square);
        }
        if (!Double.isFinite(squares)) {
            throw new LoupeException("The activations at " + hook.name() + " are not all finite numbers.");
        }
        float[] result = new float[width];
        for (int i = 0; i < width; i++) {
            result[i] = (float) (sum[i] / n);
        }
        meanSquaredNorm = squares / n;
        meanNorm = norms / n;
        mean = result;
        current = null;
    }

    @Override
    public void close() {
        for (Block block : blocks) {
            block.close();
        }
    }
}
