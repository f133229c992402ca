package dev.loupe.client;

import org.jspecify.annotations.Nullable;

/** The server refused a request, or something went wrong there; the message is its sentence. */
public final class ServerException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final int status;
    private final @Nullable String field;

    ServerException(int status, String sentence, @Nullable String field) {
        super(sentence);
        this.status = status;
        this.field = field;
    }

    /** The HTTP status: 400 wrong use, 404 nothing of that name, 429 too many requests, ... */
    public int status() {
        return status;
    }

    /** The field of the request that is wrong; null if the server names none. */
    public @Nullable String field() {
        return field;
    }
}
