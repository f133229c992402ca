package dev.loupe.steer;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * One answer in each of two conversations, the model's own and the steered one, which may have grown apart before.
 *
 * @param plain the answer without edits
 * @param steered the answer under the variant
 * @param edits what each edit came to in absolute units, in words
 * @param seconds time of both answers
 * @param tokensPerSecond tokens written a second, both answers together
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record ChatTurn(
        @JsonProperty("default") Side plain, Side steered, List<String> edits, double seconds, double tokensPerSecond) {
    /**
     * An answer.
     *
     * @param promptTokens tokens of the conversation before it
     * @param text what was written
     * @param tokens token by token, under the model that wrote it and under the other one
     * @param finish why it ended
     * @param kl mean over its tokens of KL(default ‖ steered) of the next-token distributions, in nats
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Side(int promptTokens, String text, List<SteerResult.StreamToken> tokens, String finish, double kl) {}
}
