package dev.loupe.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.loupe.base.UsageException;
import java.util.List;

/**
 * What happens to latents that hardly do anything; in settings files under {@code recycle}.
 *
 * @param policy none; resample (Bricken et al. 2023: latents that did not fire for {@code dead_window} get the direction of
 *     a row that is reconstructed badly, drawn with probability ∝ ‖e‖⁴, their squared loss); or redo (Sokar et al., arXiv 2302.12902: latents
 *     whose dormancy score is at most {@code dormant} get new random weights)
 * @param every how often
 * @param until no more after this part of the run, so that the last ones have time to settle
 * @param dormant τ of the graded score s_i = E f_i / mean over latents of E f, counted since the last time
 * @param encoderScale norm of a new encoder row, relative to the mean of the living ones
 */
public record RecycleSettings(
        String policy,
        Span every,
        Span until,
        double dormant,
        @JsonProperty("encoder_scale") double encoderScale) {

    private static final List<String> POLICIES = List.of("none", "resample", "redo");

    /** Nothing is recycled; the numbers are those of the papers where a policy is switched on. */
    static final RecycleSettings NONE = new RecycleSettings("none", Span.share(0.1), Span.share(0.75), 0.025, 0.2);

    /** Refuses what does not exist. */
    public RecycleSettings {
        if (!POLICIES.contains(policy)) {
            throw new UsageException(
                    "There is no recycling policy \"" + policy + "\"; there are none, resample and redo.");
        }
        TrainConfig.need(every.amount() > 0, "recycle.every", "above 0");
        TrainConfig.need(dormant >= 0 && dormant < 1, "recycle.dormant", "from 0 to below 1");
        TrainConfig.need(encoderScale > 0, "recycle.encoder_scale", "above 0");
    }

    /** Whether anything is recycled at all. */
    boolean on() {
        return !policy.equals("none");
    }

    /** Whether latents are looked at after a step, counted from 0. */
    boolean due(long step, TrainConfig c) {
        if (!on()) {
            return false;
        }
        long period = Math.max(1, Math.round(every.steps(c.steps(), c.batch())));
        return (step + 1) % period == 0 && step + 1 <= until.steps(c.steps(), c.batch());
    }
}
