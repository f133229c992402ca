package dev.loupe.engine.cuda;

/**
 * Memory on a card: what there is, and what a training takes of it.
 *
 * @param card its name and number
 * @param free bytes that nothing uses now
 * @param all bytes of the card
 */
public record CudaMemory(String card, long free, long all) {

    /**
     * The memory of a card.
     *
     * @throws dev.loupe.base.LoupeException in a sentence if there is no such card, or a library is missing
     */
    public static CudaMemory of(int index) {
        CudaDevice device = CudaDevice.open(index);
        device.use();
        long[] memory = device.driver().memory();
        return new CudaMemory("cuda:" + index + " (" + device.describe() + ")", memory[0], memory[1]);
    }

    /** The most bytes that this process held on a card since it was last asked. */
    public static long peak(int index) {
        return CudaDevice.open(index).peak();
    }

    /**
     * What one session takes.
     *
     * @param dSae latents
     * @param width of input and output, the larger
     * @param batch rows
     * @param groups nested groups, 1 without
     * @param active latents that may act on a row
     * @param revived latents per row of the auxiliary loss
     * @param average whether a running average is kept
     * @param clip whether gradients are kept to know their norm
     * @param dense whether steps may be in dense products, which keep gradients, too
     * @throws ArithmeticException if that is more than can be counted
     */
    public static long need(
            long dSae,
            long width,
            long batch,
            int groups,
            long active,
            long revived,
            boolean average,
            boolean clip,
            boolean dense) {
        long matrices = 2L * (3 + (average ? 1 : 0) + (clip || dense ? 1 : 0));
        long state = product(4 * matrices + 2, dSae, width); // and the encoder in bfloat16
        long rows = product(4L * (6 + groups + (revived > 0 ? 1 : 0)) + 2, batch, width);
        long pairs = product(40, batch, active) + product(32, batch, revived);
        long latents = product(4L * Math.min(256, 2 * batch) + 120, dSae, 1);
        long products = dense ? product(9, batch, DenseProducts.width(Math.toIntExact(dSae))) : 0;
        long tile = Math.max(16L << 20, product(64, dSae, 1));
        return Math.addExact(
                Math.addExact(Math.addExact(state, rows), Math.addExact(pairs, latents)),
                products + tile + CublasLt.WORKSPACE);
    }

    private static long product(long a, long b, long c) {
        return Math.multiplyExact(Math.multiplyExact(a, b), c);
    }
}
