package dev.loupe.model;

/**
 * A forward pass whose insides are kept, so that one can go back through it many times without running it again: for many
 * linear questions about one text. Used by one thread; the model stays open until it is closed.
 */
public interface KeptPass extends AutoCloseable {
    /** Goes back once. What the forward pass read is not part of the answer. */
    Backward back(BackwardPlan plan);

    @Override
    void close();

    /** One that runs forward anew each time: for models that keep nothing. */
    static KeptPass again(LanguageModel model, TokenBatch tokens, Taps taps) {
        return new KeptPass() {
            @Override
            public Backward back(BackwardPlan plan) {
                return model.backward(tokens, taps, plan);
            }

            @Override
            public void close() {}
        };
    }
}
