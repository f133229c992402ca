package dev.loupe.train;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import dev.loupe.model.SafetensorsFile;
import dev.loupe.model.SafetensorsWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Everything a run needs to go on with the same bits: one safetensors file beside the SAE's future folder, replaced as a
 * whole, with a CRC32C of every tensor and what the run is in its header.
 */
record Checkpoint(
        TrainState state,
        Map<String, Double> objective,
        List<double[]> curves,
        @Nullable EngineNote engine) {

    private static final String FORMAT = "2";

    /** {@link Parameters#vectors}. */
    private static final List<String> VECTORS = List.of("b_enc", "b_dec", "threshold", "b_mag", "r_mag");

    /** What a run is; a checkpoint of any other run is refused. */
    record Identity(TrainConfig config, long seed, String data) {
        Identity {
            config = config.ofResult();
        }

        /** What a run on rows is. */
        static Identity of(
                TrainConfig config, long seed, BatchSource data, BatchSource target, @Nullable InitFrom from) {
            String rows = data == target ? data.fingerprint() : data.fingerprint() + " -> " + target.fingerprint();
            return new Identity(config, seed, from == null ? rows : rows + " from " + from.checksum());
        }

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
        if (state.average() != null) {
            put(tensors, "average.", state.average());
        }
        float[] since = new float[state.sinceFired().length];
        for (int i = 0; i < since.length; i++) {
            since[i] = Math.min(state.sinceFired()[i], 1 << 24); // exact in a float, and long dead
        }
        tensors.put("since_fired", MemorySegment.ofArray(since));
        tensors.put("activity", MemorySegment.ofArray(state.activity())); // the bits of doubles, as pairs of floats
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("loupe_checkpoint", FORMAT);
        metadata.put("identity", identity.text());
        metadata.put("step", Long.toString(state.step()));
        metadata.put("objective", Json.line(objective));
        metadata.put("curves", Json.line(curves));
        if (engine != null) {
            metadata.put("engine", Json.line(engine));
        }
        SafetensorsWriter writer = new SafetensorsWriter();
        int dIn = state.parameters().dIn();
        int dOut = state.parameters().dOut();
        tensors.forEach((name, values) -> {
            metadata.put("crc32c." + name, crc32c(values));
            long count = values.byteSize() / Float.BYTES;
            if (name.endsWith("encoder_rows") || name.endsWith("W_skip")) {
                writer.add(name, values, count / dIn, dIn);
            } else if (name.endsWith("W_dec")) {
                writer.add(name, values, count / dOut, dOut);
            } else {
                writer.add(name, values, count);
            }
        });
        writer.metadata(metadata).write(file);
    }

    private static void put(Map<String, MemorySegment> tensors, String prefix, Parameters w) {
        tensors.put(prefix + "encoder_rows", w.encoderRows().segment());
        tensors.put(prefix + "W_dec", w.decoderRows().segment());
        tensors.put(prefix + "W_skip", w.skip().segment());
        for (int v = 0; v < VECTORS.size(); v++) {
            tensors.put(
                    prefix + VECTORS.get(v), MemorySegment.ofArray(w.vectors().get(v)));
        }
    }

    /**
     * The checkpoint of a run, if there is one.
     *
     * @throws LoupeException if it is damaged, or of another run
     */
    static Optional<Checkpoint> read(Path file, Identity identity) {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try (SafetensorsFile in = SafetensorsFile.open(file)) {
            Map<String, String> metadata = in.metadata();
            refuseOther(file, metadata, identity);
            TrainState state = new TrainState(
                    parameters(in, ""),
                    parameters(in, "m."),
                    parameters(in, "v."),
                    in.has("average.W_dec") ? parameters(in, "average.") : null,
                    ints(checked(in, "since_fired")),
                    doubles(checked(in, "activity")),
                    Long.parseLong(String.valueOf(metadata.get("step"))));
            Map<String, Double> objective = new LinkedHashMap<>();
            Json.MAPPER
                    .readTree(String.valueOf(metadata.get("objective")))
                    .properties()
                    .forEach(e -> objective.put(e.getKey(), e.getValue().asDouble()));
            List<double[]> curves = new ArrayList<>(
                    List.of(Json.MAPPER.readValue(String.valueOf(metadata.get("curves")), double[][].class)));
            String engine = metadata.get("engine");
            return Optional.of(new Checkpoint(
                    state, objective, curves, engine == null ? null : Json.MAPPER.readValue(engine, EngineNote.class)));
        } catch (NumberFormatException | tools.jackson.core.JacksonException e) {
            throw damaged(file, e);
        } catch (OtherRun e) {
            throw e;
        } catch (LoupeException e) {
            throw damaged(file, e);
        }
    }

    /**
     * Looks whether a run can begin or go on, before anything is done for it.
     *
     * @param identity asked for only if there is a checkpoint
     * @throws LoupeException if there is one, and it is of another run
     */
    static void check(Path file, Supplier<Identity> identity) {
        if (!Files.isRegularFile(file)) {
            return;
        }
        try (SafetensorsFile in = SafetensorsFile.open(file)) {
            refuseOther(file, in.metadata(), identity.get());
        }
    }

    /** Deletes what is left of another run, or damaged, where nobody else writes: a run by another process begins anew. */
    static void discardOther(Path file, Supplier<Identity> identity) {
        try {
            check(file, identity);
        } catch (LoupeException otherOrDamaged) {
            AtomicFiles.delete(file);
        }
    }

    private static final class OtherRun extends LoupeException {
        OtherRun(String message) {
            super(message);
        }
    }

    private static void refuseOther(Path file, Map<String, String> metadata, Identity identity) {
        String of = null;
        if (!FORMAT.equals(metadata.get("loupe_checkpoint"))) {
            of = "was written by another version of Loupe";
        } else if (!identity.text().equals(metadata.get("identity"))) {
            of = "is of a run with other " + differences(String.valueOf(metadata.get("identity")), identity);
        }
        if (of != null) {
            throw new OtherRun("The checkpoint " + file + " (step " + metadata.get("step") + ") " + of
                    + ": move it away or delete it to begin anew, or train under another name.");
        }
    }

    private static String differences(String other, Identity identity) {
        JsonNode theirs = Json.MAPPER.readTree(other);
        JsonNode ours = Json.MAPPER.readTree(identity.text());
        List<String> settings = new ArrayList<>();
        ours.path("config").properties().forEach(e -> {
            if (!e.getValue().equals(theirs.path("config").path(e.getKey()))
                    && !e.getKey().equals("recipe")) {
                settings.add(e.getKey());
            }
        });
        List<String> parts = new ArrayList<>();
        if (!ours.path("config").equals(theirs.path("config"))) {
            parts.add("settings" + (settings.isEmpty() ? "" : " (" + String.join(", ", settings) + ")"));
        }
        if (!ours.path("seed").equals(theirs.path("seed"))) {
            parts.add("seed");
        }
        if (!ours.path("data").equals(theirs.path("data"))) {
            parts.add("data");
        }
        return String.join(" and other ", parts);
    }

    private static LoupeException damaged(Path file, RuntimeException e) {
        return new LoupeException(
                "The checkpoint " + file + " is damaged (" + e.getMessage()
                        + "): delete it and train again from the beginning.",
                e);
    }

    private static Parameters parameters(SafetensorsFile in, String prefix) {
        return new Parameters(
                matrix(in, prefix + "encoder_rows"),
                matrix(in, prefix + "W_dec"),
                checked(in, prefix + "b_enc"),
                checked(in, prefix + "b_dec"),
                checked(in, prefix + "threshold"),
                checked(in, prefix + "b_mag"),
                checked(in, prefix + "r_mag"),
                matrix(in, prefix + "W_skip"));
    }

    private static Matrix matrix(SafetensorsFile in, String name) {
        List<Long> shape = in.tensor(name).shape();
        Matrix m = Matrix.allocate(Arena.ofAuto(), shape.get(0), Math.toIntExact(shape.get(1)));
        in.readFloats(name, m.segment());
        check(in, name, m.segment());
        return m;
    }

    private static float[] checked(SafetensorsFile in, String name) {
        float[] values = in.floats(name);
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

    private static double[] doubles(float[] pairs) {
        return MemorySegment.ofArray(pairs).toArray(ValueLayout.JAVA_DOUBLE_UNALIGNED);
    }

    private static int[] ints(float[] values) {
        int[] ints = new int[values.length];
        for (int i = 0; i < ints.length; i++) {
            ints[i] = (int) values[i];
        }
        return ints;
    }
}
