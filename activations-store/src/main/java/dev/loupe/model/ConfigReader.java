package dev.loupe.model;

import dev.loupe.base.Fmt;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Makes a {@link ModelSpec} of a {@code config.json}; refuses anything that would be computed wrongly. */
final class ConfigReader {
    /** A million positions of heads of 128 dimensions are 2^27 angles; more is a slip of the pen, not a model. */
    private static final long LARGEST_TABLE = 1L << 28;

    private final Family family;
    private final ConfigJson json;
    private final int dModel;
    private final int nLayers;
    private final int dHead;
    private final int nCtx;

    private ConfigReader(Family family, ConfigJson json) {
        this.family = family;
        this.json = json;
        dModel = json.natural("hidden_size", "n_embd");
        nLayers = json.natural("num_hidden_layers", "n_layer", "num_layers");
        nCtx = json.natural("max_position_embeddings", "n_positions");
        dHead = json.has("head_dim") ? json.natural("head_dim") : dModel / heads();
        if (nLayers > 10_000) {
            throw json.refused("it asks for " + nLayers + " layers");
        }
    }

    /**
     * Reads a description.
     *
     * @param file where it comes from, for messages
     */
    static ModelSpec read(Path file, JsonNode json) {
        String name = json.path("architectures")
                .path(0)
                .asString(json.path("model_type").asString("unknown"));
        Family family = Families.named(name);
        if (family == null) {
            throw new LoupeException("The model of " + file + " is a " + Fmt.shown(name) + "; supported are "
                    + String.join(", ", Families.names()) + ".");
        }
        ObjectNode all = Json.MAPPER.valueToTree(family.defaults());
        json.properties().forEach(e -> all.set(e.getKey(), e.getValue()));
        json.path("text_config").properties().forEach(e -> all.set(e.getKey(), e.getValue()));
        return new ConfigReader(family, new ConfigJson(file, all)).spec();
    }

    private int heads() {
        return json.natural("num_attention_heads", "n_head", "num_heads");
    }

    private ModelSpec spec() {
        refuseOthers();
        int heads = heads();
        if ((long) nCtx * dHead > LARGEST_TABLE) {
            throw json.refused(
                    "it asks for a context of " + nCtx + " positions, whose rotations would not fit in memory");
        }
        int kv = json.has("num_key_value_heads") ? json.natural("num_key_value_heads") : heads;
        int rotaryDims = rotaryDims();
        if (heads % kv != 0 || dHead < 1 || rotaryDims % 2 != 0 || !json.has("head_dim") && dModel % heads != 0) {
            throw json.refused(heads + " heads, " + kv + " key-value heads, a head width of " + dHead + " and "
                    + rotaryDims + " rotated dimensions do not fit together");
        }
        if (kv != heads && family.tensors().packing() != TensorNames.Packing.APART) {
            throw json.refused("num_key_value_heads differs from the number of heads, which this family does not have");
        }
        Architecture architecture = new Architecture(
                family.tensors(),
                family.norm(),
                bias(family.biasQkv()),
                bias(family.biasO()),
                bias(family.biasMlp()),
                activation(),
                json.flag("use_parallel_residual", false),
                rotaryDims,
                family.scaledEmbedding() ? (float) Math.sqrt(dModel) : 1,
                (float) json.positive("attn_logit_softcapping", 0),
                (float) json.positive("final_logit_softcapping", 0));
        boolean tied = json.flag("tie_word_embeddings", false);
        int dMlp = json.has("intermediate_size") || json.has("n_inner") || json.has("ffn_dim")
                ? json.natural("intermediate_size", "n_inner", "ffn_dim")
                : Math.multiplyExact(4, dModel);
        int vocab = json.natural("vocab_size");
        RopeReader rope = new RopeReader(json);
        RopeScaling whole = rope.scaling(false);
        if (whole.type().equals("factors")
                && (whole.factors().size() != rotaryDims / 2
                        || whole.factors().stream().anyMatch(f -> !(f > 0) || f.isInfinite()))) {
            throw json.refused("its rotary factors are not " + rotaryDims / 2 + " numbers above 0");
        }
        Windows windows = new Windows(family, json, nLayers, nCtx);
        List<LayerSpec> layers = new ArrayList<>();
        for (int i = 0; i < nLayers; i++) {
            layers.add(new LayerSpec(
                    windows.size(i), scoreScale(i), rope.theta(windows.slides(i)), rope.scaling(windows.slides(i))));
        }
        double eps = json.positive("layer_norm_epsilon", json.positive("layer_norm_eps", 0));
        ModelConfig config = new ModelConfig(
                family.name(),
                nLayers,
                dModel,
                heads,
                kv,
                dHead,
                dMlp,
                vocab,
                nCtx,
                family.norm() == NormKind.LAYER ? eps : json.positive("rms_norm_eps", 1e-6),
                rotaryDims == 0 ? 0 : rope.theta(false),
                tied,
                0);
        ModelSpec spec = new ModelSpec(architecture, config, List.copyOf(layers));
        return new ModelSpec(architecture, config.withParameters(ParameterCount.of(spec)), spec.layers());
    }

    /** Options of a family that change what is computed and are not built. */
    private void refuseOthers() {
        if (!json.flag("do_layer_norm_before", true)) {
            throw json.refused("do_layer_norm_before is false: norms after the sums are not supported");
        }
        if (json.has("word_embed_proj_dim") && json.natural("word_embed_proj_dim") != dModel) {
            throw json.refused("word_embed_proj_dim differs from hidden_size, which is not supported");
        }
        if (json.flag("_remove_final_layer_norm", false)) {
            throw json.refused("_remove_final_layer_norm is true, which is not supported");
        }
        if (json.flag("use_bidirectional_attention", false)) {
            throw json.refused("use_bidirectional_attention is true: only causal attention is supported");
        }
        if (json.json().path("layer_norm_elementwise_affine").isBoolean()
                && !json.flag("layer_norm_elementwise_affine", true)) {
            throw json.refused("layer_norm_elementwise_affine is false, which is not supported");
        }
    }

    private boolean bias(Family.Bias bias) {
        return bias.key() == null ? bias.otherwise() : json.flag(bias.key(), bias.otherwise());
    }

    private Nonlinearity activation() {
        String name = json.first("hidden_activation", "activation_function", "hidden_act")
                .asString("");
        Nonlinearity activation = Nonlinearity.named(name);
        if (activation == null) {
            throw json.refused("the activation function \"" + name + "\" is not supported; supported are "
                    + String.join(", ", Nonlinearity.known()));
        }
        return activation;
    }

    private int rotaryDims() {
        if (family.tensors().positions() != null) {
            return 0;
        }
        JsonNode rope = json.first("rope_parameters", "rope_scaling");
        double share = rope.path("partial_rotary_factor")
                .asDouble(json.first("partial_rotary_factor", "rotary_pct").asDouble(1));
        if (!(share > 0) || share > 1) {
            throw json.refused("partial_rotary_factor or rotary_pct is " + share + "; it must be above 0, at most 1");
        }
        return (int) (dHead * share);
    }

    private float scoreScale(int layer) {
        double width = json.positive("query_pre_attn_scalar", dHead);
        boolean scaled = family.scaledScores() && json.flag("scale_attn_weights", true);
        double scale = scaled ? 1 / Math.sqrt(width) : 1;
        return (float) (json.flag("scale_attn_by_inverse_layer_idx", false) ? scale / (layer + 1) : scale);
    }
}
