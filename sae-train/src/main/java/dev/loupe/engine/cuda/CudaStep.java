package dev.loupe.engine.cuda;

import dev.loupe.engine.Precision;
import dev.loupe.engine.Selection;
import dev.loupe.engine.StepRule;
import dev.loupe.engine.StepTimes;
import java.util.Objects;

/** The order in which the kernels of one step run. Nothing waits here: the card is told everything and goes on by itself. */
final class CudaStep {
    private static final int SAMPLE = 64;
    private static final int SQUARES = 256;

    /** {@code -Dloupe.cuda.times=on}: measure the parts of the steps of sessions that begin then. */
    private final boolean timed = System.getProperty("loupe.cuda.times", "off").equals("on");

    private static final int PRODUCT = 0;
    private static final int SELECTION = 1;
    private static final int DECODE = 2;
    private static final int GRADIENTS = 3;
    private static final int ADAM = 4;

    private final long[] nanos = new long[5];
    private long last;

    private final CudaDevice device;
    private final StepBlock block;
    private final StepMemory memory;
    private final long stream;
    private final long workspace;
    private final int threads;
    private final Precision precision;
    private final int n;
    private final int dIn;
    private final int dOut;
    private final DenseProducts denseRows;

    CudaStep(
            CudaDevice device,
            StepBlock block,
            StepMemory memory,
            long stream,
            long workspace,
            int threads,
            Precision precision) {
        this.device = device;
        this.block = block;
        this.memory = memory;
        this.stream = stream;
        this.workspace = workspace;
        this.threads = threads;
        this.precision = precision;
        n = block.get("n");
        dIn = block.get("d_in");
        dOut = block.get("d_out");
        denseRows = new DenseProducts(device, block, stream, workspace, threads, precision);
    }

    private void launch(String kernel, int grid, Object... more) {
        device.launch(kernel, grid, 1, threads, 0, stream, block.memory(), more);
    }

    /** Where the time goes, if that is asked for; then the card waits for the host between parts, and steps are slower. */
    private void lap(int part) {
        if (timed) {
            device.driver().sync(stream);
            long now = System.nanoTime();
            nanos[part] += now - last;
            last = now;
        }
    }

    /** The seconds of all steps so far; zeros unless asked for. */
    StepTimes times() {
        return new StepTimes(nanos[0] / 1e9, nanos[1] / 1e9, nanos[2] / 1e9, nanos[3] / 1e9, nanos[4] / 1e9);
    }

    private int warps() {
        return threads / 32;
    }

    /** Whether gradients go through memory: to know their norm first, or because a row does not fit on the chip. */
    static boolean keeps(CudaDevice device, StepRule rule, int dIn, int dOut) {
        return rule.clip() > 0 || gradientBytes(dIn, dOut) > device.sharedBytes() - (8 << 10);
    }

    private static long gradientBytes(int dIn, int dOut) {
        return 4L * (dIn + dOut);
    }

    /**
     * All of it.
     *
     * @param bound above which BATCH_TOPK looks; below 0 where it must be guessed from some rows
     * @param number of the step, from 1
     * @param dense whether in dense products, for which {@link StepMemory} has made room
     */
    void run(StepRule rule, int rows, float bound, long number, boolean dense) {
        last = System.nanoTime();
        launch("begin_step", 1, Float.floatToRawIntBits(Math.max(0, bound)));
        launch("prepare_rows", rows);
        if (!rule.unitDecoder() || rule.selection() == Selection.GATE) {
            launch("setup_latents", Math.ceilDiv(n, warps()));
        }
        columns("target_sum", block.pointer("errors"), 0, rows, dOut, -1, 0);
        if (rule.sparsity().preActivation() > 0) {
            columns("input_sum", block.pointer("seen"), 0, rows, dIn, 1, 0);
        }
        if (block.pointer("skip") != 0) {
            product(CublasLt.Type.FLOAT32, CublasLt.Form.ROWS, rows, dOut, dIn, 1, "input", "skip", "errors");
        }
        lap(PRODUCT);
        if (dense) {
            denseRows.forward(rows);
            launch("row_totals", 1);
            lap(DECODE);
            denseRows.backward(rows);
        } else {
            encode(rule, rows, bound);
            lap(SELECTION);
            launch("decode_rows", rows);
            if (CudaRule.auxRoom(rule, n) > 0) {
                launch("aux_rows", rows);
            }
            launch("row_totals", 1);
            lap(DECODE);
            group();
            launch("latent_sums", Math.ceilDiv(n, warps()));
        }
        gradients(rule, rows, number);
        lap(GRADIENTS);
        update(rule, dense);
        lap(ADAM);
    }

    private void encode(StepRule rule, int rows, float bound) {
        boolean batch = rule.selection() == Selection.BATCH_TOPK;
        if (batch && bound < 0) {
            int sample = Math.min(SAMPLE, rows);
            tiles(rule, sample, false);
            limit(2L * rule.k() * sample, true);
        }
        boolean aux = CudaRule.auxRoom(rule, n) > 0;
        tiles(rule, rows, aux);
        if (batch) {
            limit((long) rule.k() * rows, false);
            launch("count_ties", rows);
            launch("scan_ties", 1);
            launch("keep_batch", rows);
        }
        if (type(rule) != CublasLt.Type.FLOAT32) {
            launch("refine_hits", rows);
            if (aux) {
                launch("refine_dead", rows);
            }
        }
    }

