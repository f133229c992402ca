package dev.loupe.steer;

import dev.loupe.base.UsageException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A variant at several strengths: what to write and what to measure. Missing JSON fields take the defaults below.
 *
 * @param model the model's name (for the record; the caller opens it)
 * @param variant what is changed at strength 1
 * @param strengths factors of the strengths of all its edits; default 0, 0.5, 1, 2
 * @param prompts texts to continue, 1 to 64
 * @param neutral texts that the variant should leave alone, at most 64; none leaves KL out
 * @param target a language that the written texts should be in (ISO 639-1); null for none
 * @param maxTokens tokens of each text, 1 to 512; default 40
 * @param temperature 0 (default) for the most likely token always
 * @param seed of the sampling; the same for every strength
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Dose(
        @Nullable String model,
        Variant variant,
        List<Double> strengths,
        List<String> prompts,
        List<String> neutral,
        @Nullable String target,
        int maxTokens,
        double temperature,
        long seed) {
    private static final int MOST_TEXTS = 64;
    private static final int MOST_STRENGTHS = 32;
    private static final int MOST_TOKENS = 512;

    /** Fills in defaults. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public Dose {
        variant = variant == null ? Variant.NONE : variant;
        strengths = strengths == null || strengths.isEmpty() ? List.of(0.0, 0.5, 1.0, 2.0) : List.copyOf(strengths);
        prompts = prompts == null ? List.of() : List.copyOf(prompts);
        neutral = neutral == null ? List.of() : List.copyOf(neutral);
        maxTokens = maxTokens == 0 ? 40 : maxTokens;
    }

    /**
     * Checks everything that needs no model.
     *
     * @throws UsageException in one sentence
     */
    public void check() {
        if (prompts.isEmpty() || prompts.size() > MOST_TEXTS || neutral.size() > MOST_TEXTS) {
            throw new UsageException("A sweep takes 1 to " + MOST_TEXTS + " prompts and at most " + MOST_TEXTS
                    + " neutral texts; these are " + prompts.size() + " and " + neutral.size() + ".");
        }
        if (strengths.size() > MOST_STRENGTHS || strengths.stream().anyMatch(s -> !Double.isFinite(s))) {
            throw new UsageException("strengths are at most " + MOST_STRENGTHS + " finite numbers.");
        }
        if (maxTokens < 1 || maxTokens > MOST_TOKENS) {
            throw new UsageException("max_tokens is 1 to " + MOST_TOKENS + ", not " + maxTokens + ".");
        }
        variant.check();
        scaled(1);
    }

    /**
     * The variant at a strength: strengths of add, set and cap are multiplied, the factor of scale moves away from 1.
     *
     * @throws UsageException if an edit has no strength
     */
    Variant scaled(double by) {
        List<Edit> edits = variant.edits().stream()
                .map(e -> {
                    Double s = e.strength();
                    if (s == null) {
                        throw new UsageException("A sweep needs strengths, and " + e.op() + " of " + e.target()
                                + " has none; use scale instead.");
                    }
                    return e.withStrength(EditOp.of(e.op()) == EditOp.SCALE ? 1 + by * (s - 1) : by * s);
                })
                .toList();
        return new Variant(null, edits, variant.when(), variant.stopWhen());
    }
}
