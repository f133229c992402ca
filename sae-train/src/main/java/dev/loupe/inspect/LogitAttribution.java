package dev.loupe.inspect;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Direct logit attribution: the residual stream is a sum, and with the division of the last norm taken for a constant so is
 * a logit. Only direct effects: what a part does through later blocks counts for those.
 *
 * @param text the text
 * @param position of the prediction
 * @param token the token whose logit is explained; with {@code versus} the difference of the two
 * @param versus the other token, or null
 * @param total the logit (or difference) in front of any soft cap: the sum of {@code layers}
 * @param scale what the last norm divided by at this position
 * @param layers embedding, attention and MLP of every block, and the biases behind them; these add up to the total
 * @param heads the heads of every block and their output bias, which add up to the block's attention; empty where the
 *     family norms the sum of its heads
 * @param latents with an SAE: its active latents, strongest first, then bias and error; these add up to what its hook
 *     point contributes
 * @param note what to know about these figures; may be empty
 */
@JsonNaming(SnakeCaseStrategy.class)
public record LogitAttribution(
        InspectedText text,
        int position,
        TokenScore token,
        @Nullable TokenScore versus,
        double total,
        double scale,
        List<LogitPart> layers,
        List<LogitPart> heads,
        List<LogitPart> latents,
        String note) {}
