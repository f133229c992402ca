package dev.loupe.diagnose;

import java.util.List;

/**
 * Where a diagnostic comes from.
 *
 * @param title of the paper
 * @param reference where it is found, for example {@code arXiv 2411.02335}
 * @param differs what is done otherwise than there, in one sentence; empty if nothing
 */
public record Source(String title, String reference, String differs) {
    /** A paper that is followed as it is. */
    public static Source paper(String title, String reference) {
        return new Source(title, reference, "");
    }

    /** The same paper with a sentence about what is done otherwise. */
    public Source but(String sentence) {
        return new Source(title, reference, sentence);
    }

    /** Several papers as one list. */
    public static List<Source> of(Source... sources) {
        return List.of(sources);
    }
}
