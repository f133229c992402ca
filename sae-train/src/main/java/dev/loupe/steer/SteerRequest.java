package dev.loupe.steer;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.UsageException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A prompt to continue twice: as the model is, and under a variant. Missing JSON fields take the defaults below.
 *
 * @param model the model's name (for the record; the caller opens it)
 * @param prompt the text to continue
 * @param variant what to change
 * @param maxTokens most tokens to write, 1 to 4096; default 60
 * @param temperature 0 for the most likely token always; default 0.7
 * @param topK only among so many most likely tokens; 0 (default) for no limit
 * @param topP only among the most likely tokens that together have this probability; default 0.95
 * @param seed of the sampling, the same for both streams; default 0
 * @param stop texts that end a stream
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SteerRequest(
        @Nullable String model,
        String prompt,
        Variant variant,
        int maxTokens,
        @Nullable Double temperature,
        int topK,
        @Nullable Double topP,
        long seed,
        List<String> stop) {
    private static final int MOST_TOKENS = 4096;

    /** Fills in defaults. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public SteerRequest {
        prompt = prompt == null ? "" : prompt;
        variant = variant == null ? Variant.NONE : variant;
        maxTokens = maxTokens == 0 ? 60 : maxTokens;
        temperature = temperature == null ? 0.7 : temperature;
        topP = topP == null ? 0.95 : topP;
        stop = stop == null ? List.of() : List.copyOf(stop);
    }

    /** A request with default sampling. */
    public static SteerRequest of(String prompt, Variant variant) {
        return new SteerRequest(null, prompt, variant, 0, null, 0, null, 0, List.of());
    }

    /** The same request, always taking the most likely token, of so many tokens. */
    public SteerRequest greedy(int tokens) {
        return new SteerRequest(model, prompt, variant, tokens, 0.0, topK, topP, seed, stop);
    }

    /** The same request with other sampling. */
    public SteerRequest sampled(int tokens, double temp, long randomSeed) {
        return new SteerRequest(model, prompt, variant, tokens, temp, topK, topP, randomSeed, stop);
    }

    /**
     * Checks everything that needs no model.
     *
     * @throws UsageException in one sentence
     */
    public void check() {
        if (prompt.isEmpty()) {
            throw new UsageException("The prompt is empty; give a text to continue.");
        }
        if (maxTokens < 1 || maxTokens > MOST_TOKENS) {
            throw new UsageException("max_tokens is 1 to " + MOST_TOKENS + ", not " + maxTokens + ".");
        }
        if (temperature == null || !(temperature >= 0 && temperature <= 10)) {
            throw new UsageException(
                    "temperature is a number from 0 (most likely token) to 10, not " + temperature + ".");
        }
        if (topP == null || !(topP > 0 && topP <= 1)) {
            throw new UsageException("top_p is a number above 0 and at most 1, not " + topP + ".");
        }
        if (topK < 0) {
            throw new UsageException("top_k is 0 (no limit) or a positive number, not " + topK + ".");
        }
        variant.check();
    }
}
