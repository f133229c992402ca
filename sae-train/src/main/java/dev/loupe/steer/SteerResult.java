package dev.loupe.steer;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Both continuations of a prompt and how far apart the two models are.
 *
 * @param defaultText the continuation without edits
 * @param steered the continuation under the variant
 * @param kl mean over the default continuation's tokens of KL(default ‖ steered) of the next-token distributions, in
 *     nats a token; both models read the same default text, so the figure is not about diverging texts
 * @param promptTokens text of each token of the prompt, special ones included
 * @param defaultTokens the default continuation token by token
 * @param steeredTokens the steered continuation token by token
 * @param defaultFinish why the default stream ended
 * @param steeredFinish why the steered stream ended
 * @param edits what each edit came to in absolute units, in words
 * @param request what was asked, defaults filled in
 * @param seconds time of both streams
 * @param tokensPerSecond tokens written a second, both streams together
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record SteerResult(
        @JsonProperty("default") String defaultText,
        String steered,
        double kl,
        List<String> promptTokens,
        List<StreamToken> defaultTokens,
        List<StreamToken> steeredTokens,
        String defaultFinish,
        String steeredFinish,
        List<String> edits,
        SteerRequest request,
        double seconds,
        double tokensPerSecond) {

    /**
     * One written token. Log-probabilities are natural, at temperature 1, over the whole vocabulary, given the
     * stream's own text before it.
     *
     * @param id token id
     * @param token its text
     * @param logprob under the model that wrote it
     * @param otherLogprob under the other model (steered for the default stream, and the reverse)
     * @param kl KL(default ‖ steered) of the next-token distributions at this place, in nats
     * @param alternatives most likely tokens there under the model that wrote it
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record StreamToken(
            int id, String token, double logprob, double otherLogprob, double kl, List<Alternative> alternatives) {}

    /**
     * A token that could have been written.
     *
     * @param id token id
     * @param token its text
     * @param p its probability under the model that wrote the stream
     * @param otherP its probability under the other model
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Alternative(int id, String token, double p, double otherP) {}
}
