package dev.loupe.http;

import dev.loupe.base.LoupeException;

/** A request that is in order and is not done: it asks too often, or for more than the server takes. */
final class Declined extends LoupeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final long wait;

    /**
     * Says no.
     *
     * @param wait seconds after which the same request may pass; 0 if it never does
     */
    Declined(int status, String sentence, long wait) {
        super(sentence);
        this.status = status;
        this.wait = wait;
    }

    int status() {
        return status;
    }

    long seconds() {
        return wait;
    }
}
