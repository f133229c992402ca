package dev.loupe.base;

/**
 * A failure that a person can act on: its message is one sentence that names the thing and the cure. The command line
 * prints it without a stack trace and exits with 1; HTTP answers it as problem JSON.
 */
public class LoupeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Creates a failure with one clear sentence. */
    public LoupeException(String sentence) {
        super(sentence);
    }

    /** Creates a failure with one clear sentence and what caused it (kept for the log only). */
    public LoupeException(String sentence, Throwable cause) {
        super(sentence, cause);
    }
}
