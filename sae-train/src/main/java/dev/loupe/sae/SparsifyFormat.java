package dev.loupe.sae;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.model.SafetensorsFile;
import dev.loupe.model.SafetensorsWriter;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * EleutherAI's sparsify: {@code cfg.json} and {@code sae.safetensors} with encoder.weight [d_sae, d_in], encoder.bias, W_dec
 * [d_sae, d_in], b_dec and for skip transcoders W_skip. Its SAEs subtract b_dec, its transcoders do not; all are TopK. The
 * folder is named after a module of Hugging Face's model.
 */
final class SparsifyFormat {
    private static final String CONFIG = "cfg.json";
    private static final String WEIGHTS = "sae.safetensors";
    private static final Pattern MODULE = Pattern.compile("(?:.*\\.)?(?:layers|h|blocks)\\.(\\d+)(\\.mlp|)");

    private SparsifyFormat() {}

    static Sae read(Path folder, String name, String model, String hook) {
        if (!Files.isRegularFile(folder.resolve(CONFIG)) || !Files.isRegularFile(folder.resolve(WEIGHTS))) {
            throw new NotFoundException(
                    "The folder " + folder + " is no SAE of sparsify: it has no " + CONFIG + " and " + WEIGHTS + ".");
        }
        JsonNode cfg = Json.tree(folder.resolve(CONFIG));
        String activation = cfg.path("activation").asString("topk");
        if (!activation.equals("topk") || cfg.path("signed").asBoolean(false)) {
            throw new LoupeException("The SAE " + folder + " has the activation " + activation
                    + (cfg.path("signed").asBoolean(false) ? " with signs" : "") + ", which Loupe does not read.");
        }
        boolean transcodes = cfg.path("transcode").asBoolean(false);
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(WEIGHTS))) {
            Matrix encoder = matrix(file, "encoder.weight", folder);
            Matrix decoder = matrix(file, "W_dec", folder);
            Matrix skip = file.has("W_skip")
                    ? matrix(file, "W_skip", folder)
                    : Matrix.allocate(Arena.ofAuto(), 0, encoder.cols());
            String from = hook.isEmpty() ? hookOf(folder) : hook;
            SaeConfig config = new SaeConfig(
                    Architecture.TOPK,
                    cfg.path("k").asInt(0),
                    !transcodes,
                    model,
                    transcodes ? from.replace("hook_mlp_out", "hook_mlp_in") : from,
                    transcodes ? (from.isEmpty() ? "unknown" : from) : "",
                    Map.of());
            SaeWeights weights = new SaeWeights(
                    encoder,
                    decoder,
                    vector(file, "encoder.bias", folder),
                    vector(file, "b_dec", folder),
                    new float[0],
                    skip);
            return new Sae(name, config, weights, SaeProvenance.unknown());
        }
    }

    /** The hook point of a module's output; empty for a name that says nothing. */
    private static String hookOf(Path folder) {
        Matcher m =
                MODULE.matcher(folder.toAbsolutePath().normalize().getFileName().toString());
        return m.matches()
                ? "blocks." + m.group(1) + (m.group(2).isEmpty() ? ".hook_resid_post" : ".hook_mlp_out")
                : "";
    }

    private static Matrix matrix(SafetensorsFile file, String tensor, Path folder) {
        if (!file.has(tensor) || file.tensor(tensor).shape().size() != 2) {
            throw new LoupeException("The SAE " + folder + " lacks the matrix " + tensor + ".");
        }
        long rows = file.tensor(tensor).shape().get(0);
        Matrix m = Matrix.allocate(
                Arena.ofAuto(),
                rows,
                Math.toIntExact(file.tensor(tensor).shape().get(1)));
        file.readFloats(tensor, m.segment());
        return m;
    }

    private static float[] vector(SafetensorsFile file, String tensor, Path folder) {
        if (!file.has(tensor)) {
            throw new LoupeException("The SAE " + folder + " lacks the tensor " + tensor + ".");
        }
        return file.floats(tensor);
    }

    static void write(Sae sae, Path target) {
        if (sae.architecture() != Architecture.TOPK) {
            throw new UsageException("sparsify has TopK SAEs only, but " + sae.name() + " is "
                    + sae.architecture().id() + "; export it as saelens.");
        }
        if (sae.dOut() != sae.dIn()) {
            throw new UsageException("sparsify's transcoders write as many values as they read, but " + sae.name()
                    + " reads " + sae.dIn() + " and writes " + sae.dOut() + "; export it as saelens.");
        }
        Map<String, Object> cfg = new LinkedHashMap<>();
        cfg.put("activation", "topk");
        cfg.put("expansion_factor", Math.max(1, sae.dSae() / sae.dIn()));
        cfg.put("normalize_decoder", true);
        cfg.put("num_latents", sae.dSae());
        cfg.put("k", sae.k());
        cfg.put("multi_topk", false);
        cfg.put("skip_connection", sae.weights().skips());
        cfg.put("transcode", sae.isTranscoder());
        cfg.put("d_in", sae.dIn());
        AtomicFiles.writeFolder(target, temporary -> {
            Json.write(temporary.resolve(CONFIG), cfg);
            SafetensorsWriter writer = new SafetensorsWriter()
                    .add("encoder.weight", sae.encoderRows().segment(), sae.dSae(), sae.dIn())
                    .add("encoder.bias", PreBias.encoderBias(sae, !sae.isTranscoder()), sae.dSae())
                    .add("W_dec", sae.decoderRows().segment(), sae.dSae(), sae.dOut())
                    .add("b_dec", sae.bDec(), sae.dOut());
            if (sae.weights().skips()) {
                writer.add("W_skip", sae.weights().skip().segment(), sae.dOut(), sae.dIn());
            }
            writer.write(temporary.resolve(WEIGHTS));
        });
    }
}
