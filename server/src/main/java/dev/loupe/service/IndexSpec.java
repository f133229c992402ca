package dev.loupe.service;

import dev.loupe.base.UsageException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * SAEs to index.
 *
 * @param saes their names
 * @param store with the rows to look at; null for the one that each SAE was trained on
 * @param control whether to make the random-model control of each as well; no if absent
 * @param text a text to look at in place of a store: the model runs over it, and only its tokens are kept; null for a store
 * @param tokens rows of the text to look at; null for {@link #TOKENS}
 * @param context longest sequence of the text in tokens; null for that of the SAE's training
 * @param jsonField the field or column that holds the text; null for {@code text}
 * @param heldOut share or file that holds documents of the text out; null for the default of a capture
 */
@JsonNaming(SnakeCaseStrategy.class)
public record IndexSpec(
        List<String> saes,
        @Nullable String store,
        @Nullable Boolean control,
        @Nullable String text,
        @Nullable Long tokens,
        @Nullable Integer context,
        @Nullable String jsonField,
        @Nullable String heldOut) {
    /** Tokens of a text that are looked at if nothing else is said. */
    public static final long TOKENS = 1_000_000;

    /** Checks what goes together. */
    public IndexSpec {
        if (text != null && store != null) {
            throw new UsageException("An index is made of a store or of a text, not of both: leave out one of them.");
        }
        if (text == null && (tokens != null || context != null || jsonField != null || heldOut != null)) {
            throw new UsageException(
                    "How many tokens, the context, the field and what is held out can be chosen for a text only: name one"
                            + " with --text.");
        }
    }

    /** On stores. */
    public IndexSpec(List<String> saes, @Nullable String store, @Nullable Boolean control) {
        this(saes, store, control, null, null, null, null, null);
    }

    /** On the stores that the SAEs were trained on. */
    public IndexSpec(List<String> saes) {
        this(saes, null, null);
    }
}
