package dev.loupe.diagnose;

/**
 * One published question about a model, a store or an SAE. Stateless; what one run collects is a {@link Study}.
 */
public interface Diagnostic {
    /** What it says about itself. */
    About about();

    /**
     * Begins to look at a subject, which has all that is needed.
     *
     * @throws dev.loupe.base.LoupeException if this diagnostic makes no sense for the subject, in one sentence
     */
    Study begin(Subject subject);

    /** Its name in commands and addresses. */
    default String id() {
        return about().id();
    }
}
