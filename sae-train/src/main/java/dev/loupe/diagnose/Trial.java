package dev.loupe.diagnose;

import dev.loupe.model.Taps;

/**
 * A change of the model whose effect on predictions is measured on the trial text.
 *
 * @param name of the change, for the study that asks
 * @param change editors; called from several threads at once, one sequence each
 * @param baseline what it is compared with: {@link Taps#none()} for the model as it is
 */
public record Trial(String name, Taps change, Taps baseline) {
    /** A change compared with the model as it is. */
    public static Trial of(String name, Taps change) {
        return new Trial(name, change, Taps.none());
    }

    /** Two changes compared with one another. */
    public static Trial between(String name, Taps change, Taps baseline) {
        return new Trial(name, change, baseline);
    }
}
