package dev.loupe.math;

import static dev.loupe.math.Matrix.FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * The right side w of x · wᵀ, rearranged so that the kernel reads it in one stream: panels of outputs, each [inner][width].
 * It is packed once (in parallel) and then multiplied by many tiles of the left side, from any thread. The last panel is
 * filled up with zeros, so a result has {@link #stride()} columns of which {@link #outputs()} count.
 */
public final class PackedWeights {
    private final Kernel kernel;
    private final int outputs;
    private final int inner;
    private final float[][] panels;

    /** Memory for a right side with {@code outputs} rows of {@code inner} values. */
    public PackedWeights(int outputs, int inner) {
        this(Kernel.best(), outputs, inner);
    }

    PackedWeights(Kernel kernel, int outputs, int inner) {
        this.kernel = kernel;
        this.outputs = outputs;
        this.inner = inner;
        this.panels = new float[Math.ceilDiv(outputs, kernel.width())][Math.multiplyExact(inner, kernel.width())];
    }

    /** Packs w [outputs, inner]: the product is x · wᵀ. */
    public PackedWeights pack(Matrix w) {
        check(w.rows() == outputs && w.cols() == inner, w);
        int width = kernel.width();
        MemorySegment s = w.segment();
        Parallel.run(panels.length, p -> {
            float[] panel = panels[p];
            int count = Math.min(width, outputs - p * width);
            for (int j = 0; j < count; j++) {
                long row = w.offset((long) p * width + j);
                for (int k = 0; k < inner; k++) {
                    panel[k * width + j] = s.get(FLOAT, row + 4L * k);
                }
            }
        });
        return this;
    }

    private void check(boolean fits, Matrix w) {
        if (!fits) {
            throw new dev.loupe.base.UsageException(
                    w + " cannot be packed as " + outputs + " outputs of " + inner + " values.");
        }
    }

    /** The number of outputs. */
    public int outputs() {
        return outputs;
    }

    /** The length of the sums. */
    public int inner() {
        return inner;
    }

    /** The distance of rows in a result: {@link #outputs()} rounded up to whole panels. */
    public int stride() {
        return panels.length * kernel.width();
    }

    /** {@code rows} rounded up to what the kernel takes at once; a result needs room for so many rows. */
    public int paddedRows(int rows) {
        return Math.ceilDiv(rows, kernel.height()) * kernel.height();
    }

    /** Room for a tile of left rows, packed. */
    public float[] newTile(int rows) {
        return new float[Math.multiplyExact(paddedRows(rows), inner)];
    }

    /** Room for the result of a tile. */
    public float[] newResult(int rows) {
        return new float[Math.multiplyExact(paddedRows(rows), stride())];
    }

    /** Packs rows of the left side: {@code rows} rows of {@code inner} values from {@code x[at]}, {@code stride} apart. */
    public void packTile(float[] x, int at, int stride, int rows, float[] tile) {
        int height = kernel.height();
        int padded = paddedRows(rows);
        for (int g = 0; g < padded; g += height) {
            for (int r = 0; r < height; r++) {
                int to = g * inner + r;
                if (g + r < rows) {
                    int from = at + (g + r) * stride;
                    for (int k = 0; k < inner; k++) {
                        tile[to + k * height] = x[from + k];
                    }
                } else {
                    for (int k = 0; k < inner; k++) {
                        tile[to + k * height] = 0;
                    }
                }
            }
        }
    }

    /**
     * Multiplies a packed tile by all panels on the calling thread.
     *
     * @param tile of {@link #packTile}
     * @param rows how many rows it holds
     * @param out [paddedRows, stride], overwritten (padding included)
     */
    public void multiply(float[] tile, int rows, float[] out) {
        int height = kernel.height();
        int width = kernel.width();
        int stride = stride();
        int padded = paddedRows(rows);
        for (int p = 0; p < panels.length; p++) {
            float[] panel = panels[p];
            for (int g = 0; g < padded; g += height) {
                kernel.multiply(tile, g * inner, panel, inner, out, g * stride + p * width, stride);
            }
        }
    }
}
