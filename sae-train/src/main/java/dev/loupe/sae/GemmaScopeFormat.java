package dev.loupe.sae;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The {@code params.npz} of Gemma Scope (arXiv 2408.05147): W_enc [d_in, d_sae], W_dec [d_sae, d_out], b_enc, b_dec,
 * threshold, all float32. JumpReLU without pre-bias; a latent must also be positive to act, which thresholds of 0 or more
 * say already.
 */
final class GemmaScopeFormat {
    private GemmaScopeFormat() {}

    static Sae read(Path file, String name, String model, String hook) {
        Map<String, NpzFile.Array> arrays = new LinkedHashMap<>();
        NpzFile.read(file).forEach((key, value) -> arrays.put(key.toLowerCase(Locale.ROOT), value));
        for (String required : List.of("w_enc", "w_dec", "b_enc", "b_dec", "threshold")) {
            if (!arrays.containsKey(required)) {
                throw new LoupeException(
                        "The file " + file + " is no SAE of Gemma Scope: it has no array " + required + ".");
            }
        }
        Matrix encoder = matrix(arrays, "w_enc", file).transposed(Arena.ofAuto());
        float[] threshold = array(arrays, "threshold").values().clone();
        for (int i = 0; i < threshold.length; i++) {
            threshold[i] = Math.max(0, threshold[i]);
        }
        SaeWeights weights = new SaeWeights(
                encoder,
                matrix(arrays, "w_dec", file),
                array(arrays, "b_enc").values(),
                array(arrays, "b_dec").values(),
                threshold);
        boolean transcodes = weights.bDec().length != weights.dIn();
        SaeConfig config =
                new SaeConfig(Architecture.JUMPRELU, 0, false, model, hook, transcodes ? "unknown" : "", Map.of());
        return new Sae(name, config, weights, SaeProvenance.unknown());
    }

    private static NpzFile.Array array(Map<String, NpzFile.Array> arrays, String key) {
        NpzFile.Array a = arrays.get(key);
        if (a == null) {
            throw new IllegalStateException(key);
        }
        return a;
    }

    private static Matrix matrix(Map<String, NpzFile.Array> arrays, String key, Path file) {
        NpzFile.Array a = array(arrays, key);
        if (a.shape().size() != 2) {
            throw new LoupeException("In the file " + file + " the array " + key + " has the shape " + a.shape()
                    + " where a matrix should be.");
        }
        return Matrix.copyOf(a.values(), a.shape().get(0), a.shape().get(1));
    }

    static void write(Sae sae, Path target) {
        if (sae.architecture() == Architecture.TOPK || sae.weights().skips()) {
            throw new UsageException("Gemma Scope's files hold thresholds, but " + sae.name() + " is "
                    + (sae.weights().skips() ? "a skip transcoder" : "TopK") + "; export it as saelens.");
        }
        float[] threshold = sae.threshold().length > 0 ? sae.threshold() : new float[sae.dSae()];
        List<NpzFile.Named> arrays = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            arrays.add(named("W_enc", sae.encoderRows().transposed(arena)));
            arrays.add(named("W_dec", sae.decoderRows()));
            arrays.add(named("b_enc", PreBias.encoderBias(sae, false)));
            arrays.add(named("b_dec", sae.bDec()));
            arrays.add(named("threshold", threshold));
            NpzFile.write(target, arrays);
        }
    }

    private static NpzFile.Named named(String name, Matrix m) {
        float[] values = m.segment().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED);
        return new NpzFile.Named(name, new NpzFile.Array(List.of((int) m.rows(), m.cols()), values));
    }

    private static NpzFile.Named named(String name, float[] values) {
        return new NpzFile.Named(name, new NpzFile.Array(List.of(values.length), values));
    }
}
