package dev.loupe.bench;

/** A benchmark without a peer: no Python program does the same, so there is no answer to agree with. */
interface LoneBenchmark extends Benchmark {
    @Override
    default double tolerance() {
        return Double.POSITIVE_INFINITY;
    }

    @Override
    default boolean hasPeer() {
        return false;
    }
}
