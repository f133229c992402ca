package dev.loupe.model;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a safetensors file of float32 tensors (github.com/huggingface/safetensors, "Format"): eight bytes with the length
 * of the header, a JSON header, the tensors in the order they were added. The file appears whole or not at all.
 */
public final class SafetensorsWriter {
    private static final int PIECE = 1 << 20;

    private final Map<String, Object> header = new LinkedHashMap<>();
    private final List<MemorySegment> data = new ArrayList<>();
    private long end;

    /** A file without tensors. */
    public SafetensorsWriter() {}

    /** Sets the free text entries of the header. */
    public SafetensorsWriter metadata(Map<String, String> entries) {
        header.put("__metadata__", Map.copyOf(entries));
        return this;
    }

    /**
     * Adds a float32 tensor. Its memory is read when the file is written.
     *
     * @param values row-major, native byte order, as many as the shape says
     */
    public SafetensorsWriter add(String name, MemorySegment values, long... shape) {
        long bytes = Float.BYTES;
        for (long dim : shape) {
            bytes = Math.multiplyExact(bytes, dim);
        }
        if (bytes != values.byteSize()) {
            throw new IllegalArgumentException(name + " needs " + bytes + " bytes, not " + values.byteSize());
        }
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("dtype", "F32");
        entry.put("shape", shape);
        entry.put("data_offsets", new long[] {end, end + bytes});
        if (header.put(name, entry) != null) {
            throw new IllegalArgumentException("the tensor " + name + " was added twice");
        }
        data.add(values);
        end += bytes;
        return this;
    }

    /** Adds a float32 tensor from an array. */
    public SafetensorsWriter add(String name, float[] values, long... shape) {
        return add(name, MemorySegment.ofArray(values), shape);
    }

    /**
     * Writes the file.
     *
     * @throws dev.loupe.base.LoupeException if that fails, for example because the disk is full
     */
    public void write(Path file) {
        String json = Json.line(header);
        int length = Math.ceilDiv(json.getBytes(StandardCharsets.UTF_8).length, 8) * 8; // tensors begin aligned
        byte[] padded = (json + " ".repeat(length - json.getBytes(StandardCharsets.UTF_8).length))
                .getBytes(StandardCharsets.UTF_8);
        AtomicFiles.write(file, out -> {
            out.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(length)
                    .array());
            out.write(padded);
            for (MemorySegment tensor : data) {
                copy(tensor, out);
            }
        });
    }

    private static void copy(MemorySegment tensor, OutputStream out) throws IOException {
        ValueLayout.OfInt little = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        byte[] piece = new byte[PIECE];
        MemorySegment target = MemorySegment.ofArray(piece);
        for (long at = 0; at < tensor.byteSize(); at += PIECE) {
            int count = (int) Math.min(PIECE, tensor.byteSize() - at);
            MemorySegment.copy(tensor, ValueLayout.JAVA_INT_UNALIGNED, at, target, little, 0, count / Integer.BYTES);
            out.write(piece, 0, count);
        }
    }
}
