package dev.loupe.sae;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Unpacked;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/** NumPy's {@code .npz}: a zip archive of {@code .npy} arrays. Reads and writes little-endian float32 in row-major order. */
final class NpzFile {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int LONGEST_HEADER = 1 << 16;
    private static final Pattern SHAPE = Pattern.compile("'shape':\\s*\\(([0-9,\\s]*)\\)");

    private NpzFile() {}

    /** Values in row-major order. */
    record Array(List<Integer> shape, float[] values) {}

    /** An array and its name. */
    record Named(String name, Array array) {}

    /**
     * Reads all arrays.
     *
     * @throws LoupeException if the file is damaged or an array is not float32
     */
    static Map<String, Array> read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("There is no file " + file + ".");
        }
        Map<String, Array> arrays = new LinkedHashMap<>();
        try (ZipFile zip = new ZipFile(file.toFile())) {
            Unpacked limit = new Unpacked(Files.size(file));
            for (Enumeration<? extends ZipEntry> all = zip.entries(); all.hasMoreElements(); ) {
                ZipEntry entry = all.nextElement();
                try (InputStream in = limit.count(zip.getInputStream(entry))) {
                    arrays.put(entry.getName().replaceAll("\\.npy$", ""), array(new DataInputStream(in), entry, file));
                }
            }
        } catch (IOException e) {
            throw new LoupeException("The file " + file + " is no .npz archive (" + e.getMessage() + ").", e);
        }
        return arrays;
    }

    private static Array array(DataInputStream in, ZipEntry entry, Path file) throws IOException {
        byte[] magic = in.readNBytes(MAGIC.length);
        int major = in.read();
        in.read();
        byte[] length = in.readNBytes(major == 1 ? 2 : 4);
        if (!java.util.Arrays.equals(magic, MAGIC) || length.length < 2) {
            throw damaged(file, entry, "it is no NumPy array");
        }
        long size = 0;
        for (int i = length.length - 1; i >= 0; i--) {
            size = 256 * size + (length[i] & 255);
        }
        if (size > LONGEST_HEADER) {
            throw damaged(file, entry, "its header is " + size + " bytes long");
        }
        String header = new String(in.readNBytes((int) size), StandardCharsets.ISO_8859_1);
        if (!header.contains("'<f4'") || header.contains("'fortran_order': True")) {
            throw damaged(file, entry, "it is not float32 in row-major order: " + header.strip());
        }
        Matcher m = SHAPE.matcher(header);
        if (!m.find()) {
            throw damaged(file, entry, "it has no shape");
        }
        List<Integer> shape = new ArrayList<>();
        long elements = 1;
        try {
            for (String part : m.group(1).split(",")) {
                if (!part.isBlank()) {
                    shape.add(Integer.parseInt(part.strip()));
                    elements = Math.multiplyExact(elements, (long) shape.getLast());
                }
            }
        } catch (ArithmeticException | NumberFormatException e) {
            throw damaged(file, entry, "its shape is " + m.group(1));
        }
        if (elements > Integer.MAX_VALUE / 4) {
            throw damaged(file, entry, "it has " + elements + " elements, more than can be read at once");
        }
        byte[] bytes = in.readNBytes((int) elements * 4); // grows with what is there, not with what the shape claims
        if (bytes.length != elements * 4 || in.read() >= 0) {
            throw damaged(file, entry, "its size is not that of its shape " + shape);
        }
        float[] values = new float[(int) elements];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        return new Array(shape, values);
    }

    private static LoupeException damaged(Path file, ZipEntry entry, String why) {
        return new LoupeException("The array " + entry.getName() + " of " + file + " cannot be read: " + why + ".");
    }

    /** Writes arrays: whole or not at all. */
    static void write(Path file, List<Named> arrays) {
        AtomicFiles.write(file, out -> {
            ZipOutputStream zip = new ZipOutputStream(out); // the file is closed by its writer
            for (Named n : arrays) {
                zip.putNextEntry(new ZipEntry(n.name() + ".npy"));
                zip.write(header(n.array().shape()));
                ByteBuffer bytes =
                        ByteBuffer.allocate(n.array().values().length * 4).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(n.array().values());
                zip.write(bytes.array());
                zip.closeEntry();
            }
            zip.finish();
        });
    }

    private static byte[] header(List<Integer> shape) {
        String dims = shape.stream().map(String::valueOf).collect(Collectors.joining(", "));
        String text =
                "{'descr': '<f4', 'fortran_order': False, 'shape': (" + dims + (shape.size() == 1 ? ",)" : ")") + ", }";
        int total = Math.ceilDiv(10 + text.length() + 1, 64) * 64; // data begin at a multiple of 64
        String padded = text + " ".repeat(total - 10 - text.length() - 1) + "\n";
        ByteBuffer b = ByteBuffer.allocate(total).order(ByteOrder.LITTLE_ENDIAN);
        b.put(MAGIC).put((byte) 1).put((byte) 0).putShort((short) padded.length());
        return b.put(padded.getBytes(StandardCharsets.ISO_8859_1)).array();
    }
}
