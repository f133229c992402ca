package dev.loupe.sae;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * The folders of saprmarks' dictionary_learning: {@code ae.pt}, a state dict of PyTorch, and {@code config.json}, whose
 * {@code trainer} names the class, model, layer and submodule. All saved weights take raw activations.
 *
 * <p>BatchTopK and Matryoshka SAEs are used with their one threshold there and here; gated ones become the JumpReLU SAE
 * that computes the same. Written are AutoEncoder (ReLU), AutoEncoderTopK and JumpReluAutoEncoder.
 */
final class DictionaryLearningFormat {
    private static final String WEIGHTS = "ae.pt";
    private static final String CONFIG = "config.json";

    private DictionaryLearningFormat() {}

    static Sae read(Path source, String name, String model, String hook) {
        Path file = Files.isDirectory(source) ? source.resolve(WEIGHTS) : source;
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException(
                    "The folder " + source + " is no SAE of dictionary_learning: it has no " + WEIGHTS + ".");
        }
        Path parent = file.toAbsolutePath().getParent();
        Path config = parent == null ? file.resolveSibling(CONFIG) : parent.resolve(CONFIG);
        JsonNode trainer =
                Files.isRegularFile(config) ? Json.tree(config).path("trainer") : Json.MAPPER.createObjectNode();
        State s = new State(file, TorchFile.read(file));
        String kind = trainer.path("dict_class").asString("");
        Read read = s.has("gate_bias") ? gated(s) : s.has("W_enc") ? rowMajor(s, kind) : linear(s, kind);
        SaeConfig c = new SaeConfig(
                read.weights.threshold().length > 0
                        ? Architecture.JUMPRELU
                        : read.k > 0 ? Architecture.TOPK : Architecture.RELU,
                read.k,
                read.subtracts,
                model.isEmpty() ? trainer.path("lm_name").asString("") : model,
                hook.isEmpty() ? hookOf(trainer) : hook,
                Map.of());
        return new Sae(name, c, read.weights, SaeProvenance.unknown());
    }

    private record Read(SaeWeights weights, int k, boolean subtracts) {}

    private static Read gated(State s) {
        return new Read(
                GatedWeights.asJumpRelu(
                        s.matrix("encoder.weight"),
                        s.matrix("decoder.weight").transposed(Arena.ofAuto()),
                        s.vector("gate_bias"),
                        s.vector("mag_bias"),
                        s.vector("r_mag"),
                        s.vector("decoder_bias")),
                0,
                true);
    }

    /** JumpReluAutoEncoder, and MatryoshkaBatchTopKSAE, which subtracts b_dec. */
    private static Read rowMajor(State s, String kind) {
        boolean matryoshka = s.has("group_sizes") || s.has("k") || kind.startsWith("Matryoshka");
        float[] bEnc = s.vector("b_enc");
        return new Read(
                new SaeWeights(
                        s.matrix("W_enc").transposed(Arena.ofAuto()),
                        s.matrix("W_dec"),
                        bEnc,
                        s.vector("b_dec"),
                        matryoshka ? threshold(s, bEnc.length) : s.vector("threshold")),
                0,
                matryoshka);
    }

    private static Read linear(State s, String kind) {
        float[] bEnc = s.vector("encoder.bias");
        boolean separate = s.has("decoder.bias");
        boolean counts = s.has("k");
        boolean batch = counts && kind.startsWith("BatchTopK");
        String bias = counts ? "b_dec" : separate ? "decoder.bias" : "bias";
        return new Read(
                new SaeWeights(
                        s.matrix("encoder.weight"),
                        s.matrix("decoder.weight").transposed(Arena.ofAuto()),
                        bEnc,
                        s.vector(bias),
                        batch ? threshold(s, bEnc.length) : new float[0]),
                counts && !batch ? (int) s.vector("k")[0] : 0,
                !separate);
    }

    /** One threshold for all; below 0 it was never set, and every positive latent acts. */
    private static float[] threshold(State s, int latents) {
        float[] all = new float[latents];
        Arrays.fill(all, Math.max(0, s.vector("threshold")[0]));
        return all;
    }

    private static String hookOf(JsonNode trainer) {
        JsonNode layer = trainer.path("layer");
        String submodule = trainer.path("submodule_name").asString("");
        if (!layer.isIntegralNumber()) {
            return "";
        }
        String place = submodule.startsWith("resid_post") || submodule.startsWith("residual")
                ? ".hook_resid_post"
                : submodule.startsWith("mlp") ? ".hook_mlp_out" : submodule.startsWith("att") ? ".hook_attn_out" : "";
        return place.isEmpty() ? "" : "blocks." + layer.asInt() + place;
    }

    static void write(Sae sae, Path target) {
        sae.requireSae("be written for dictionary_learning, which has no transcoders");
        Map<String, Object> state = new LinkedHashMap<>();
        String kind;
        try (Arena arena = Arena.ofConfined()) {
            if (sae.architecture() == Architecture.JUMPRELU) {
                kind = "JumpReluAutoEncoder";
                state.put("W_enc", State.tensor(sae.encoderRows().transposed(arena)));
                state.put("b_enc", State.tensor(PreBias.encoderBias(sae, false)));
                state.put("W_dec", State.tensor(sae.decoderRows()));
                state.put("b_dec", State.tensor(sae.bDec()));
                state.put("threshold", State.tensor(sae.threshold()));
            } else {
                boolean topK = sae.architecture() == Architecture.TOPK;
                kind = topK ? "AutoEncoderTopK" : "AutoEncoder";
                state.put("encoder.weight", State.tensor(sae.encoderRows()));
                state.put("encoder.bias", State.tensor(PreBias.encoderBias(sae, true)));
                state.put("decoder.weight", State.tensor(sae.decoderRows().transposed(arena)));
                state.put(topK ? "b_dec" : "bias", State.tensor(sae.bDec()));
                if (topK) {
                    state.put("k", new TorchFile.IntScalar(sae.k()));
                    state.put("threshold", new TorchFile.Tensor(List.of(), new float[] {-1}));
                }
            }
        }
        Map<String, Object> trainer = new LinkedHashMap<>();
        trainer.put("dict_class", kind);
        trainer.put("activation_dim", sae.dIn());
        trainer.put("dict_size", sae.dSae());
        if (sae.k() > 0) {
            trainer.put("k", sae.k());
        }
        trainer.put("lm_name", sae.modelId());
        trainer.put("submodule_name", sae.hookName());
        AtomicFiles.writeFolder(target, temporary -> {
            TorchFile.write(temporary.resolve(WEIGHTS), state);
            Json.write(temporary.resolve(CONFIG), Map.of("trainer", trainer));
        });
    }

    /** A state dict with its file, for messages. */
    record State(Path file, Map<String, Object> entries) {
        boolean has(String name) {
            return entries.get(name) instanceof TorchFile.Tensor;
        }

        private TorchFile.Tensor get(String name) {
            if (entries.get(name) instanceof TorchFile.Tensor t) {
                return t;
            }
            throw new LoupeException(
                    "The file " + file + " holds no SAE that Loupe knows: it lacks the tensor " + name + ".");
        }

        float[] vector(String name) {
            return get(name).values();
        }

        Matrix matrix(String name) {
            TorchFile.Tensor t = get(name);
            if (t.shape().size() != 2) {
                throw new LoupeException("In the file " + file + " the tensor " + name + " has the shape " + t.shape()
                        + " where a matrix should be.");
            }
            return Matrix.copyOf(t.values(), t.shape().get(0), t.shape().get(1));
        }

        static TorchFile.Tensor tensor(float[] values) {
            return new TorchFile.Tensor(List.of(values.length), values.clone());
        }

        static TorchFile.Tensor tensor(Matrix m) {
            return new TorchFile.Tensor(
                    List.of((int) m.rows(), m.cols()),
                    m.segment().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED));
        }
    }
}
