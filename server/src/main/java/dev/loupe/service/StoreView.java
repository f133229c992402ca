package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An activation store of the workspace.
 *
 * @param name its name
 * @param model what opens the model behind it
 * @param hooks its hook points
 * @param tokens rows
 * @param trainTokens rows that training may use
 * @param heldOutTokens rows of held-out documents
 * @param sequences sequences the model was run on
 * @param documents documents the rows come from
 * @param context longest sequence in tokens
 * @param prependBos whether every sequence starts with BOS
 * @param text the corpus
 * @param heldOut the rule that holds documents out
 * @param bytes size of its files
 * @param created when its manifest was written
 * @param problem why it cannot be used; null if it can
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record StoreView(
        String name,
        String model,
        List<Hook> hooks,
        long tokens,
        long trainTokens,
        long heldOutTokens,
        int sequences,
        int documents,
        int context,
        boolean prependBos,
        String text,
        String heldOut,
        long bytes,
        Instant created,
        @Nullable String problem) {

    /**
     * A hook point of a store.
     *
     * @param name TransformerLens name
     * @param width floats a row
     * @param dtype of the files
     * @param meanNorm E‖x‖ over the training rows
     * @param meanSquaredNorm E‖x‖² over the training rows
     */
    public record Hook(String name, int width, String dtype, double meanNorm, double meanSquaredNorm) {}
}
