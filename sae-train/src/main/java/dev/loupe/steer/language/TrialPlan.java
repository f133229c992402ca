package dev.loupe.steer.language;

import dev.loupe.base.UsageException;
import java.util.HashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A trial of language steering. Missing fields take the defaults below.
 *
 * @param name what the result is saved as
 * @param model the model (default: builtin)
 * @param sae the SAE whose latents are used
 * @param text the corpus (default: builtin:europarl)
 * @param heldOut which documents are held out: share or file (default: the model's own list, else a share of 0.1)
 * @param languages at least two; every ordered pair is tried (default: en, fr, de, it, fi, el)
 * @param prompts prompts of each language, from held-out documents (default: 50)
 * @param choicePrompts prompts of each language that strengths are chosen on, from training documents (default: 8)
 * @param tokens tokens to write (default: 40)
 * @param levels KL(default ‖ steered) on text of the prompt's language, nats a token, that strengths are matched at
 *     (default: 0.5, 1, 2, 4)
 * @param seed of the sampling
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record TrialPlan(
        String name,
        @Nullable String model,
        String sae,
        @Nullable String text,
        @Nullable String heldOut,
        List<String> languages,
        int prompts,
        int choicePrompts,
        int tokens,
        List<Double> levels,
        long seed) {
    /** Six languages with many held-out documents in the embedded corpus; four families and two scripts. */
    public static final List<String> LANGUAGES = List.of("en", "fr", "de", "it", "fi", "el");

    /** Fills in defaults. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public TrialPlan {
        languages = languages == null || languages.isEmpty() ? LANGUAGES : List.copyOf(languages);
        prompts = prompts == 0 ? 50 : prompts;
        choicePrompts = choicePrompts == 0 ? 8 : choicePrompts;
        tokens = tokens == 0 ? 40 : tokens;
        levels = levels == null || levels.isEmpty() ? List.of(0.5, 1.0, 2.0, 4.0) : List.copyOf(levels);
    }

    /**
     * Checks everything that needs no model.
     *
     * @throws UsageException in one sentence
     */
    public void check() {
        if (languages.size() < 2 || new HashSet<>(languages).size() < languages.size()) {
            throw new UsageException("A trial needs two or more different languages, not " + languages + ".");
        }
        if (prompts < 1 || choicePrompts < 1 || tokens < 2) {
            throw new UsageException("A trial needs at least 1 prompt of each kind and 2 tokens to write.");
        }
        if (levels.stream().anyMatch(l -> !(l > 0 && l < 100))) {
            throw new UsageException("Levels of KL are numbers above 0 and below 100, not " + levels + ".");
        }
    }
}
