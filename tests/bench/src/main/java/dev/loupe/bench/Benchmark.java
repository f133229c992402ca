package dev.loupe.bench;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** One thing whose speed is compared with a peer's. */
interface Benchmark extends AutoCloseable {
    /** The name on the command line. */
    String name();

    /** The name of the peer's function. */
    default String peer() {
        return name();
    }

    /**
     * Changes a setting, before anything is prepared.
     *
     * @throws dev.loupe.base.UsageException if there is no such setting or value
     */
    default void set(String key, String value) {
        throw new dev.loupe.base.UsageException("The benchmark " + name() + " has no settings.");
    }

    /** What is done and with what sizes, one line. */
    String setting();

    /** What the figures count, for example "tokens/s"; more is better. */
    String unit();

    /**
     * Largest relative difference allowed between our answer and the peer's; infinity where the two cannot be equal
     * (random choices), with the reason in {@link #setting}.
     */
    double tolerance();

    /** Prepares, and writes into the folder what the peer needs to do the same. */
    void prepare(Path folder) throws Exception;

    /** One run. */
    Measured run() throws Exception;

    /** Whether a Python program does the same. */
    default boolean hasPeer() {
        return true;
    }

    /** What else was measured in the same runs, by name: every run's value, in order. */
    default Map<String, List<Double>> beside() {
        return Map.of();
    }

    @Override
    void close() throws Exception;

    /**
     * What one run came to.
     *
     * @param amount units of work done
     * @param seconds time they took
     * @param answer a number that depends on the whole result
     */
    record Measured(double amount, double seconds, double answer) {
        double rate() {
            return amount / seconds;
        }
    }
}
