package dev.loupe.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.loupe.base.Json;
import dev.loupe.base.UsageException;
import dev.loupe.engine.Precision;
import dev.loupe.engine.SaeEngine;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.core.JacksonException;

/**
 * Every setting of a training run. Warm-ups, decay and the dead window are {@link Span}s: by default shares of the run,
 * because published step counts mean nothing at another length. Penalties, bandwidth and thresholds are in training units,
 * that is after the input was multiplied by the scale of {@code inputScale}.
 *
 * @param recipe name of the preset it began as, "custom" once anything was changed
 * @param architecture {@link Method#id()}
 * @param dSae number of latents
 * @param k active latents per token (topk; batchtopk and matryoshka on average)
 * @param l0Target wanted L0: JumpReLU penalises the distance from it, the others steer λ towards it; 0 for none
 * @param l1 λ of the penalty on activations (relu, panneal, gated); with an L0 target the value it starts from
 * @param l0Coefficient λ of JumpReLU's penalty
 * @param steps optimiser steps
 * @param batch rows per step
 * @param learningRate Adam's
 * @param beta1 Adam's
 * @param beta2 Adam's
 * @param epsilon Adam's
 * @param learningRateWarmup share of the run in which the learning rate rises linearly
 * @param learningRateDecay share of the run, at its end, in which it falls linearly to zero
 * @param learningRateShape of warm-up and decay: linear or cosine
 * @param learningRateStart the share of the learning rate that the warm-up starts from
 * @param sparsityWarmup share of the run in which the sparsity penalty rises linearly
 * @param deadWindow share of the run without firing after which a latent counts as dead
 * @param clip largest norm of the whole gradient, 0 for none
 * @param average decay of the running average of the weights that is kept instead of the last ones, 0 for none
 * @param inputScale unit_mean_squared_norm (E‖x‖² = 1), expected_average_only_in (E‖x‖ = √d) or none
 * @param decoderBias how b_dec starts: mean, geometric_median or zero
 * @param applyBDecToInput whether the encoder sees x − b_dec
 * @param skip whether a transcoder also has a linear connection from input to output (arXiv 2501.18823)
 * @param decoder unit (rows keep norm one) or free (norms count in the penalties and are folded away at the end)
 * @param decoderNorm norm of the rows of a free decoder at the start; may be 0
 * @param encoderScale W_enc starts as so much times W_decᵀ
 * @param encoderBias b_enc starts here: below 0, a ReLU SAE starts as sparse as it shall end
 * @param threshold where thresholds start (JumpReLU)
 * @param bandwidth ε of the rectangle kernel (JumpReLU)
 * @param aux weight of the auxiliary loss on dead latents (topk, batchtopk, matryoshka, jumprelu), 0 for none
 * @param auxK dead latents it uses per token; 0 for d_in / 2
 * @param thresholdDecay of the running average that becomes the threshold (batchtopk, matryoshka)
 * @param initFrom name of an SAE whose weights are the start (fine-tuning); empty for none
 * @param initSubspace 0 for none; below 1 latents start inside the axes that hold this share of the variance, from 1 on
 *     inside so many axes (arXiv 2508.16929; for sites of low rank such as attention outputs)
 * @param recycle what happens to latents that do nothing
 * @param topk what only TopK has
 * @param jumprelu what only JumpReLU has
 * @param matryoshka what only Matryoshka SAEs have
 * @param panneal what only p-annealing has
 * @param precision of the encoder's product: fp32, bf16, int8 (processor) or tf32 (GPU); weights, gradients and
 *     activations are float32 in all
 * @param checkpointMinutes how often a running training writes down where it is; changes no result
 * @param keepEvery how often a running training keeps its weights for good, as an SAE in {@code steps/}; 0 for never; changes
 *     no result
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
        @JsonProperty("learning_rate_warmup") Span learningRateWarmup,
        @JsonProperty("learning_rate_decay") Span learningRateDecay,
        @JsonProperty("learning_rate_shape") String learningRateShape,
        @JsonProperty("learning_rate_start") double learningRateStart,
        @JsonProperty("sparsity_warmup") Span sparsityWarmup,
        @JsonProperty("dead_window") Span deadWindow,
        double clip,
        double average,
        @JsonProperty("input_scale") String inputScale,
        @JsonProperty("decoder_bias") String decoderBias,
        @JsonProperty("apply_b_dec_to_input") boolean applyBDecToInput,
        boolean skip,
        String decoder,
        @JsonProperty("decoder_norm") double decoderNorm,
        @JsonProperty("encoder_scale") double encoderScale,
        @JsonProperty("encoder_bias") double encoderBias,
        double threshold,
        double bandwidth,
        double aux,
        @JsonProperty("aux_k") int auxK,
        @JsonProperty("threshold_decay") double thresholdDecay,
        @JsonProperty("init_from") String initFrom,
        @JsonProperty("init_subspace") double initSubspace,
        RecycleSettings recycle,
        TopKSettings topk,
        JumpReluSettings jumprelu,
        MatryoshkaSettings matryoshka,
        PAnnealSettings panneal,
        String precision,
        @JsonProperty("checkpoint_minutes") double checkpointMinutes,
        @JsonProperty("keep_every") Span keepEvery,
        @JsonProperty("data_seed") long dataSeed) {

    /** Minutes between checkpoints where nothing is said. */
    static final double CHECKPOINT_MINUTES = 0.5;

    /** Refuses settings that cannot be trained, each in one sentence. Settings of later versions may be missing in files. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public TrainConfig {
        initFrom = initFrom == null ? "" : initFrom;
        recycle = recycle == null ? RecycleSettings.NONE : recycle;
        topk = topk == null ? TopKSettings.DEFAULT : topk;
        checkpointMinutes = checkpointMinutes == 0 ? CHECKPOINT_MINUTES : checkpointMinutes;
        keepEvery = keepEvery == null ? Span.steps(0) : keepEvery;
        need(checkpointMinutes > 0 && Double.isFinite(checkpointMinutes), "checkpoint_minutes", "above 0");
        Method m = Method.of(architecture);
        precision = precision == null
                ? Precision.FP32.id()
                : Precision.of(precision).id(); // older files have none
        need(dSae >= 1, "d_sae", "at least 1");
        need(!m.choosesK() || (k >= 1 && k <= dSae), "k", "between 1 and d_sae");
        need(!topk.statistical() || m == Method.TOPK, "topk.selection", "exact unless the architecture is topk");
        need(
                !topk.statistical() || precision.equals(Precision.FP32.id()),
                "precision",
                "fp32 with a statistical selection");
        need(l0Target >= 0 && l0Target < dSae, "l0_target", "0 for none, or less than d_sae");
        need(!m.paysForActivations() || l1 >= 0, "l1", "0 or more");
        need(m != Method.JUMPRELU || l0Coefficient >= 0, "l0_coefficient", "0 or more");
        need(steps >= 1, "steps", "at least 1");
        need(batch >= 1 && batch <= 1 << 20, "batch", "between 1 and 1048576");
        need(learningRate > 0 && Double.isFinite(learningRate), "learning_rate", "above 0");
        need(beta1 >= 0 && beta1 < 1, "beta1", "from 0 to below 1");
        need(beta2 >= 0 && beta2 < 1, "beta2", "from 0 to below 1");
        need(epsilon > 0, "epsilon", "above 0");
        Schedule.Shape.of(learningRateShape);
        need(learningRateStart >= 0 && learningRateStart <= 1, "learning_rate_start", "a share from 0 to 1");
        need(clip >= 0, "clip", "0 for none, or a norm above 0");
        need(average >= 0 && average < 1, "average", "0 for none, or a decay below 1");
        InputScale.of(inputScale);
        Initializer.DecoderBias.of(decoderBias);
        need(decoder.equals("unit") || decoder.equals("free"), "decoder", "unit or free");
        need(m != Method.GATED || decoder.equals("unit"), "decoder", "unit for gated SAEs");
        need(decoderNorm >= 0, "decoder_norm", "0 or more");
        need(encoderScale > 0, "encoder_scale", "above 0");
        need(Double.isFinite(encoderBias), "encoder_bias", "a number");
        need(threshold >= 0, "threshold", "0 or more");
        need(m != Method.JUMPRELU || bandwidth > 0, "bandwidth", "above 0");
        need(aux >= 0, "aux", "0 or more");
        need(auxK >= 0, "aux_k", "0 or more");
        need(thresholdDecay >= 0 && thresholdDecay < 1, "threshold_decay", "from 0 to below 1");
        need(
                initSubspace >= 0 && Double.isFinite(initSubspace),
                "init_subspace",
                "0 for none, a share, or a number of axes");
        need(
                initFrom.isEmpty() || initSubspace == 0,
                "init_subspace",
                "0 where the weights of another SAE are the start");
        if (m == Method.MATRYOSHKA) {
            matryoshka.ends(dSae);
        }
    }

    static void need(boolean condition, String setting, String allowed) {
        if (!condition) {
            throw new UsageException("The training setting " + setting + " must be " + allowed + ".");
        }
    }

    /** How it is trained. */
    public Method method() {
        return Method.of(architecture);
    }

    /** What takes its steps. */
    SaeEngine engine() {
        return TrainDevice.engine(Precision.of(precision));
    }

    /** Whether decoder rows keep norm one. */
    public boolean unitDecoder() {
        return decoder.equals("unit");
    }

    /** Rows that the run sees. */
    public long tokens() {
        return Math.multiplyExact(steps, (long) batch);
    }

    /** Seconds between checkpoints. */
    double checkpointSeconds() {
        return 60 * checkpointMinutes;
    }

    /** What a result depends on: the same settings whatever was asked of checkpoints. */
    TrainConfig ofResult() {
        return recipe(recipe, Map.of("checkpoint_minutes", CHECKPOINT_MINUTES, "keep_every", "0 steps"));
    }

    /** Steps between two times that the weights are kept; 0 for never. */
    long keepSteps() {
        double every = keepEvery.steps(steps, batch);
        return every == 0 ? 0 : Math.max(1, Math.round(every));
    }

    /** Steps without firing after which a latent counts as dead. */
    public int deadAfter() {
        return (int) Math.clamp(Math.round(deadWindow.steps(steps, batch)), 1, Integer.MAX_VALUE);
    }

    Schedule sparsitySchedule() {
        return new Schedule(steps, sparsityWarmup.steps(steps, batch), 0);
    }

    Schedule learningRateSchedule() {
        return new Schedule(
                steps,
                learningRateWarmup.steps(steps, batch),
                learningRateDecay.steps(steps, batch),
                Schedule.Shape.of(learningRateShape),
                learningRateStart,
                0);
    }

    /**
     * The same run with one setting changed; its recipe is then "custom".
     *
     * @param setting the name as in JSON, for example {@code learning_rate} or {@code jumprelu.kernel}
     * @throws UsageException if there is no such setting, or it cannot have this value
     */
    public TrainConfig with(String setting, Object value) {
        return with(Map.of(setting, value));
    }

    /** The same run with some settings changed at once; its recipe is then "custom". */
    public TrainConfig with(Map<String, ?> changes) {
        Map<String, Object> fields = settings();
        changes.forEach((setting, value) -> SettingNames.put(fields, setting, value));
        fields.put("recipe", "custom");
        return of(fields, changes);
    }

    /** The same run under the name of a recipe, with the recipe's settings. */
    TrainConfig recipe(String name, Map<String, ?> changes) {
        Map<String, Object> fields = settings();
        changes.forEach((setting, value) -> SettingNames.put(fields, setting, value));
        fields.put("recipe", name);
        return of(fields, changes);
    }

    private static TrainConfig of(Map<String, Object> fields, Map<String, ?> changes) {
        try {
            return Json.MAPPER.convertValue(fields, TrainConfig.class);
        } catch (JacksonException e) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause instanceof UsageException u) {
                    String message = String.valueOf(u.getMessage());
                    boolean named = changes.keySet().stream().anyMatch(message::contains);
                    throw named || changes.size() != 1
                            ? u
                            : new UsageException("The training setting "
                                    + changes.keySet().iterator().next() + " cannot be that. " + message);
                }
            }
            throw new UsageException(
                    "The training settings " + changes + " cannot be used (" + e.getOriginalMessage() + ").");
        }
    }

    /** Every setting by name; those of one architecture are maps of their own. */
    @SuppressWarnings("unchecked")
    public Map<String, Object> settings() {
        return Json.MAPPER.convertValue(this, LinkedHashMap.class);
    }
}
