package dev.loupe.engine;

/** Where the time of a step goes, summed over threads. */
final class StepClock {
    static final int PRODUCT = 0;
    static final int SELECTION = 1;
    static final int DECODE = 2;
    static final int GRADIENTS = 3;
    static final int ADAM = 4;
    static final int PARTS = 5;

    private final long[] nanos = new long[PARTS];
    private long last;

    /** Begins to count; what was counted before stays. */
    void begin() {
        last = System.nanoTime();
    }

    /** Counts the time since the last call for a part. */
    void lap(int part) {
        long now = System.nanoTime();
        nanos[part] += now - last;
        last = now;
    }

    /** Adds what was counted to a sum and begins anew. */
    void drain(long[] sum) {
        for (int i = 0; i < PARTS; i++) {
            sum[i] += nanos[i];
            nanos[i] = 0;
        }
    }
}
