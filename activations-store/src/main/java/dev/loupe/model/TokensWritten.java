package dev.loupe.model;

import java.util.concurrent.atomic.LongAdder;

/** How many tokens the models of this process have written since it started, whoever asked for them. */
public final class TokensWritten {
    private static final LongAdder COUNT = new LongAdder();

    private TokensWritten() {}

    /** The count; it only grows. */
    public static long count() {
        return COUNT.sum();
    }

    static void one() {
        COUNT.increment();
    }
}
