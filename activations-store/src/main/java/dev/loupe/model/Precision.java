package dev.loupe.model;

import dev.loupe.base.UsageException;
import dev.loupe.kernel.PanelType;
import org.jspecify.annotations.Nullable;

/** In which numbers a model's products are computed. Activations, norms, attention and sums are float32 in both. */
public enum Precision {
    /** Weights at their exact values, in whatever type the checkpoint has them. */
    FP32("fp32"),
    /**
     * Weights as bfloat16 (those of a GGUF file stay in their blocks); in products both sides are rounded to bfloat16, but for
     * up to eight positions times a GGUF file's blocks. Half the memory of a float32 checkpoint, and up to twice the speed; an
     * activation then differs from fp32 by about a hundredth of the largest.
     */
    BF16("bf16");

    private final String id;

    Precision(String id) {
        this.id = id;
    }

    /** The name that {@link #parse} reads and manifests record. */
    public String id() {
        return id;
    }

    /** What a manifest says; null, which manifests from before there was a choice say, is fp32. */
    public static Precision ofManifest(@Nullable String id) {
        return id == null ? FP32 : parse(id);
    }

    /** What a manifest says of this: null for fp32. */
    public @Nullable String inManifest() {
        return this == FP32 ? null : id;
    }

    /** The precision of a name; also {@code float32} and {@code bfloat16}, as Python's libraries spell them. */
    public static Precision parse(String text) {
        return switch (text.strip()) {
            case "fp32", "float32" -> FP32;
            case "bf16", "bfloat16" -> BF16;
            default -> throw new UsageException("There is no precision \"" + text + "\"; use fp32 or bf16.");
        };
    }

    /** The numbers of products of many rows. */
    PanelType products() {
        return this == FP32 ? PanelType.FLOAT32 : PanelType.BFLOAT16;
    }

    @Override
    public String toString() {
        return id;
    }
}
