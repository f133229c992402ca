package dev.loupe.service;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a language model or another program says about a feature.
 *
 * @param feature the feature
 * @param text what it says
 * @param kind {@code "prose"}, or the type that the other program gave it
 * @param author the language model, or who wrote it; may be empty
 * @param created when
 * @param promptHash SHA-256 of the prompt; empty if imported
 * @param examples rows of the index's examples that the language model saw, by document
 * @param detection balanced accuracy of finding held-out texts on which the feature fires, by this explanation alone
 * @param fuzzing balanced accuracy of telling right marks in held-out texts from wrong ones
 */
public record Explanation(
        int feature,
        String text,
        String kind,
        String author,
        Instant created,
        String promptHash,
        List<Integer> examples,
        @Nullable Double detection,
        @Nullable Double fuzzing) {}
