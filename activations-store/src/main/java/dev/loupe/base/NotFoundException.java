package dev.loupe.base;

/** A named model, store, SAE, feature or job does not exist: exit code 1 on the command line, status 404 over HTTP. */
public final class NotFoundException extends LoupeException {
    private static final long serialVersionUID = 1L;

    /** Creates a failure with one sentence that names what is missing and, where possible, what there is instead. */
    public NotFoundException(String sentence) {
        super(sentence);
    }
}
