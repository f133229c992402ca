package dev.loupe.sae;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.model.HookPoint;
import dev.loupe.model.SafetensorsFile;
import dev.loupe.model.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The folders of circuit-tracer. A transcoder set: {@code layer_0.safetensors}, ... with W_enc [d_sae, d_model], W_dec
 * [d_sae, d_model], b_enc, b_dec, for JumpReLU activation_function.threshold and with a skip connection W_skip [d_model,
 * d_model]. A cross-layer transcoder: {@code W_enc_0.safetensors}, ... with W_enc_0, b_enc_0, b_dec_0 and threshold_0, and
 * {@code W_dec_0.safetensors}, ... with W_dec_0 [d_sae, n_layers − 0, d_model]. {@code config.yaml} names the places
 * ({@code feature_input_hook} within a block), the model and the kind.
 */
public final class CircuitTracerFormat {
    private static final String CONFIG = "config.yaml";
    private static final String THRESHOLD = "activation_function.threshold";
    private static final Pattern ENTRY = Pattern.compile("([a-z_]+):\\s*[\"']?([^\"'#]*?)[\"']?\\s*");

    private CircuitTracerFormat() {}

    /** Whether a folder looks like one of these. */
    public static boolean is(Path folder) {
        return Files.isRegularFile(folder.resolve("layer_0.safetensors"))
                || Files.isRegularFile(folder.resolve("W_enc_0.safetensors"));
    }

    /**
     * Reads a folder.
     *
     * @param model id of the language model; empty to take it from {@code config.yaml}
     * @throws LoupeException if it is damaged or none of these
     */
    public static TranscoderSet read(Path folder, String name, String model) {
        if (!is(folder)) {
            throw new NotFoundException(
                    "The folder " + folder + " is no transcoder set of circuit-tracer: it has neither"
                            + " layer_0.safetensors nor W_enc_0.safetensors.");
        }
        Map<String, String> config = config(folder);
        boolean cross = Files.isRegularFile(folder.resolve("W_enc_0.safetensors"));
        int count = 0;
        while (Files.isRegularFile(folder.resolve((cross ? "W_enc_" : "layer_") + count + ".safetensors"))) {
            count++;
        }
        String in = config.getOrDefault("feature_input_hook", "hook_resid_mid");
        String out = config.getOrDefault("feature_output_hook", "hook_mlp_out");
        List<Sae> layers = new ArrayList<>();
        for (int l = 0; l < count; l++) {
            List<String> written = new ArrayList<>();
            for (int m = l; m < (cross ? count : l + 1); m++) {
                written.add(HookPoint.block(m, out).name());
            }
            SaeWeights weights =
                    cross ? crossLayer(folder, l, count) : layer(folder.resolve("layer_" + l + ".safetensors"));
            SaeConfig c = new SaeConfig(
                    weights.threshold().length > 0 ? Architecture.JUMPRELU : Architecture.RELU,
                    0,
                    false,
                    model.isEmpty() ? config.getOrDefault("model_name", "") : model,
                    HookPoint.block(l, in).name(),
                    String.join(",", written),
                    Map.of());
            layers.add(new Sae(TranscoderSet.nameOf(name, l), c, weights, SaeProvenance.unknown()));
        }
        return new TranscoderSet(name, layers);
    }

