package dev.loupe.model.gguf;

import dev.loupe.base.Checksums;
import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/** A GGUF file mapped into memory; the mapping ends with {@link #close}. */
public final class GgufFile implements AutoCloseable {
    private final Path path;
    private final Arena arena;
    private final MemorySegment file;
    private final MemorySegment data;
    private final GgufHeader header;

    private GgufFile(Path path, Arena arena, MemorySegment file, MemorySegment data, GgufHeader header) {
        this.file = file;
        this.path = path;
        this.arena = arena;
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
    public static GgufFile open(Path path) {
        if (!Files.isRegularFile(path)) {
            throw new NotFoundException("There is no GGUF file " + path + ".");
        }
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            GgufHeader header = GgufHeader.parse(path, file);
            return new GgufFile(path, arena, file, file.asSlice(header.dataBegin()), header);
        } catch (IOException e) {
            arena.close();
            throw new LoupeException("The GGUF file " + path + " cannot be read (" + e.getMessage() + ").", e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** The file. */
    public Path path() {
        return path;
    }

    /** SHA-256 of the file as it was mapped, in hexadecimal. */
    public String sha256() {
        return Checksums.sha256(file);
    }

    /** Its metadata. */
    public GgufMetadata metadata() {
        return header.metadata();
    }

    /** Every tensor by name, in the order of the file. */
    public Map<String, GgufTensor> tensors() {
        return header.tensors();
    }

    /** Whether there is a tensor of this name. */
    public boolean has(String name) {
        return header.tensors().containsKey(name);
    }

    /** A tensor's description; {@link NotFoundException} if there is none of this name. */
    public GgufTensor tensor(String name) {
        GgufTensor tensor = header.tensors().get(name);
        if (tensor == null) {
            throw new NotFoundException("The GGUF file " + path + " has no tensor \"" + name + "\".");
        }
        return tensor;
    }

    /**
     * A tensor's bytes, read-only, valid until {@link #close}.
     *
     * @throws LoupeException if its type cannot be read, naming those that can
     */
    public MemorySegment bytes(String name) {
        GgufTensor tensor = tensor(name);
        if (!tensor.type().readable()) {
            throw new LoupeException("Tensor " + Fmt.shown(name) + " of " + path + " is quantised as " + tensor.type()
                    + ", which is not supported; supported are " + String.join(", ", GgmlType.supported())
                    + ": take a file of one of these.");
        }
        return data.asSlice(tensor.begin(), tensor.bytes());
    }

    /**
     * Writes a tensor as float32 in native byte order, row-major.
     *
     * @param target receives {@code elements} floats
     */
    public void readFloats(String name, MemorySegment target) {
        GgufTensor tensor = tensor(name);
        if (target.byteSize() != 4 * tensor.elements()) {
            throw new IllegalArgumentException(
                    name + " has " + tensor.elements() + " elements, the target has " + target.byteSize() + " bytes");
        }
        Dequantizer.toFloats(tensor.type(), bytes(name), target);
    }

    @Override
    public void close() {
        arena.close();
    }
}
