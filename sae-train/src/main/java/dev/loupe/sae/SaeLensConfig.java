package dev.loupe.sae;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** SAELens' {@code cfg.json}: written as version 6 does, read from version 6 and from the flat files before it. */
final class SaeLensConfig {
    /** The version whose format is written. */
    private static final String VERSION = "6.37.6";

    private SaeLensConfig() {}

    /** A config that was read; {@code foldDecoderNorms} where selection multiplies by the decoder's norms. */
    record Read(SaeConfig config, int dIn, int dOut, int dSae, boolean foldDecoderNorms, boolean gated) {}

    /** Entries of the metadata that {@link #write} makes by itself. */
    private static final Set<String> OURS = Set.of("sae_lens_version", "model_name", "hook_name", "hook_name_out");

    /** Entries that stood beside the sizes before version 6. */
    private static final List<String> ONCE_FLAT =
            List.of(SaeNeeds.CONTEXT_SIZE, SaeNeeds.PREPEND_BOS, SaeNeeds.MODEL_ARGUMENTS, SaeNeeds.HEAD);

    /** Flattens heads, which the activations of this hook point are here anyway. */
    private static final String HOOK_Z = "hook_z";

    private static final String GATED = "gated";

    static Map<String, Object> write(Sae sae) {
        Map<String, Object> cfg = new LinkedHashMap<>();
        cfg.put(
                "architecture",
                sae.isTranscoder() ? transcoder(sae) : sae.architecture().saeLensName());
        cfg.put("d_in", sae.dIn());
        cfg.put("d_sae", sae.dSae());
        if (sae.isTranscoder()) {
            cfg.put("d_out", sae.dOut());
        }
        cfg.put("dtype", "float32");
        cfg.put("device", "cpu");
        cfg.put("apply_b_dec_to_input", sae.applyBDecToInput());
        cfg.put("normalize_activations", "none");
        cfg.put("reshape_activations", sae.hookName().endsWith(HOOK_Z) ? HOOK_Z : "none");
        if (sae.architecture() == Architecture.TOPK) {
            cfg.put("k", sae.k());
            cfg.put("rescale_acts_by_decoder_norm", false);
        }
        Map<String, Object> metadata = new LinkedHashMap<>();
        metadata.put("sae_lens_version", VERSION);
        metadata.put("model_name", sae.modelId());
        metadata.put("hook_name", sae.hookName());
        if (sae.isTranscoder()) {
            metadata.put("hook_name_out", sae.config().hookNameOut());
        }
        metadata.put("hook_head_index", null);
        metadata.putAll(sae.config().metadata());
        cfg.put("metadata", metadata);
        return cfg;
    }

    /** SAELens' names, and in the same manner {@code topk_transcoder}, which it does not have. */
    private static String transcoder(Sae sae) {
        String kind = sae.weights().skips() ? "skip_transcoder" : "transcoder";
        return sae.architecture() == Architecture.RELU
                ? kind
                : sae.architecture().saeLensName() + "_" + kind;
    }

    static Read read(JsonNode cfg, Path folder) {
        JsonNode metadata = cfg.path("metadata");
        String activation = text(cfg, "activation_fn", text(cfg, "activation_fn_str", ""));
        String name = text(cfg, "architecture", "standard");
        if (name.equals("standard") && activation.equals("topk")) {
            name = "topk"; // before version 6 a TopK SAE was a standard one with another activation function
        }
        boolean transcodes = name.endsWith("transcoder");
        Architecture architecture;
        boolean trained =
                name.endsWith("batchtopk"); // a checkpoint of training, whose threshold lies beside the weights
        try {
            architecture = trained || name.equals(GATED) ? Architecture.JUMPRELU : Architecture.ofSaeLens(name);
        } catch (UsageException e) {
            throw new LoupeException(
                    "The SAE " + folder + " is of architecture \"" + name
                            + "\", which Loupe does not read; it reads standard, topk, batchtopk, jumprelu, gated and transcoders of these.");
        }
        String normalize = cfg.path("normalize_activations").isBoolean()
                ? cfg.path("normalize_activations").asBoolean() ? "expected_average_only_in" : "none"
                : text(cfg, "normalize_activations", "none");
        refuseUnless(normalize, "none", "normalize_activations", folder);
        String hook = text(metadata, "hook_name", text(cfg, "hook_name", text(cfg, "hook_point", "")));
        String reshape = text(cfg, "reshape_activations", "none");
        refuseUnless(
                reshape,
                hook.endsWith(HOOK_Z) && reshape.equals(HOOK_Z) ? HOOK_Z : "none",
                "reshape_activations",
                folder);
        JsonNode k =
                cfg.has("k") ? cfg.path("k") : cfg.path("activation_fn_kwargs").path("k");
        Map<String, Object> kept = new LinkedHashMap<>();
        metadata.properties().forEach(e -> {
            if (!OURS.contains(e.getKey()) && !e.getValue().isNull()) {
                kept.put(e.getKey(), Json.MAPPER.treeToValue(e.getValue(), Object.class));
            }
        });
        for (String key : ONCE_FLAT) {
            if (cfg.hasNonNull(key) && !kept.containsKey(key)) {
                kept.put(key, Json.MAPPER.treeToValue(cfg.path(key), Object.class));
            }
        }
        SaeConfig config = new SaeConfig(
                architecture,
                architecture == Architecture.TOPK ? size(k, "k", folder) : 0,
                cfg.path("apply_b_dec_to_input").asBoolean(!transcodes),
                text(metadata, "model_name", text(cfg, "model_name", "")),
                hook,
                transcodes ? text(metadata, "hook_name_out", text(cfg, "hook_name_out", "unknown")) : "",
                kept);
        int dIn = size(cfg.path("d_in"), "d_in", folder);
        return new Read(
                config,
                dIn,
                transcodes && cfg.has("d_out") ? size(cfg.path("d_out"), "d_out", folder) : dIn,
                size(cfg.path("d_sae"), "d_sae", folder),
                (architecture == Architecture.TOPK || trained)
                        && cfg.path("rescale_acts_by_decoder_norm").asBoolean(trained),
                name.equals(GATED));
    }

    private static String text(JsonNode node, String key, String otherwise) {
        JsonNode value = node.path(key);
        return value.isString() ? value.asString() : otherwise;
    }

    private static int size(JsonNode value, String key, Path folder) {
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.asInt() < 1) {
            throw new LoupeException("In the SAE " + folder + " the entry " + key + " of " + SaeFiles.CONFIG + " is "
                    + (value.isMissingNode() ? "missing" : value.toString())
                    + " where a positive whole number should be.");
        }
        return value.asInt();
    }

    private static void refuseUnless(String value, String wanted, String key, Path folder) {
        if (!value.equals(wanted)) {
            throw new LoupeException("The SAE " + folder + " says " + key + " = \"" + value + "\", which Loupe does not"
                    + " apply: fold it into the weights first (SAELens does so when it saves for inference).");
        }
    }
}
