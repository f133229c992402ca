package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A mapped {@code .npy} file (NumPy enhancement proposal 1, versions 1 to 3): magic, version, length of a header that is a
 * Python dictionary, the header, the numbers.
 */
final class NpyFile implements AutoCloseable {
    private static final Map<String, String> TYPES =
            Map.of("<f4", "F32", "<f8", "F64", "<f2", "F16", "<i4", "I32", "<i8", "I64");
    private static final Pattern DESCRIPTION = Pattern.compile("'descr'\\s*:\\s*'([^']*)'");
    private static final Pattern ORDER = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
    private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([0-9, ]*)\\)");

    private final Arena arena;
    private final MatrixSource.Array array;

    /** Characters of a damaged header in a sentence. */
    private static final int SHOWN = 200;

    private NpyFile(Arena arena, MatrixSource.Array array) {
        this.arena = arena;
        this.array = array;
    }

    /**
     * Maps a file and checks its header.
     *
     * @throws LoupeException if it cannot be read, is cut off, or holds something else than numbers in C order
     */
    @SuppressWarnings("MustBeClosedChecker") // close() ends it
    static NpyFile open(Path path) {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path)) {
            MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            return new NpyFile(arena, parse(path, file));
        } catch (IOException e) {
            arena.close();
            throw new LoupeException("The file " + path + " cannot be read (" + e.getMessage() + ").", e);
        } catch (IndexOutOfBoundsException | ArithmeticException | NumberFormatException e) {
            arena.close();
            throw new LoupeException("The file " + path + " is cut off or no .npy file.", e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private static MatrixSource.Array parse(Path path, MemorySegment file) {
        byte[] magic = file.asSlice(0, 8).toArray(ValueLayout.JAVA_BYTE);
        if (magic[0] != (byte) 0x93 || !new String(magic, 1, 5, StandardCharsets.US_ASCII).equals("NUMPY")) {
            throw new LoupeException("The file " + path + " is no .npy file.");
        }
        int sizeBytes = magic[6] == 1 ? 2 : 4;
        long length = 0;
        for (int i = 0; i < sizeBytes; i++) {
            length |= (file.get(ValueLayout.JAVA_BYTE, 8 + i) & 0xffL) << 8 * i;
        }
        long start = 8 + sizeBytes + length;
        String header =
                new String(file.asSlice(8 + sizeBytes, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        String type = find(path, DESCRIPTION, header);
        if (!TYPES.containsKey(type) || !find(path, ORDER, header).equals("False")) {
            throw new LoupeException("The file " + path + " holds " + type
                    + (type.startsWith("<") ? " in Fortran order" : "")
                    + "; save it with NumPy as float32, float16, float64 or integers in C order, little endian.");
        }
        List<Long> shape = new ArrayList<>();
        for (String part : find(path, SHAPE, header).split(",")) {
            if (!part.isBlank()) {
                shape.add(Long.parseLong(part.strip()));
            }
        }
        long count = shape.stream().reduce(1L, Math::multiplyExact);
        int bytes = type.charAt(2) - '0';
        return new MatrixSource.Array(
                file.asSlice(start, Math.multiplyExact(count, bytes)), String.valueOf(TYPES.get(type)), shape);
    }

    private static String find(Path path, Pattern pattern, String header) {
        Matcher matcher = pattern.matcher(header);
        if (!matcher.find()) {
            throw new LoupeException("The header of " + path + " is damaged: "
                    + header.strip().substring(0, Math.min(header.strip().length(), SHOWN)) + ".");
        }
        return matcher.group(1);
    }

    MatrixSource.Array array() {
        return array;
    }

    @Override
    public void close() {
        arena.close();
    }
}
