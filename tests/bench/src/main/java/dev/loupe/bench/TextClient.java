package dev.loupe.bench;

import dev.loupe.client.LoupeClient;
import dev.loupe.client.Writing;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.UnaryOperator;

/** Asks a server for text after text over HTTP; leaves every tenth after its third piece. */
final class TextClient {
    /** Tokens of a text. */
    static final int TOKENS = 32;

    /** The wait for the first token. */
    static final String FIRST = "first token";
    /** The wait for a whole text. */
    static final String TEXT = "text";

    private static final int LEFT_EVERY = 10;
    private static final int LEFT_AFTER = 3;

    private final String url;
    private final int number;
    private final UnaryOperator<Writing> edits;
    private final Timings timings;
    private final LongAdder pieces;

    /**
     * A client.
     *
     * @param number among its like: its texts are its own
     * @param edits what it adds to each request
     * @param pieces counts what it hears
     */
    TextClient(String url, int number, UnaryOperator<Writing> edits, Timings timings, LongAdder pieces) {
        this.url = url;
        this.number = number;
        this.edits = edits;
        this.timings = timings;
        this.pieces = pieces;
    }

    /** Asks until the time is over; what fails is counted and asked for anew. Returns how many texts came. */
    int until(long end) {
        int texts = 0;
        try (LoupeClient client = LoupeClient.of(url)) {
            for (int asked = 0; asked == 0 || System.nanoTime() < end; asked++) {
                try {
                    one(client, asked);
                    texts++;
                } catch (RuntimeException e) {
                    timings.failed(TEXT, e);
                }
            }
        }
        return texts;
    }

    private void one(LoupeClient client, int asked) {
        Writing w = Writing.of("builtin", "The European Parliament " + (number % 4 == 0 ? "has decided " : ""))
                .tokens(TOKENS)
                .sampled(1, number * 100_000L + asked);
        boolean leave = asked % LEFT_EVERY == LEFT_EVERY - 1;
        int[] heard = {0};
        long start = System.nanoTime();
        client.stream(edits.apply(w), p -> {
            pieces.increment();
            if (heard[0]++ == 0) {
                timings.came(FIRST, start);
            }
            return !leave || heard[0] < LEFT_AFTER;
        });
        if (!leave) {
            timings.came(TEXT, start);
        }
    }
}
