package dev.loupe.model;

import java.util.function.Function;

/** A text that is being written. */
public interface Continuation {
    /**
     * Hears the text from its first token to its end, in the calling thread; to be called once.
     *
     * @return what was heard: where the listener ended the text, only up to that token
     */
    Generation listen(TokenListener listener);

    /** Ends the writing before the next token; may be called from any thread, any number of times. */
    void cancel();

    /** A text that is written while it is heard. */
    static Continuation later(Function<TokenListener, Generation> write) {
        return new Continuation() {
            private volatile boolean cancelled;

            @Override
            public Generation listen(TokenListener listener) {
                return write.apply(new TokenListener() {
                    @Override
                    public boolean token(int id, String text, float logProb) {
                        return listener.token(id, text, logProb) && !cancelled;
                    }

                    @Override
                    public boolean token(WrittenToken token) {
                        return listener.token(token) && !cancelled;
                    }
                });
            }

            @Override
            public void cancel() {
                cancelled = true;
            }
        };
    }
}
