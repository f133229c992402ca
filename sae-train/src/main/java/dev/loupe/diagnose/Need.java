package dev.loupe.diagnose;

/** What a diagnostic looks at. */
public enum Need {
    /** A language model, run on text. */
    MODEL("a model"),
    /** The rows of an activation store. */
    STORE("a store"),
    /** A sparse autoencoder. */
    SAE("an SAE"),
    /** Two sparse autoencoders of one place. */
    SAE_PAIR("two SAEs"),
    /** The checkpoints that a training kept. */
    CHECKPOINTS("checkpoints of a training");

    private final String words;

    Need(String words) {
        this.words = words;
    }

    /** What it is, for people. */
    public String words() {
        return words;
    }
}
