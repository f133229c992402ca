package dev.loupe.model;

/**
 * The results of a forward pass; plain memory that stays valid for as long as it is referred to. Asking for something
 * that the pass was not told to keep throws {@link IllegalStateException}.
 */
public interface Forward {
    /** The values read at a hook point; rows of padding are 0. */
    Activation activation(HookPoint hook);

    /** Logits at the last real token of a row, {@code [d_vocab]}. */
    float[] lastLogits(int row);

    /** All logits, {@code [batch, positions, d_vocab]}; rows of padding are 0. */
    Activation allLogits();

    /** Loss in nats of predicting token {@code p + 1} from position {@code p}, {@code [batch][length - 1]}. */
    float[][] tokenLoss();

    /** Mean of {@link #tokenLoss} over all predicted tokens, in nats; NaN if there is none. */
    double meanLoss();
}