    private CublasLt.Type type(StepRule rule) {
        if (rule.selection() == Selection.STATISTICAL) {
            return CublasLt.Type.FLOAT32; // its threshold is made of all pre-activations
        }
        return switch (precision) {
            case FP32, INT8 -> CublasLt.Type.FLOAT32;
            case TF32 -> CublasLt.Type.TF32;
            case BF16 -> CublasLt.Type.BFLOAT16;
        };
    }

    /** The encoder's product, tile by tile, and what is picked out of each. */
    private void tiles(StepRule rule, int rows, boolean aux) {
        CublasLt.Type type = type(rule);
        boolean half = type == CublasLt.Type.BFLOAT16;
        int stride = half ? block.get("d_pad") : dIn;
        String seen = half ? "seen16" : "seen";
        String encoder = half ? "enc16" : "enc";
        for (int first = 0; first < rows; first += memory.tileRows()) {
            int count = Math.min(memory.tileRows(), rows - first);
            CublasLt.Shape shape = new CublasLt.Shape(
                    type, CublasLt.Form.ROWS, count, n, stride, stride, stride, block.get("tile_stride"), 0);
            long from = block.pointer(seen) + (long) first * stride * (half ? 2 : 4);
            device.products().multiply(shape, from, block.pointer(encoder), block.pointer("tile"), workspace, stream);
            lap(PRODUCT);
            if (rule.selection() == Selection.TOPK) {
                launch("select_top", count, first);
            } else {
                launch("count_hits", count, first);
                launch("scan_hits", 1, first, count);
                launch("fill_hits", count, first);
            }
            if (aux) {
                launch("select_dead", count, first);
            }
            lap(SELECTION);
        }
    }

    private void limit(long wanted, boolean sample) {
        int most = (int) Math.min(wanted, Integer.MAX_VALUE);
        for (int pass = 0; pass < 3; pass++) {
            launch("radix_count", 4 * device.multiprocessors(), pass);
            launch("radix_digit", 1, pass, most, sample ? 1 : 0);
        }
    }

    /** to = scale · Σ over rows of (factor · row) + keep · to. */
    private void columns(String to, long matrix, long factors, int rows, int width, double scale, double keep) {
        int chunks = Math.ceilDiv(rows, StepMemory.COLUMN_ROWS);
        int across = Math.ceilDiv(width, threads);
        device.launch("column_parts", across, chunks, threads, 0, stream, block.memory(), matrix, factors, rows, width);
        launch("column_totals", across, block.pointer(to), chunks, width, scale, keep);
    }

    /** A product of whole matrices, which lie without gaps. */
    private void product(
            CublasLt.Type type,
            CublasLt.Form form,
            int rows,
            int cols,
            int inner,
            float beta,
            String a,
            String b,
            String d) {
        int strideA = form == CublasLt.Form.COLUMNS ? rows : inner;
        int strideB = form == CublasLt.Form.ROWS ? inner : cols;
        CublasLt.Shape shape = new CublasLt.Shape(type, form, rows, cols, inner, strideA, strideB, cols, beta);
        device.products().multiply(shape, block.pointer(a), block.pointer(b), block.pointer(d), workspace, stream);
    }

    private void group() {
        long counts = 4L * block.get("chunks") * n;
        device.driver().zero(block.pointer("chunk_counts"), counts, stream);
        launch("count_pairs", block.get("chunks"));
        launch("latent_counts", Math.ceilDiv(n, threads));
        launch("scan_starts", 1);
        launch("place_pairs", block.get("chunks"));
    }

    private void gradients(StepRule rule, int rows, long number) {
        launch("finish_metrics", 1, (int) number);
        columns("bias_gradient", block.pointer("errors"), 0, rows, dOut, 1, 0);
        if (rule.subtractBias()) { // through the encoder: minus the sum of (derivative of a latent) times its row
            long direction = block.pointer("sums") + 8L * n * device.layout().constant("DIRECTION");
            columns("bias_gradient", block.pointer("enc"), direction, n, dIn, -1, 1);
        }
        if (block.pointer("skip") != 0) {
            product(
                    CublasLt.Type.FLOAT32,
                    CublasLt.Form.COLUMNS,
                    dOut,
                    dIn,
                    rows,
                    0,
                    "errors",
                    "input",
                    "skip_gradient");
        }
    }

    private void update(StepRule rule, boolean dense) {
        long skip = block.pointer("skip") == 0 ? 0 : (long) dOut * dIn;
        boolean keep = dense || keeps(device, rule, dIn, dOut);
        if (keep) {
            launch("keep_gradients", n, rule.clip() > 0 ? 1 : 0, dense ? 1 : 0);
        }
        if (rule.clip() > 0) {
            if (skip > 0) {
                launch("square_parts", SQUARES, block.pointer("skip_gradient"), skip);
            }
            launch("clip_factor", 1, skip > 0 ? SQUARES : 0);
        }
        if (keep) {
            launch("update_kept", n);
        } else {
            int shared = (int) gradientBytes(dIn, dOut);
            device.allowShared("update_latents", shared);
            device.launch("update_latents", n, 1, threads, shared, stream, Objects.requireNonNull(block.memory()));
        }
        launch("update_bias", Math.ceilDiv(dOut, threads));
        if (skip > 0) {
            launch("update_skip", 4 * device.multiprocessors(), skip);
        }
    }
}
