package dev.loupe.engine.cuda;

/**
 * What a card does at best, measured on it: what training steps are compared with.
 *
 * @param bfloat16 floating-point operations a second of a large product of bfloat16
 * @param tf32 the same of float32 with ten bits of fraction
 * @param float32 the same of float32
 * @param memory bytes that a plain copy reads and writes a second
 */
public record CudaFloors(double bfloat16, double tf32, double float32, double memory) {
    private static final int WARMUPS = 3;
    private static final int ROUNDS = 10;

    /**
     * Measures a card; takes about a second.
     *
     * @param card its number
     * @param size rows and columns of the products, a multiple of 16: 8192 fills any card
     * @param copied bytes that are copied, many times the second-level cache
     * @throws dev.loupe.base.LoupeException in a sentence if there is no such card, a library is missing or memory is short
     */
    public static CudaFloors measure(int card, int size, long copied) {
        CudaDevice device = CudaDevice.open(card);
        device.use();
        try (Holdings held = new Holdings()) {
            long stream = device.driver().newStream();
            held.add(() -> device.driver().freeStream(stream));
            DeviceMemory memory = new DeviceMemory(device, stream);
            held.add(memory::close);
            long workspace = memory.need("workspace", CublasLt.WORKSPACE);
            long values = (long) size * size;
            long a = memory.need("the left side of a product", 4 * values);
            long b = memory.need("the right side of a product", 4 * values);
            long d = memory.need("a product", 4 * values);
            int grid = 8 * device.multiprocessors();
            device.launch("fill_halves", grid, 1, CudaEngine.THREADS, 0, stream, null, a, 2 * values, 1);
            device.launch("fill_halves", grid, 1, CudaEngine.THREADS, 0, stream, null, b, 2 * values, 2);
            double[] rates = new double[3];
            for (CublasLt.Type type : CublasLt.Type.values()) {
                CublasLt.Shape shape =
                        new CublasLt.Shape(type, CublasLt.Form.ROWS, size, size, size, size, size, size, 0);
                double seconds =
                        time(device, stream, () -> device.products().multiply(shape, a, b, d, workspace, stream));
                rates[type.ordinal()] = 2.0 * size * values / seconds;
            }
            long from = memory.need("what is copied", copied);
            long to = memory.need("the copy", copied);
            device.driver().zero(from, copied, stream);
            double seconds = time(
                    device,
                    stream,
                    () -> device.launch(
                            "copy_quads", grid, 1, CudaEngine.THREADS, 0, stream, null, from, to, copied / 16));
            return new CudaFloors(
                    rates[CublasLt.Type.BFLOAT16.ordinal()],
                    rates[CublasLt.Type.TF32.ordinal()],
                    rates[CublasLt.Type.FLOAT32.ordinal()],
                    2.0 * copied / seconds);
        }
    }

    private static double time(CudaDevice device, long stream, Runnable work) {
        for (int i = 0; i < WARMUPS; i++) {
            work.run();
        }
        device.driver().sync(stream);
        long start = System.nanoTime();
        for (int i = 0; i < ROUNDS; i++) {
            work.run();
        }
        device.driver().sync(stream);
        return (System.nanoTime() - start) / 1e9 / ROUNDS;
    }
}
