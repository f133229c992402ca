package dev.loupe.service;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * SAEs to evaluate.
 *
 * @param saes their names
 * @param text corpus for the losses; null for the held-out documents of each SAE's store
 */
public record EvalSpec(List<String> saes, @Nullable String text) {}