    private static SaeWeights layer(Path path) {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            Matrix encoder = matrix(file, "W_enc", path);
            return new SaeWeights(
                    encoder,
                    matrix(file, "W_dec", path),
                    vector(file, "b_enc", path),
                    vector(file, "b_dec", path),
                    threshold(file, THRESHOLD, path),
                    file.has("W_skip")
                            ? matrix(file, "W_skip", path)
                            : Matrix.allocate(Arena.ofAuto(), 0, encoder.cols()));
        }
    }

    private static SaeWeights crossLayer(Path folder, int l, int layers) {
        Path encPath = folder.resolve("W_enc_" + l + ".safetensors");
        Path decPath = folder.resolve("W_dec_" + l + ".safetensors");
        try (SafetensorsFile enc = SafetensorsFile.open(encPath);
                SafetensorsFile dec = SafetensorsFile.open(decPath)) {
            float[] own = vector(enc, "b_dec_" + l, encPath);
            float[] bDec = new float[Math.multiplyExact(own.length, layers - l)];
            System.arraycopy(own, 0, bDec, 0, own.length);
            String tensor = "W_dec_" + l;
            float[] bEnc = vector(enc, "b_enc_" + l, encPath);
            if (!dec.has(tensor) || !dec.tensor(tensor).hasShape(bEnc.length, layers - l, own.length)) {
                throw new LoupeException("The file " + decPath + " lacks the tensor " + tensor + " of shape ["
                        + bEnc.length + ", " + (layers - l) + ", " + own.length + "].");
            }
            Matrix decoder = Matrix.allocate(Arena.ofAuto(), bEnc.length, bDec.length);
            dec.readFloats(tensor, decoder.segment());
            return new SaeWeights(
                    matrix(enc, "W_enc_" + l, encPath), decoder, bEnc, bDec, threshold(enc, "threshold_" + l, encPath));
        }
    }

    private static Matrix matrix(SafetensorsFile file, String tensor, Path path) {
        if (!file.has(tensor) || file.tensor(tensor).shape().size() != 2) {
            throw new LoupeException("The file " + path + " lacks the matrix " + tensor + ".");
        }
        List<Long> shape = file.tensor(tensor).shape();
        Matrix m = Matrix.allocate(Arena.ofAuto(), shape.get(0), Math.toIntExact(shape.get(1)));
        file.readFloats(tensor, m.segment());
        return m;
    }

    private static float[] vector(SafetensorsFile file, String tensor, Path path) {
        if (!file.has(tensor)) {
            throw new LoupeException("The file " + path + " lacks the tensor " + tensor + ".");
        }
        return file.floats(tensor);
    }

    private static float[] threshold(SafetensorsFile file, String tensor, Path path) {
        if (!file.has(tensor)) {
            return new float[0];
        }
        float[] theta = file.floats(tensor);
        for (float t : theta) {
            if (!(t >= 0)) {
                throw new LoupeException("The file " + path + " has a threshold of " + t
                        + "; Loupe's JumpReLU needs thresholds of 0 or more.");
            }
        }
        return theta;
    }

    /**
     * Writes a set as a folder that appears whole or not at all.
     *
     * @throws UsageException if circuit-tracer has no such transcoders
     */
    public static void write(TranscoderSet set, Path target) {
        String in = within(set, false);
        String out = within(set, true);
        for (int l = 0; l < set.size(); l++) {
            Sae s = set.layer(l);
            if (s.architecture() == Architecture.TOPK) {
                throw new UsageException("circuit-tracer's files hold ReLU and JumpReLU transcoders, but " + s.name()
                        + " is TopK; train with batchtopk, which ends as JumpReLU.");
            }
            if (s.dIn() != set.dOut() || s.dSae() != set.dSae(0)) {
                throw new UsageException(
                        "circuit-tracer's sets have layers of one size that write as many values as they"
                                + " read, but " + s.name() + " reads " + s.dIn() + ", writes " + set.dOut()
                                + " and has "
                                + s.dSae() + " latents.");
            }
        }
        AtomicFiles.writeFolder(target, temporary -> {
            for (int l = 0; l < set.size(); l++) {
                if (set.crossLayer()) {
                    writeCross(set, l, temporary);
                } else {
                    writeLayer(set.layer(l), temporary.resolve("layer_" + l + ".safetensors"));
                }
            }
            Files.writeString(temporary.resolve(CONFIG), """
                    model_name: "%s"
                    model_kind: "%s"
                    feature_input_hook: "%s"
                    feature_output_hook: "%s"
                    """.formatted(
                            set.modelId(), set.crossLayer() ? "cross_layer_transcoder" : "transcoder_set", in, out));
        });
    }

    private static void writeLayer(Sae s, Path path) {
        SafetensorsWriter writer = new SafetensorsWriter()
                .add("W_enc", s.encoderRows().segment(), s.dSae(), s.dIn())
                .add("W_dec", s.decoderRows().segment(), s.dSae(), s.dOut())
                .add("b_enc", s.bEnc(), s.dSae())
                .add("b_dec", s.bDec(), s.dOut());
        if (s.threshold().length > 0) {
            writer.add(THRESHOLD, s.threshold(), s.dSae());
        }
        if (s.weights().skips()) {
            writer.add("W_skip", s.weights().skip().segment(), s.dOut(), s.dIn());
        }
        writer.write(path);
    }

    private static void writeCross(TranscoderSet set, int l, Path folder) {
        Sae s = set.layer(l);
        SafetensorsWriter writer = new SafetensorsWriter()
                .add("W_enc_" + l, s.encoderRows().segment(), s.dSae(), s.dIn())
                .add("b_enc_" + l, s.bEnc(), s.dSae())
                .add("b_dec_" + l, set.bDec(l), set.dOut());
        if (s.threshold().length > 0) {
            writer.add("threshold_" + l, s.threshold(), s.dSae());
        }
        writer.write(folder.resolve("W_enc_" + l + ".safetensors"));
        new SafetensorsWriter()
                .add("W_dec_" + l, s.decoderRows().segment(), s.dSae(), set.size() - l, set.dOut())
                .write(folder.resolve("W_dec_" + l + ".safetensors"));
    }

    /** The place within a block; {@code hook_mlp_in} is the value of {@code hook_resid_mid}, which circuit-tracer reads. */
    private static String within(TranscoderSet set, boolean written) {
        String local = (written ? set.hookOut(0) : set.hookIn(0)).local();
        for (int l = 0; l < set.size(); l++) {
            HookPoint hook = written ? set.hookOut(l) : set.hookIn(l);
            if (!hook.equals(HookPoint.block(l, local))) {
                throw new UsageException(
                        "circuit-tracer's sets have the same place of every layer from 0 on, but layer " + l + " of "
                                + set.name() + " has " + hook.name() + ".");
            }
        }
        return local.equals("hook_mlp_in") ? "hook_resid_mid" : local;
    }

    private static Map<String, String> config(Path folder) {
        Map<String, String> entries = new LinkedHashMap<>();
        if (Files.isRegularFile(folder.resolve(CONFIG))) {
            try {
                for (String line : Files.readAllLines(folder.resolve(CONFIG))) {
                    var m = ENTRY.matcher(line);
                    if (m.matches() && !m.group(2).isBlank()) {
                        entries.put(m.group(1), m.group(2));
                    }
                }
            } catch (IOException e) {
                throw new LoupeException("The file " + folder.resolve(CONFIG) + " cannot be read.", e);
            }
        }
        return entries;
    }
}
