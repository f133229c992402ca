package dev.loupe.client;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A text to continue.
 *
 * @param model the model; {@code model@variant} for a saved variant
 * @param prompt the text
 * @param maxTokens most tokens to write
 * @param temperature 0 for the most likely token always
 * @param seed of the sampling; null for a random one
 * @param stop texts that end it
 * @param edits what is changed while it is written
 * @param when condition of the edits; null for none
 */
public record Writing(
        String model,
        String prompt,
        int maxTokens,
        double temperature,
        @Nullable Long seed,
        List<String> stop,
        List<Edit> edits,
        @Nullable String when) {
    /** Forty tokens, greedy, without edits. */
    public static Writing of(String model, String prompt) {
        return new Writing(model, prompt, 40, 0, null, List.of(), List.of(), null);
    }

    /** The same of other length. */
    public Writing tokens(int most) {
        return new Writing(model, prompt, most, temperature, seed, stop, edits, when);
    }

    /** The same sampled. */
    public Writing sampled(double temp, long withSeed) {
        return new Writing(model, prompt, maxTokens, temp, withSeed, stop, edits, when);
    }

    /** The same under edits. */
    public Writing with(Edit... some) {
        return new Writing(model, prompt, maxTokens, temperature, seed, stop, List.of(some), when);
    }

    /** The same with its edits only where a condition holds. */
    public Writing when(String condition) {
        return new Writing(model, prompt, maxTokens, temperature, seed, stop, edits, condition);
    }

    /** The same, ending before one of some texts. */
    public Writing stop(String... texts) {
        return new Writing(model, prompt, maxTokens, temperature, seed, List.of(texts), edits, when);
    }

    /** As the OpenAI-compatible route takes it. */
    Map<String, Object> completion(boolean stream) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("model", model);
        body.put("prompt", prompt);
        body.put("max_tokens", maxTokens);
        body.put("temperature", temperature);
        body.put("stream", stream);
        if (seed != null) {
            body.put("seed", seed);
        }
        if (!stop.isEmpty()) {
            body.put("stop", stop);
        }
        if (!edits.isEmpty()) {
            body.put("loupe", variant());
        }
        return body;
    }

    /** As {@code /api/steer} takes it. */
    Map<String, Object> steering() {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("model", model);
        body.put("prompt", prompt);
        body.put("max_tokens", maxTokens);
        body.put("temperature", temperature);
        body.put("seed", seed == null ? 0 : seed);
        body.put("stop", stop);
        body.put("variant", variant());
        return body;
    }

    private Map<String, Object> variant() {
        Map<String, Object> variant = new LinkedHashMap<>();
        variant.put("edits", edits);
        if (when != null) {
            variant.put("when", when);
        }
        return variant;
    }
}
