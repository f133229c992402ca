package dev.loupe.sae;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.VersionedJson;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import dev.loupe.model.SafetensorsFile;
import dev.loupe.model.SafetensorsWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The folder of an SAE in SAELens' layout of version 6: {@code cfg.json}, {@code sae_weights.safetensors} with W_enc
 * [d_in, d_sae], W_dec [d_sae, d_in], b_enc, b_dec, for JumpReLU threshold (gated SAEs and checkpoints of BatchTopK training
 * are read as the JumpReLU SAEs that do the same) and for transcoders with a skip connection
 * W_skip; beside them {@code loupe.json}.
 */
public final class SaeFiles {
    static final String CONFIG = "cfg.json";
    static final String WEIGHTS = "sae_weights.safetensors";
    static final String PROVENANCE = "loupe.json";

    private static final Set<String> KNOWN = Set.of(
            "W_enc",
            "W_dec",
            "b_enc",
            "b_dec",
            "threshold",
            "log_threshold",
            "topk_threshold",
            "scaling_factor",
            "W_skip",
            "b_gate",
            "b_mag",
            "r_mag");

    private SaeFiles() {}

    /** Whether a folder looks like an SAE: it holds a config and weights. */
    public static boolean isSae(Path folder) {
        return Files.isRegularFile(folder.resolve(CONFIG)) && Files.isRegularFile(folder.resolve(WEIGHTS));
    }

    /**
     * Writes an SAE folder that appears whole or not at all.
     *
     * @param more writes further files into the folder before it appears
     */
    public static void save(Sae sae, Path target, Consumer<Path> more) {
        AtomicFiles.writeFolder(target, temporary -> {
            Json.write(temporary.resolve(CONFIG), SaeLensConfig.write(sae));
            SaeWeights w = sae.weights();
            try (Arena arena = Arena.ofConfined()) {
                SafetensorsWriter writer = new SafetensorsWriter()
                        .add(
                                "W_dec",
                                w.decoderRows().segment(),
                                w.dSae(),
                                w.decoderRows().cols())
                        .add("W_enc", w.encoderRows().transposed(arena).segment(), w.dIn(), w.dSae())
                        .add("b_dec", w.bDec(), w.bDec().length)
                        .add("b_enc", w.bEnc(), w.dSae());
                if (w.threshold().length > 0) {
                    writer.add("threshold", w.threshold(), w.dSae());
                }
                if (w.skips()) {
                    writer.add("W_skip", w.skip().segment(), w.skip().rows(), w.dIn());
                }
                writer.write(temporary.resolve(WEIGHTS));
            }
            Json.write(temporary.resolve(PROVENANCE), sae.provenance());
            more.accept(temporary);
        });
    }

