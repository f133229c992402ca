package dev.loupe.bench;

/** What a step of {@link StepsBench} sees. */
enum StepsShape {
    GAUSSIAN("Gaussian rows", 768, 16_384, 4096, 3, 4, 3e-4),
    CAPTURED("rows of a captured store", 192, 16_384, 4096, 3, 4, 3e-4),
    RUN("rows of a captured store, from the first step to the last", 192, 4096, 1024, 32, 400, 5e-3),
    CARD("Gaussian rows on the GPU", 768, 16_384, 8192, 2, 50, 3e-4),
    LARGE_CARD("Gaussian rows on the GPU", 2304, 65_536, 8192, 2, 20, 3e-4),
    /** To try the commands, not to measure. */
    TINY_CARD("Gaussian rows on the GPU", 16, 256, 64, 2, 3, 3e-4);

    final String rows;
    final int width;
    final int latents;
    final int batch;
    final int batches;
    final int steps;
    final double rate;

    StepsShape(String rows, int width, int latents, int batch, int batches, int steps, double rate) {
        this.rows = rows;
        this.width = width;
        this.latents = latents;
        this.batch = batch;
        this.batches = batches;
        this.steps = steps;
        this.rate = rate;
    }
}
