package dev.loupe.cli;

import dev.loupe.model.Precision;
import dev.loupe.service.ModelReference;
import dev.loupe.service.Models;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which model, and how it is opened: options of whatever runs one. */
final class ModelChoice {
    @Option(
            names = "--model",
            paramLabel = "M",
            description =
                    "Model: builtin, a name in models/, a folder, a .gguf file or a hub's owner/name (default: builtin).")
    private @Nullable String model;

    @Option(
            names = "--weights",
            paramLabel = "W",
            description = "raw, or fold_ln, center_writing_weights, center_unembed, fold_value_biases, comma separated"
                    + " (default: raw).")
    private @Nullable String weights;

    @Option(
            names = "--precision",
            paramLabel = "P",
            description = "fp32, or bf16: weights and products in bfloat16, sums in float32 (default: fp32).")
    private @Nullable String precision;

    /** Whether any option was given. */
    boolean given() {
        return model != null || weights != null || precision != null;
    }

    /** Takes a model that no option names. */
    void orElse(@Nullable String other) {
        model = model == null ? other : model;
    }

    /** The model's name alone. */
    String name() {
        return model == null ? Models.BUILTIN : model;
    }

    /** The model with how it is opened, as {@link ModelReference} writes it. */
    String reference() {
        return ModelReference.of(name(), weights, precision == null ? null : Precision.parse(precision));
    }
}
