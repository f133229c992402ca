package dev.loupe.service;

import java.util.List;
import java.util.Map;

/**
 * What became of asking for labels in prose.
 *
 * @param sae the SAE
 * @param model the language model that was asked
 * @param explanations what it says, with scores, by the order of asking
 * @param kept features that it had explained before and was not asked about again
 * @param failed features without an answer that can be used, and why
 */
public record LabelRun(
        String sae, String model, List<Explanation> explanations, List<Integer> kept, Map<Integer, String> failed) {}
