package dev.loupe.steer.language;

import dev.loupe.steer.language.Passages.Passage;
import org.jspecify.annotations.Nullable;

/** The parts of a {@link LanguageTrial}. */
final class Trials {
    private Trials() {}

    /**
     * What is done to a pair.
     *
     * @param method a way to steer, or a reference
     * @param source number of the language of the prompts
     * @param target number of the language wanted
     * @param level the KL that the strength is matched at; null where there is none
     */
    record Condition(
            String method, int source, int target, @Nullable Double level) {}

    /** A strength and the KL it was measured to have. */
    record Setting(double strength, double kl) {}

    /**
     * A text that was written and judged.
     *
     * @param condition what was done
     * @param prompt what it continues
     * @param heldOut whether the prompt is from a held-out document
     * @param text the text
     * @param verdict whether it switched
     */
    record Judged(Condition condition, Passage prompt, boolean heldOut, String text, Judge.Verdict verdict) {
        Share.Text counted(boolean hit) {
            return new Share.Text(prompt.language(), prompt.document(), hit);
        }
    }
}
