package dev.loupe.engine.cuda;

import dev.loupe.engine.Precision;
import dev.loupe.engine.Selection;
import dev.loupe.engine.StepRule;

/**
 * The part of a step that takes the place of sums over (row, latent) pairs where many latents are active (early training of
 * ReLU and JumpReLU): products over ranges of latents, with zeros where none is active. Pre-activations are made again for
 * the gradients, so that memory does not grow with the number of active latents.
 */
final class DenseProducts {
    /** Latents at a time. */
    private static final int LATENTS = 2048;

    /** Rows that one thread sums (in {@code dense.cu}, too). */
    private static final int PART = 128;

    /** Dense whatever pays. */
    static final int ALWAYS = Integer.MAX_VALUE;

    private final CudaDevice device;
    private final StepBlock block;
    private final long stream;
    private final long workspace;
    private final int threads;
    private final CublasLt.Type type;
    private final int n;
    private final int dIn;
    private final int dOut;

    DenseProducts(CudaDevice device, StepBlock block, long stream, long workspace, int threads, Precision precision) {
        this.device = device;
        this.block = block;
        this.stream = stream;
        this.workspace = workspace;
        this.threads = threads;
        this.type = precision == Precision.FP32 ? CublasLt.Type.FLOAT32 : CublasLt.Type.TF32;
        n = block.get("n");
        dIn = block.get("d_in");
        dOut = block.get("d_out");
    }

    /** Whether dense products may take the place of sums over pairs: where an activation decides for itself, and none is revived. */
    static boolean possible(StepRule rule) {
        boolean itself = rule.selection() == Selection.POSITIVE || rule.selection() == Selection.THRESHOLD;
        return itself && rule.prefixes().size() <= 1;
    }

    /**
     * From one active latent in so many on dense products pay: a pair costs the traffic of four rows from the second-level
     * cache, a place in dense products six multiply-adds per dimension. Computed from the rates of a card, not measured.
     */
    static int sparse(Precision precision) {
        return precision == Precision.FP32 ? 12 : 64;
    }

    /** Latents at a time of an SAE of so many. */
    static int width(int n) {
        return Math.min(LATENTS, Math.ceilDiv(n, 32) * 32);
    }

    /** Parts of the sums over rows. */
    static int parts(int rows) {
        return Math.ceilDiv(rows, PART);
    }

    /** Reconstructions of all rows, and what they cost. */
    void forward(int rows) {
        int width = width(n);
        for (int from = 0; from < n; from += width) {
            int count = Math.min(width, n - from);
            encode(rows, from, count);
            launch("dense_activate", rows, 1, from, count);
            multiply(
                    new CublasLt.Shape(
                            type, CublasLt.Form.PLAIN, rows, dOut, count, block.get("dense_width"), dOut, dOut, 1),
                    block.pointer("dense_pi"),
                    row("dec", from, dOut),
                    block.pointer("errors"));
        }
        launch("dense_errors", rows, 1);
    }

    /** Gradients of all latents, as far as they are sums over rows; after the rows' numbers were summed. */
    void backward(int rows) {
        int width = width(n);
        int stride = block.get("dense_width");
        for (int from = 0; from < n; from += width) {
            int count = Math.min(width, n - from);
            encode(rows, from, count);
            multiply(
                    new CublasLt.Shape(type, CublasLt.Form.ROWS, rows, count, dOut, dOut, dOut, stride, 0),
                    block.pointer("errors"),
                    row("dec", from, dOut),
                    block.pointer("dense_d"));
            launch("dense_derive", Math.ceilDiv(count, threads), parts(rows), from, count);
            launch("dense_sums", Math.ceilDiv(count, threads / 32), 1, from, count);
            multiply(
                    new CublasLt.Shape(type, CublasLt.Form.COLUMNS, count, dOut, rows, stride, dOut, dOut, 0),
                    block.pointer("dense_pi"),
                    block.pointer("errors"),
                    row("kept_dec", from, dOut));
            multiply(
                    new CublasLt.Shape(type, CublasLt.Form.COLUMNS, count, dIn, rows, stride, dIn, dIn, 0),
                    block.pointer("dense_d"),
                    block.pointer("seen"),
                    row("kept_enc", from, dIn));
        }
    }

    private void encode(int rows, int from, int count) {
        multiply(
                new CublasLt.Shape(type, CublasLt.Form.ROWS, rows, count, dIn, dIn, dIn, block.get("dense_width"), 0),
                block.pointer("seen"),
                row("enc", from, dIn),
                block.pointer("dense_pi"));
    }

    private long row(String matrix, int row, int width) {
        return block.pointer(matrix) + 4L * row * width;
    }

    private void multiply(CublasLt.Shape shape, long a, long b, long d) {
        device.products().multiply(shape, a, b, d, workspace, stream);
    }

    private void launch(String kernel, int gridX, int gridY, Object... more) {
        device.launch(kernel, gridX, gridY, threads, 0, stream, block.memory(), more);
    }
}
