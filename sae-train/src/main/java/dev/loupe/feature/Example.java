package dev.loupe.feature;

import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A piece of text on which a latent is active.
 *
 * @param document index of the document in the store
 * @param documentName what the corpus calls it
 * @param label the document's label (a language code in the demo)
 * @param heldOut whether the document was held out from training
 * @param sequence index of the token sequence in the store
 * @param position of the first token shown, in the sequence as the model saw it
 * @param max the activation at the peak: the strongest of this document
 * @param tokens readable text of the tokens shown; joined they are the text
 * @param values activation per token, 0 where it is not active or where the token has no row (BOS)
 * @param peak index of the strongest token in the two lists
 */
@JsonNaming(SnakeCaseStrategy.class)
public record Example(
        int document,
        String documentName,
        String label,
        boolean heldOut,
        int sequence,
        int position,
        float max,
        List<String> tokens,
        float[] values,
        int peak) {}
