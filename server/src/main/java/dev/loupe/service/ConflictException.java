package dev.loupe.service;

import dev.loupe.base.LoupeException;

/** Somebody else changed the thing meanwhile; nothing was written. */
public final class ConflictException extends LoupeException {
    /** One sentence that says what happened and what to do. */
    public ConflictException(String message) {
        super(message);
    }
}
