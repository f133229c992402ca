package dev.loupe.train;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import dev.loupe.model.SafetensorsFile;
import dev.loupe.model.SafetensorsWriter;
import dev.loupe.sae.SaeWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Everything a run needs to go on with the same bits: one safetensors file beside the SAE's future folder, replaced as a
 * whole, with a CRC32C of every tensor and what the run is in its header.
 */
record Checkpoint(TrainState state, Map<String, Double> objective, List<double[]> curves) {

    private static final String FORMAT = "1";

    /** What a run is; a checkpoint of any other run is not used. */
    record Identity(TrainConfig config, long seed, String data) {
        String text() {
            return Json.line(this);
        }
    }

    /** The file of an SAE that is being trained. */
    static Path file(Path saesDir, String name) {
        return saesDir.resolve("." + name + ".checkpoint.safetensors");
    }

    void write(Path file, Identity identity) {
        Map<String, MemorySegment> tensors = new LinkedHashMap<>();
        put(tensors, "", state.parameters());
        put(tensors, "m.", state.m());
        put(tensors, "v.", state.v());
        float[] since = new float[state.sinceFired().length];
        for (int i = 0; i < since.length; i++) {
            since[i] = Math.min(state.sinceFired()[i], 1 << 24); // exact in a float, and long dead
        }
        tensors.put("since_fired", MemorySegment.ofArray(since));
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("loupe_checkpoint", FORMAT);
        metadata.put("identity", identity.text());
        metadata.put("step", Long.toString(state.step()));
        metadata.put("objective", Json.line(objective));
        metadata.put("curves", Json.line(curves));
        SafetensorsWriter writer = new SafetensorsWriter();
        int d = state.parameters().dIn();
        tensors.forEach((name, values) -> {
            metadata.put("crc32c." + name, crc32c(values));
            long count = values.byteSize() / Float.BYTES;
            if (name.endsWith("encoder_rows") || name.endsWith("W_dec")) {
                writer.add(name, values, count / d, d);
            } else {
                writer.add(name, values, count);
            }
        });
        writer.metadata(metadata).write(file);
    }

    private static void put(Map<String, MemorySegment> tensors, String prefix, SaeWeights w) {
        tensors.put(prefix + "encoder_rows", w.encoderRows().segment());
        tensors.put(prefix + "W_dec", w.decoderRows().segment());
        tensors.put(prefix + "b_enc", MemorySegment.ofArray(w.bEnc()));
        tensors.put(prefix + "b_dec", MemorySegment.ofArray(w.bDec()));
        tensors.put(prefix + "threshold", MemorySegment.ofArray(w.threshold()));
    }

    /**
     * The checkpoint of a run, if there is one.
     *
     * @throws LoupeException if it is damaged
     */
    static Optional<Checkpoint> read(Path file, Identity identity, int d) {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try (SafetensorsFile in = SafetensorsFile.open(file)) {
            Map<String, String> metadata = in.metadata();
            if (!FORMAT.equals(metadata.get("loupe_checkpoint"))
                    || !identity.text().equals(metadata.get("identity"))) {
                return Optional.empty();
            }
            int n = identity.config().dSae();
            TrainState state = new TrainState(
                    weights(in, "", n, d),
                    weights(in, "m.", n, d),
                    weights(in, "v.", n, d),
                    ints(checked(in, "since_fired", n)),
                    Long.parseLong(String.valueOf(metadata.get("step"))));
            Map<String, Double> objective = new LinkedHashMap<>();
            Json.MAPPER
                    .readTree(String.valueOf(metadata.get("objective")))
                    .properties()
                    .forEach(e -> objective.put(e.getKey(), e.getValue().asDouble()));
            List<double[]> curves = new ArrayList<>(
                    List.of(Json.MAPPER.readValue(String.valueOf(metadata.get("curves")), double[][].class)));
            return Optional.of(new Checkpoint(state, objective, curves));
        } catch (NumberFormatException | tools.jackson.core.JacksonException e) {
            throw damaged(file, e);
        } catch (LoupeException e) {
            throw damaged(file, e);
        }
    }

    private static LoupeException damaged(Path file, RuntimeException e) {
        return new LoupeException(
                "The checkpoint " + file + " is damaged (" + e.getMessage()
                        + "): delete it and train again from the beginning.",
                e);
    }

    private static SaeWeights weights(SafetensorsFile in, String prefix, int n, int d) {
        float[] theta = checked(
                in, prefix + "threshold", in.tensor(prefix + "threshold").elements());
        return new SaeWeights(
                matrix(in, prefix + "encoder_rows", n, d),
                matrix(in, prefix + "W_dec", n, d),
                checked(in, prefix + "b_enc", n),
                checked(in, prefix + "b_dec", d),
                theta);
    }

    private static Matrix matrix(SafetensorsFile in, String name, int n, int d) {
        Matrix m = Matrix.allocate(Arena.ofAuto(), n, d);
        if (!in.tensor(name).hasShape(n, d)) {
            throw new LoupeException(
                    "tensor " + name + " has the shape " + in.tensor(name).shape());
        }
        in.readFloats(name, m.segment());
        check(in, name, m.segment());
        return m;
    }

    private static float[] checked(SafetensorsFile in, String name, long length) {
        float[] values = in.floats(name);
        if (values.length != length) {
            throw new LoupeException("tensor " + name + " has " + values.length + " values");
        }
        check(in, name, MemorySegment.ofArray(values));
        return values;
    }

    private static void check(SafetensorsFile in, String name, MemorySegment values) {
        if (!crc32c(values).equals(in.metadata().get("crc32c." + name))) {
            throw new LoupeException("tensor " + name + " does not match its checksum");
        }
    }

    private static String crc32c(MemorySegment values) {
        if (values.isNative()) {
            return Integer.toHexString(Checksums.crc32c(values));
        }
        try (Arena arena = Arena.ofConfined()) { // arrays of floats have no byte buffer of their own
            MemorySegment bytes = arena.allocate(values.byteSize(), 8);
            return Integer.toHexString(Checksums.crc32c(bytes.copyFrom(values)));
        }
    }

    private static int[] ints(float[] values) {
        int[] ints = new int[values.length];
        for (int i = 0; i < ints.length; i++) {
            ints[i] = (int) values[i];
        }
        return ints;
    }
}