    static Sae open(Path folder) {
        Head head = head(folder);
        SaeLensConfig.Read cfg = head.cfg();
        SaeWeights weights;
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(WEIGHTS))) {
            weights = weights(file, cfg, folder);
        }
        if (cfg.foldDecoderNorms()) {
            weights = foldDecoderNorms(weights);
        }
        return new Sae(head.name(), folder, cfg.config(), weights, head.provenance());
    }

    /** What a folder says of an SAE beside its weights. */
    record Head(String name, SaeLensConfig.Read cfg, SaeProvenance provenance) {}

    static Head head(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new NotFoundException("There is no SAE " + folder + ".");
        }
        if (!Files.isRegularFile(folder.resolve(CONFIG))) {
            throw new NotFoundException("The folder " + folder + " is no SAE: it has no " + CONFIG + ".");
        }
        SaeLensConfig.Read cfg = SaeLensConfig.read(Json.tree(folder.resolve(CONFIG)), folder);
        SaeProvenance provenance =
                Files.isRegularFile(folder.resolve(PROVENANCE)) ? provenance(folder) : SaeProvenance.unknown();
        return new Head(folder.toAbsolutePath().normalize().getFileName().toString(), cfg, provenance);
    }

    /**
     * Where an SAE says it comes from; the folder holds {@code loupe.json}.
     *
     * @throws dev.loupe.base.NewerFormatException if a later Loupe wrote it
     */
    public static SaeProvenance provenance(Path folder) {
        return VersionedJson.read(folder.resolve(PROVENANCE), "SAE " + folder.getFileName(), SaeProvenance.class);
    }

    /** Names and shapes of the tensors that every SAE has. */
    static void checkTensors(SafetensorsFile file, SaeLensConfig.Read cfg, Path folder) {
        for (String tensor : file.tensors().keySet()) {
            if (!KNOWN.contains(tensor)) {
                throw new LoupeException("The SAE " + folder + " holds a tensor \"" + tensor
                        + "\" that belongs to a kind of SAE that Loupe does not read.");
            }
        }
        boolean gated = cfg.gated();
        if (gated != file.has("b_gate")) {
            throw new LoupeException("The SAE " + folder + (gated ? " is gated but lacks" : " is not gated but has")
                    + " the tensor b_gate.");
        }
        for (String required :
                List.of("W_enc", "W_dec", gated ? "b_mag" : "b_enc", gated ? "r_mag" : "b_dec", "b_dec")) {
            if (!file.has(required)) {
                throw new LoupeException("The SAE " + folder + " lacks the tensor " + required + ".");
            }
        }
        int d = cfg.dIn();
        int n = cfg.dSae();
        shape(file, "W_enc", folder, d, n);
        int dOut = cfg.dOut();
        shape(file, "W_dec", folder, n, dOut);
        for (String vector : gated ? List.of("b_gate", "b_mag", "r_mag") : List.of("b_enc")) {
            shape(file, vector, folder, n);
        }
        shape(file, "b_dec", folder, dOut);
    }

    private static SaeWeights weights(SafetensorsFile file, SaeLensConfig.Read cfg, Path folder) {
        checkTensors(file, cfg, folder);
        int d = cfg.dIn();
        int n = cfg.dSae();
        int dOut = cfg.dOut();
        // the matrices live as long as the Sae: their memory is freed by the garbage collector
        Matrix encoder;
        try (Arena arena = Arena.ofShared()) {
            Matrix columns = Matrix.allocate(arena, d, n);
            file.readFloats("W_enc", columns.segment());
            encoder = columns.transposed(Arena.ofAuto());
        }
        Matrix decoder = Matrix.allocate(Arena.ofAuto(), n, dOut);
        file.readFloats("W_dec", decoder.segment());
        Matrix skip = Matrix.allocate(Arena.ofAuto(), file.has("W_skip") ? dOut : 0, d);
        if (file.has("W_skip")) {
            shape(file, "W_skip", folder, dOut, d);
            file.readFloats("W_skip", skip.segment());
        }
        SaeWeights weights = cfg.gated()
                ? GatedWeights.asJumpRelu(
                        encoder,
                        decoder,
                        file.floats("b_gate"),
                        file.floats("b_mag"),
                        file.floats("r_mag"),
                        file.floats("b_dec"))
                : new SaeWeights(
                        encoder,
                        decoder,
                        file.floats("b_enc"),
                        file.floats("b_dec"),
                        threshold(file, cfg, folder),
                        skip);
        finite(skip.segment(), "W_skip", folder);
        finite(encoder.segment(), "W_enc", folder);
        finite(decoder.segment(), "W_dec", folder);
        finite(MemorySegment.ofArray(weights.bEnc()), "b_enc", folder);
        finite(MemorySegment.ofArray(weights.bDec()), "b_dec", folder);
        finite(MemorySegment.ofArray(weights.threshold()), "threshold", folder);
        if (file.has("scaling_factor")) {
            for (float f : file.floats("scaling_factor")) {
                if (f != 1) {
                    throw new LoupeException(
                            "The SAE " + folder
                                    + " has a scaling_factor other than 1 (an old finetuning format that Loupe does not read).");
                }
            }
        }
        return weights;
    }

    private static float[] threshold(SafetensorsFile file, SaeLensConfig.Read cfg, Path folder) {
        if (cfg.config().architecture() != Architecture.JUMPRELU) {
            return new float[0];
        }
        if (file.has("topk_threshold")) {
            float[] all = new float[cfg.dSae()];
            java.util.Arrays.fill(all, Math.max(0, file.floats("topk_threshold")[0]));
            return all;
        }
        String tensor = file.has("threshold") ? "threshold" : "log_threshold";
        if (!file.has(tensor)) {
            throw new LoupeException("The JumpReLU SAE " + folder + " lacks the tensor threshold.");
        }
        shape(file, tensor, folder, cfg.dSae());
        float[] theta = file.floats(tensor);
        if (tensor.equals("log_threshold")) {
            for (int i = 0; i < theta.length; i++) {
                theta[i] = (float) Math.exp(theta[i]);
            }
        }
        return theta;
    }

    private static void shape(SafetensorsFile file, String tensor, Path folder, long... expected) {
        if (!file.tensor(tensor).hasShape(expected)) {
            throw new LoupeException("In the SAE " + folder + " the tensor " + tensor + " has the shape "
                    + file.tensor(tensor).shape() + ", but " + CONFIG + " says " + java.util.Arrays.toString(expected)
                    + ".");
        }
    }

    private static void finite(MemorySegment values, String tensor, Path folder) {
        long n = values.byteSize() / Float.BYTES;
        for (long at = 0; at < n; at += 1 << 16) { // a sum of squares shows every NaN and infinity
            int count = (int) Math.min(1 << 16, n - at);
            if (!Float.isFinite(VectorOps.sumSquares(values, at * Float.BYTES, count))) {
                throw new LoupeException("In the SAE " + folder + " the tensor " + tensor + " holds NaN or infinity.");
            }
        }
    }

    /** Selecting on π·‖W_dec,i‖ is selecting on π of an SAE whose decoder rows have norm one. */
    private static SaeWeights foldDecoderNorms(SaeWeights w) {
        for (int i = 0; i < w.dSae(); i++) {
            MemorySegment dec = w.decoderRows().segment();
            long row = w.decoderRows().offset(i);
            float norm = Math.max(1e-8f, (float)
                    Math.sqrt(VectorOps.sumSquares(dec, row, w.decoderRows().cols())));
            VectorOps.scale(1 / norm, dec, row, w.decoderRows().cols());
            VectorOps.scale(norm, w.encoderRows().segment(), w.encoderRows().offset(i), w.dIn());
            w.bEnc()[i] *= norm;
        }
        return w;
    }
}
