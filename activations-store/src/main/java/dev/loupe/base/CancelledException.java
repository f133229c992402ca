package dev.loupe.base;

/** Work stopped because somebody asked for it; whatever was finished before is kept. */
public final class CancelledException extends LoupeException {
    private static final long serialVersionUID = 1L;

    /** Creates the exception. */
    public CancelledException() {
        super("Cancelled: what was finished is kept, and running the same command again continues from there.");
    }
}
