package dev.loupe.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.loupe.base.Json;
import dev.loupe.base.UsageException;
import dev.loupe.sae.Architecture;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import tools.jackson.core.JacksonException;

/**
 * Every setting of a training run. Warm-ups, decay and the dead window are shares of the run, because published step counts
 * mean nothing at another length. Penalties, bandwidth and thresholds are in training units, that is after the input was
 * multiplied by the scale of {@code inputScale}.
 *
 * @param recipe name of the preset it began as, "custom" once anything was changed
 * @param architecture relu, topk or jumprelu
 * @param dSae number of latents
 * @param k active latents per token (TopK)
 * @param l0Target wanted L0: JumpReLU penalises the distance from it, ReLU steers λ towards it; 0 for none
 * @param l1 λ of ReLU's L1 penalty; with an L0 target the value it starts from
 * @param l0Coefficient λ of JumpReLU's L0 penalty
 * @param steps optimiser steps
 * @param batch rows per step
 * @param learningRate Adam's
 * @param beta1 Adam's
 * @param beta2 Adam's
 * @param epsilon Adam's
 * @param learningRateWarmup share of the run in which the learning rate rises linearly
 * @param learningRateDecay share of the run, at its end, in which it falls linearly to zero
 * @param sparsityWarmup share of the run in which the sparsity penalty rises linearly
 * @param deadWindow share of the run without firing after which a latent counts as dead
 * @param inputScale unit_mean_squared_norm (E‖x‖² = 1), expected_average_only_in (E‖x‖ = √d) or none
 * @param decoderBias how b_dec starts: mean, geometric_median or zero
 * @param encoderScale W_enc starts as so much times W_decᵀ
 * @param encoderBias b_enc starts here: below 0, a ReLU SAE starts as sparse as it shall end
 * @param threshold where thresholds start (JumpReLU)
 * @param bandwidth ε of the rectangle kernel (JumpReLU)
 * @param aux weight of the auxiliary loss on dead latents (TopK), 0 for none
 * @param auxK dead latents it uses per token; 0 for d_in / 2
 * @param dataSeed order of the rows; the SAE's own seed only changes its initial weights
 */
public record TrainConfig(
        String recipe,
        String architecture,
        @JsonProperty("d_sae") int dSae,
        int k,
        @JsonProperty("l0_target") double l0Target,
        double l1,
        @JsonProperty("l0_coefficient") double l0Coefficient,
        long steps,
        int batch,
        @JsonProperty("learning_rate") double learningRate,
        double beta1,
        double beta2,
        double epsilon,
        @JsonProperty("learning_rate_warmup") double learningRateWarmup,
        @JsonProperty("learning_rate_decay") double learningRateDecay,
        @JsonProperty("sparsity_warmup") double sparsityWarmup,
        @JsonProperty("dead_window") double deadWindow,
        @JsonProperty("input_scale") String inputScale,
        @JsonProperty("decoder_bias") String decoderBias,
        @JsonProperty("encoder_scale") double encoderScale,
        @JsonProperty("encoder_bias") double encoderBias,
        double threshold,
        double bandwidth,
        double aux,
        @JsonProperty("aux_k") int auxK,
        @JsonProperty("data_seed") long dataSeed) {

    /** Refuses settings that cannot be trained, each in one sentence. */
    public TrainConfig {
        Architecture a = Architecture.of(architecture);
        need(dSae >= 1, "d_sae", "at least 1");
        need(a != Architecture.TOPK || (k >= 1 && k <= dSae), "k", "between 1 and d_sae");
        need(l0Target >= 0 && l0Target < dSae, "l0_target", "0 for none, or less than d_sae");
        need(a != Architecture.RELU || l1 >= 0, "l1", "0 or more");
        need(a != Architecture.JUMPRELU || l0Coefficient >= 0, "l0_coefficient", "0 or more");
        need(steps >= 1, "steps", "at least 1");
        need(batch >= 1 && batch <= 1 << 20, "batch", "between 1 and 1048576");
        need(learningRate > 0 && Double.isFinite(learningRate), "learning_rate", "above 0");
        need(beta1 >= 0 && beta1 < 1, "beta1", "from 0 to below 1");
        need(beta2 >= 0 && beta2 < 1, "beta2", "from 0 to below 1");
        need(epsilon > 0, "epsilon", "above 0");
        need(share(learningRateWarmup), "learning_rate_warmup", "a share from 0 to 1");
        need(share(learningRateDecay), "learning_rate_decay", "a share from 0 to 1");
        need(share(sparsityWarmup), "sparsity_warmup", "a share from 0 to 1");
        need(share(deadWindow), "dead_window", "a share from 0 to 1");
        InputScale.of(inputScale);
        Initializer.DecoderBias.of(decoderBias);
        need(encoderScale > 0, "encoder_scale", "above 0");
        need(Double.isFinite(encoderBias), "encoder_bias", "a number");
        need(threshold >= 0, "threshold", "0 or more");
        need(a != Architecture.JUMPRELU || bandwidth > 0, "bandwidth", "above 0");
        need(aux >= 0, "aux", "0 or more");
        need(auxK >= 0, "aux_k", "0 or more");
    }

    private static boolean share(double value) {
        return value >= 0 && value <= 1;
    }

    private static void need(boolean condition, String setting, String allowed) {
        if (!condition) {
            throw new UsageException("The training setting " + setting + " must be " + allowed + ".");
        }
    }

    /** Which latents are active. */
    public Architecture arch() {
        return Architecture.of(architecture);
    }

    /** Rows that the run sees. */
    public long tokens() {
        return Math.multiplyExact(steps, (long) batch);
    }

    /** Steps without firing after which a latent counts as dead. */
    public int deadAfter() {
        return (int) Math.clamp(Math.round(deadWindow * steps), 1, Integer.MAX_VALUE);
    }

    /**
     * The same run with one setting changed; its recipe is then "custom".
     *
     * @param setting the name as in JSON, for example {@code learning_rate}
     * @throws UsageException if there is no such setting, or it cannot have this value
     */
    public TrainConfig with(String setting, Object value) {
        return with(Map.of(setting, value));
    }

    /** The same run with some settings changed at once; its recipe is then "custom". */
    public TrainConfig with(Map<String, ?> changes) {
        Map<String, Object> fields = settings();
        changes.forEach((setting, value) -> {
            if (!fields.containsKey(setting)) {
                throw new UsageException("There is no training setting \"" + setting + "\"; there are "
                        + String.join(", ", new TreeSet<>(fields.keySet())) + ".");
            }
            fields.put(setting, value);
        });
        fields.put("recipe", "custom");
        try {
            return Json.MAPPER.convertValue(fields, TrainConfig.class);
        } catch (JacksonException e) {
            if (e.getCause() instanceof UsageException u) {
                throw u;
            }
            throw new UsageException(
                    "The training settings " + changes + " cannot be used (" + e.getOriginalMessage() + ").");
        }
    }

    /** Every setting by name. */
    @SuppressWarnings("unchecked")
    public Map<String, Object> settings() {
        return Json.MAPPER.convertValue(this, LinkedHashMap.class);
    }
}
