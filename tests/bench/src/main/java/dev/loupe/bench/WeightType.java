package dev.loupe.bench;

import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import java.io.IOException;
import java.nio.file.Path;

/** In which numbers our side of a benchmark holds the weights and computes. */
enum WeightType {
    FLOAT32("", "float32", 4, 1e-4),
    BFLOAT16("-bf16", "bfloat16", 2, 0.03),
    Q8_0("-q8", "Q8_0 blocks read as they lie", 34 / 32.0, Double.POSITIVE_INFINITY),
    Q4_1("-q4", "Q4_1 blocks read as they lie", 20 / 32.0, Double.POSITIVE_INFINITY);

    private final String suffix;
    private final String text;
    private final double bytes;
    private final double tolerance;

    WeightType(String suffix, String text, double bytes, double tolerance) {
        this.suffix = suffix;
        this.text = text;
        this.bytes = bytes;
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

    /** Bytes of one weight. */
    double bytes() {
        return bytes;
    }

    /** How closely sums of absolute logits agree with the peer's. */
    double tolerance() {
        return tolerance;
    }

    /** Opens a random model. */
    LanguageModel open(RandomModel shape, Path folder) throws IOException {
        ModelOptions options = ModelOptions.defaults();
        return switch (this) {
            case FLOAT32 -> LanguageModels.open(folder, options);
            case BFLOAT16 -> LanguageModels.open(folder, options.withPrecision(dev.loupe.model.Precision.BF16));
            case Q8_0, Q4_1 -> {
                Path file = folder.resolveSibling("quantised.gguf");
                RandomGguf.write(folder, shape.vocabulary(), this == Q4_1, file);
                yield LanguageModels.open(file, options);
            }
        };
    }
}
