package dev.loupe.service;

import dev.loupe.base.UsageException;
import dev.loupe.capture.CaptureRules;
import org.jspecify.annotations.Nullable;

/**
 * What a training without a store reads. What is null is as in a capture.
 *
 * @param model what opens the model, regime included; null for the built-in one
 * @param text what {@code --text} takes
 * @param jsonField field or column of the text
 * @param context longest sequence in tokens
 * @param prependBos whether every sequence starts with BOS
 * @param heldOut documents that training does not see: a share, or a file of hashes
 * @param rules choices that are seldom made
 */
public record LiveSpec(
        @Nullable String model,
        String text,
        @Nullable String jsonField,
        @Nullable Integer context,
        @Nullable Boolean prependBos,
        @Nullable String heldOut,
        @Nullable CaptureRules rules) {
    /** Checks what can be checked alone. */
    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    public LiveSpec {
        if (text == null || text.isBlank()) {
            throw new UsageException("Training straight from a model needs a text to read.");
        }
    }
}
