package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.math.Parallel;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Two folders of synthetic SAEs of any width, written without holding them: every other latent of one has a partner at
 * cosine 0.8 in the other, at a place that a fixed odd factor decides; the others are random. Encoders are the decoders.
 */
final class WideFiles {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final long ODD = 48_271;
    private static final int SLAB = 512;

    private WideFiles() {}

    /** Writes one of the two. */
    static void write(Path folder, int latents, int width, boolean second) throws IOException {
        Files.createDirectories(folder);
        Json.write(
                folder.resolve("cfg.json"),
                Map.of(
                        "architecture",
                        "topk",
                        "d_in",
                        width,
                        "d_sae",
                        latents,
                        "k",
                        32,
                        "dtype",
                        "float32",
                        "apply_b_dec_to_input",
                        true,
                        "normalize_activations",
                        "none",
                        "metadata",
                        Map.of("model_name", "synthetic", "hook_name", "blocks.0.hook_resid_post")));
        long matrix = 4L * latents * width;
        Map<String, Object> header = new LinkedHashMap<>();
        long at = 0;
        at = tensor(header, "W_dec", at, latents, width);
        at = tensor(header, "W_enc", at, width, latents);
        at = tensor(header, "b_dec", at, width);
        at = tensor(header, "b_enc", at, latents);
        byte[] json = Json.line(header).getBytes(StandardCharsets.UTF_8);
        long data = 8L + json.length;
        try (FileChannel channel = FileChannel.open(
                        folder.resolve("sae_weights.safetensors"),
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE);
                Arena arena = Arena.ofShared()) {
            MemorySegment file = channel.map(FileChannel.MapMode.READ_WRITE, 0, data + at, arena);
            file.set(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0, json.length);
            MemorySegment.copy(MemorySegment.ofArray(json), 0, file, 8, json.length);
            Parallel.run(Math.ceilDiv(latents, SLAB), t -> {
                int from = t * SLAB;
                int count = Math.min(SLAB, latents - from);
                float[][] rows = new float[count][];
                for (int i = 0; i < count; i++) {
                    rows[i] = row(from + i, latents, width, second);
                    MemorySegment.copy(rows[i], 0, file, FLOAT, data + 4L * width * (from + i), width);
                }
                float[] line = new float[count];
                for (int c = 0; c < width; c++) {
                    for (int i = 0; i < count; i++) {
                        line[i] = rows[i][c];
                    }
                    MemorySegment.copy(line, 0, file, FLOAT, data + matrix + 4L * ((long) c * latents + from), count);
                }
            });
        }
    }

    private static long tensor(Map<String, Object> header, String name, long at, long... shape) {
        long bytes = 4;
        for (long s : shape) {
            bytes *= s;
        }
        header.put(name, Map.of("dtype", "F32", "shape", shape, "data_offsets", List.of(at, at + bytes)));
        return at + bytes;
    }

    private static float[] row(int i, int latents, int width, boolean second) {
        if (!second) {
            return random(i, width, 1, new float[width]);
        }
        int partner = (int) (i * ODD % latents); // a permutation where the number of latents is a power of two
        return partner % 2 == 0
                ? random(partner, width, 0.8f, random(latents + i, width, 0.6f, new float[width]))
                : random(2L * latents + i, width, 1, new float[width]);
    }

    /** Adds a random vector of about this length. */
    private static float[] random(long seed, int width, float length, float[] row) {
        SplittableRandom random = new SplittableRandom(seed);
        float scale = (float) (length / Math.sqrt(width / 3.0)); // uniform in [-1, 1]
        for (int c = 0; c < width; c += 2) {
            long bits = random.nextLong();
            row[c] += scale * ((int) bits * 0x1p-31f);
            if (c + 1 < width) {
                row[c + 1] += scale * ((int) (bits >> 32) * 0x1p-31f);
            }
        }
        return row;
    }
}
