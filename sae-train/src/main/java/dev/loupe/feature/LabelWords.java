package dev.loupe.feature;

import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A document label (a language, in the demo) whose own words a latent picks.
 *
 * @param label the label
 * @param fired tokens under this label on which it fires
 * @param lift how much oftener two of these firings are on the same of the label's own tokens than two tokens of the
 *     label are: about 1 for a latent that fires anywhere
 * @param words the label's own tokens on which it fires most, most firings first
 */
@JsonNaming(SnakeCaseStrategy.class)
public record LabelWords(String label, long fired, double lift, List<String> words) {}
