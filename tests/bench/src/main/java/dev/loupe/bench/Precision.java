package dev.loupe.bench;

import dev.loupe.model.ModelOptions;

/** In which numbers a benchmark's two sides compute. */
enum Precision {
    FLOAT32("", "float32", "float32", 1e-4);

    private final String suffix;
    private final String text;
    private final String peer;
    private final double tolerance;

    Precision(String suffix, String text, String peer, double tolerance) {
        this.suffix = suffix;
        this.text = text;
        this.peer = peer;
        this.tolerance = tolerance;
    }

    /** The end of the benchmark's name. */
    String suffix() {
        return suffix;
    }

    /** For the line that says what was done. */
    String text() {
        return text;
    }

    /** PyTorch's name of the peer's type. */
    String peer() {
        return peer;
    }

    /** How closely sums of absolute logits agree. */
    double tolerance() {
        return tolerance;
    }

    /** How our side opens the model. */
    ModelOptions options(ModelOptions options) {
        return options;
    }
}
