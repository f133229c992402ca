package dev.loupe.model;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.kernel.Storage;
import dev.loupe.kernel.StoredMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors file mapped into memory: eight bytes with the length of the header, a JSON header, the tensors
 * (github.com/huggingface/safetensors, "Format"). Nothing in the file is trusted before it is checked, offsets are 64
 * bits wide, and the mapping ends with {@link #close}.
 */
public final class SafetensorsFile implements AutoCloseable {
    private static final ValueLayout.OfLong LENGTH = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path path;
    private final Arena arena;
    private final MemorySegment file;
    private final MemorySegment data;
    private final SafetensorsHeader header;
    private final FileState state;

    private SafetensorsFile(
            Path path, Arena arena, MemorySegment file, MemorySegment data, SafetensorsHeader header, FileState state) {
        this.path = path;
        this.state = state;
        this.arena = arena;
        this.file = file;
        this.data = data;
        this.header = header;
    }

    /**
     * Maps a file and checks its header.
     *
     * @throws NotFoundException if there is no such file
     * @throws LoupeException if the file is truncated or its header does not fit it, saying how
     */
    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as the object: close() ends it
    public static SafetensorsFile open(Path path) {
        if (!Files.isRegularFile(path)) {
            throw new NotFoundException("There is no weights file " + path + ".");
        }
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long size = channel.size();
            if (size < 8) {
                throw SafetensorsHeader.damaged(path, "it has only " + size + " bytes");
            }
            MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            long length = file.get(LENGTH, 0);
            if (length < 2 || length > SafetensorsHeader.MAX_HEADER) {
                throw SafetensorsHeader.damaged(
                        path, "it claims a header of " + Long.toUnsignedString(length) + " bytes");
            }
            if (length > size - 8) {
                throw SafetensorsHeader.damaged(
                        path, "it claims a header of " + length + " bytes but only " + (size - 8) + " follow");
            }
            byte[] json = file.asSlice(8, length).toArray(JAVA_BYTE);
            SafetensorsHeader header = SafetensorsHeader.parse(json, size - 8 - length, path);
            return new SafetensorsFile(path, arena, file, file.asSlice(8 + length), header, FileState.of(path));
        } catch (IOException e) {
            arena.close();
            throw new LoupeException("The weights file " + path + " cannot be read (" + e.getMessage() + ").", e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** The file. */
    public Path path() {
        return path;
    }

    /** Every tensor by name, in the order of the file. */
    public Map<String, TensorEntry> tensors() {
        return header.tensors();
    }

    /** The free text entries of the header. */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /** Whether there is a tensor of this name. */
    public boolean has(String name) {
        return header.tensors().containsKey(name);
    }

    /** A tensor's description; {@link NotFoundException} if there is none of this name. */
    public TensorEntry tensor(String name) {
        TensorEntry entry = header.tensors().get(name);
        if (entry == null) {
            throw new NotFoundException("The weights file " + path + " has no tensor \"" + name + "\".");
        }
        return entry;
    }

    /** A tensor's bytes, little endian, read-only, valid until {@link #close}. */
    public MemorySegment bytes(String name) {
        TensorEntry entry = tensor(name);
        return data.asSlice(entry.begin(), entry.end() - entry.begin());
    }

    /**
     * Writes a tensor of type F32, F16, BF16 or F64 as float32 in native byte order.
     *
     * @param target receives {@code elements} floats
     */
    public void readFloats(String name, MemorySegment target) {
        TensorEntry entry = tensor(name);
        if (target.byteSize() != 4 * entry.elements()) {
            throw new IllegalArgumentException(
                    name + " has " + entry.elements() + " elements, the target has " + target.byteSize() + " bytes");
        }
        if (!FloatConversion.toFloats(entry.dtype(), bytes(name), target)) {
            throw new LoupeException("Tensor " + name + " of " + path + " has the type " + entry.dtype()
                    + "; F32, F16, BF16 and F64 can be read as numbers.");
        }
    }

    /**
     * Numbers of a tensor as float32 in native byte order; false if the type is none of F32, F16, BF16 and F64.
     *
     * @param bytes some of {@link #bytes}
     */
    public static boolean toFloats(String dtype, MemorySegment bytes, MemorySegment target) {
        return FloatConversion.toFloats(dtype, bytes, target);
    }

    /** A matrix where it lies, valid until {@link #close}; null if its type is neither F32 nor BF16. */
    @Nullable StoredMatrix matrix(String name) {
        TensorEntry entry = tensor(name);
        Storage storage = switch (entry.dtype()) {
            case "F32" -> Storage.FLOAT32;
            case "BF16" -> Storage.BFLOAT16;
            default -> null;
        };
        if (storage == null || entry.shape().size() != 2 || ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            return null;
        }
        return new StoredMatrix(
                bytes(name), storage, entry.shape().get(0), entry.shape().get(1));
    }

    /** SHA-256 of the file as it was mapped, in hexadecimal. */
    String sha256() {
        return Checksums.sha256(file);
    }

    /** Fails if the file was written to since it was opened. */
    void checkUnchanged() {
        state.check();
    }

    /** A tensor as float32 on the heap; for tensors of less than 2 GiB. */
    public float[] floats(String name) {
        float[] values = new float[Math.toIntExact(tensor(name).elements())];
        readFloats(name, MemorySegment.ofArray(values));
        return values;
    }

    @Override
    public void close() {
        arena.close();
    }
}
