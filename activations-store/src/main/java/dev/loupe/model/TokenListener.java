package dev.loupe.model;

/**
 * Hears every new token while a model writes. Where the model ends the text by itself while some of it was held back, one
 * more call with the end-of-sequence token brings the rest.
 */
@FunctionalInterface
public interface TokenListener {
    /**
     * One new token.
     *
     * @param id the token
     * @param text the text that became certain with it: empty while a character is incomplete or while it may be the
     *     beginning of a stop string; joined, the texts are that of the {@link Generation}
     * @param logProb natural logarithm of its probability before temperature and cuts; NaN unless asked for
     * @return whether to go on
     */
    boolean token(int id, String text, float logProb);

    /** The same with the alternatives at its place; what is called. */
    default boolean token(WrittenToken token) {
        return token(token.id(), token.text(), token.logProb());
    }

    /** Hears nothing. */
    static TokenListener silent() {
        return (id, text, logProb) -> true;
    }
}
