package dev.loupe.base;

/** The caller asked for something that makes no sense: exit code 2 on the command line, status 400 over HTTP. */
public final class UsageException extends LoupeException {
    private static final long serialVersionUID = 1L;

    /** Creates a failure with one sentence that says what was wrong and what would be right. */
    public UsageException(String sentence) {
        super(sentence);
    }
}
