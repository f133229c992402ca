package dev.loupe.math;

/**
 * The innermost part of a dense product: {@link #height()} rows of the left side times one panel of {@link #width()}
 * outputs, all accumulators in registers. Two shapes, one for machines with 16 vector registers and one for 32.
 */
interface Kernel {
    /** Rows of the left side per call. */
    int height();

    /** Outputs per panel. */
    int width();

    /**
     * out[r][j] = Σ_k x[k][r] · panel[k][j] for {@link #height()} rows and {@link #width()} outputs.
     *
     * @param x packed [inner][height] from {@code xAt}
     * @param panel packed [inner][width]
     * @param out overwritten from {@code outAt}, rows {@code stride} apart
     */
    void multiply(float[] x, int xAt, float[] panel, int inner, float[] out, int outAt, int stride);

    /** The kernel for this machine: AVX-512 and ARM have 32 vector registers, AVX2 has 16. */
    static Kernel best() {
        boolean many =
                VectorOps.lanes() >= 16 || System.getProperty("os.arch", "").equals("aarch64");
        return many ? Kernel4x4.INSTANCE : Kernel4x2.INSTANCE;
    }
}
