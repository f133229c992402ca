package dev.loupe.base;

/**
 * A file was written by a later Loupe in a shape that this one cannot understand. Not damage: whoever meets it leaves the
 * file as it is.
 */
public final class NewerFormatException extends LoupeException {
    private static final long serialVersionUID = 1L;

    NewerFormatException(String sentence) {
        super(sentence);
    }
}
