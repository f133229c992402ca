package dev.loupe.sae;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Unpacked;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * PyTorch's {@code torch.save} file of a flat dictionary (a state dict): a zip archive with a pickle of names, shapes and
 * plain values and one entry of bytes per storage. Only that is understood; nothing named in the pickle is ever run.
 */
final class TorchFile {
    private static final int MOST_PICKLE = 1 << 22;

    private TorchFile() {}

    /** A tensor: its values in row-major order as float32. */
    record Tensor(List<Integer> shape, float[] values) {}

    /** An int32 tensor of no dimension; written only, read as a {@link Tensor}. */
    record IntScalar(int value) {}

    /**
     * Reads a dictionary: tensors as {@link Tensor}, strings, numbers, booleans and inner maps as they are.
     *
     * @throws LoupeException if it is damaged or holds something else
     */
    static Map<String, Object> read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("There is no file " + file + ".");
        }
        try (ZipFile zip = new ZipFile(file.toFile())) {
            ZipEntry pickle = zip.stream()
                    .filter(e -> e.getName().endsWith("/data.pkl"))
                    .findFirst()
                    .orElseThrow(
                            () -> damaged(file, "it has no data.pkl; save it with torch.save of PyTorch 1.6 or later"));
            String prefix = pickle.getName().substring(0, pickle.getName().length() - "data.pkl".length());
            byte[] program;
            try (InputStream in = zip.getInputStream(pickle)) {
                program = in.readNBytes(MOST_PICKLE + 1);
            }
            if (program.length > MOST_PICKLE) {
                throw damaged(file, "its list of tensors is too long");
            }
            Object root = new Unpickler(program).run();
            if (!(root instanceof Map<?, ?> map)) {
                throw damaged(file, "it holds no dictionary");
            }
            Map<String, Object> result = new LinkedHashMap<>();
            Unpacked limit = new Unpacked(Files.size(file));
            for (Map.Entry<?, ?> e : map.entrySet()) {
                Object value = e.getValue();
                result.put(
                        String.valueOf(e.getKey()),
                        value instanceof Unpickler.TensorRef t ? tensor(zip, prefix, t, limit, file) : value);
            }
            return result;
        } catch (IOException e) {
            throw new LoupeException("The file " + file + " is no file of torch.save (" + e.getMessage() + ").", e);
        } catch (IllegalStateException
                | IndexOutOfBoundsException
                | ClassCastException
                | ArithmeticException
                | java.nio.BufferUnderflowException
                | java.util.NoSuchElementException
                | NullPointerException e) { // whatever the bytes of a pickle lead to
            throw damaged(file, String.valueOf(e.getMessage()));
        }
    }

    private static Tensor tensor(ZipFile zip, String prefix, Unpickler.TensorRef t, Unpacked limit, Path file)
            throws IOException {
        long count = 1;
        for (int s : t.shape()) {
            count = Math.multiplyExact(count, (long) s);
        }
        ZipEntry entry = zip.getEntry(prefix + "data/" + t.storage());
        if (entry == null || count > Integer.MAX_VALUE / 8) {
            throw damaged(file, "a tensor of shape " + t.shape() + " has no bytes");
        }
        byte[] bytes;
        try (InputStream in = limit.count(zip.getInputStream(entry))) {
            bytes = in.readAllBytes();
        }
        limit.take(4 * count); // strides of 0 make many values of few
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        float[] values = new float[(int) count];
        for (int i = 0; i < values.length; i++) {
            long at = t.offset();
            int rest = i;
            for (int d = t.shape().size() - 1; d >= 0; d--) {
                at += (long) (rest % t.shape().get(d)) * t.stride().get(d);
                rest /= t.shape().get(d);
            }
            values[i] = value(b, t.type(), Math.toIntExact(at), file);
        }
        return new Tensor(t.shape(), values);
    }

    private static float value(ByteBuffer b, String type, int at, Path file) {
        return switch (type) {
            case "FloatStorage" -> b.getFloat(4 * at);
            case "DoubleStorage" -> (float) b.getDouble(8 * at);
            case "HalfStorage" -> Float.float16ToFloat(b.getShort(2 * at));
            case "BFloat16Storage" -> Float.intBitsToFloat(b.getShort(2 * at) << 16);
            case "LongStorage" -> b.getLong(8 * at);
            case "IntStorage" -> b.getInt(4 * at);
            case "ShortStorage" -> b.getShort(2 * at);
            case "ByteStorage", "BoolStorage" -> b.get(at) & 255;
            case "CharStorage" -> b.get(at);
            default -> throw damaged(file, "tensors of " + type + " are not read");
        };
    }

    private static LoupeException damaged(Path file, String why) {
        return new LoupeException("The file " + file + " cannot be read: " + why + ".");
    }

    /** Writes a state dict as {@code torch.save} would: whole or not at all. Values are tensors, strings, ints or maps. */
    static void write(Path file, Map<String, Object> state) {
        AtomicFiles.write(file, out -> {
            Map<String, byte[]> storages = new LinkedHashMap<>();
            byte[] pickle = pickle(state, storages);
            ZipOutputStream zip = new ZipOutputStream(out); // the file is closed by its writer
            stored(zip, "archive/data.pkl", pickle);
            stored(zip, "archive/byteorder", "little".getBytes(StandardCharsets.US_ASCII));
            for (Map.Entry<String, byte[]> s : storages.entrySet()) {
                stored(zip, "archive/data/" + s.getKey(), s.getValue());
            }
            stored(zip, "archive/version", "3\n".getBytes(StandardCharsets.US_ASCII));
            zip.finish();
        });
    }

    private static void stored(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        CRC32 crc = new CRC32();
        crc.update(bytes);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(bytes.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(bytes);
        zip.closeEntry();
    }

    private static byte[] pickle(Map<String, Object> state, Map<String, byte[]> storages) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.write(new byte[] {(byte) 0x80, 2});
        dictionary(out, state, storages);
        out.write('.');
        return bytes.toByteArray();
    }

    private static void dictionary(DataOutputStream out, Map<?, ?> map, Map<String, byte[]> storages)
            throws IOException {
        out.write("}(".getBytes(StandardCharsets.US_ASCII));
        for (Map.Entry<?, ?> e : map.entrySet()) {
            string(out, String.valueOf(e.getKey()));
            switch (e.getValue()) {
                case Tensor t -> {
                    ByteBuffer b = ByteBuffer.allocate(4 * t.values().length).order(ByteOrder.LITTLE_ENDIAN);
                    b.asFloatBuffer().put(t.values());
                    tensor(out, "FloatStorage", t.shape(), b.array(), storages);
                }
                case IntScalar i -> {
                    ByteBuffer b = ByteBuffer.allocate(4)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putInt(i.value());
                    tensor(out, "IntStorage", List.of(), b.array(), storages);
                }
                case String s -> string(out, s);
                case Integer i -> integer(out, i);
                case Map<?, ?> inner -> dictionary(out, inner, storages);
                default ->
                    throw new IllegalArgumentException("a " + e.getValue().getClass() + " in a state dict");
            }
        }
        out.write('u');
    }

    private static void tensor(
            DataOutputStream out, String type, List<Integer> shape, byte[] bytes, Map<String, byte[]> storages)
            throws IOException {
        String key = String.valueOf(storages.size());
        int count = bytes.length / 4;
        storages.put(key, bytes);
        global(out, "torch._utils", "_rebuild_tensor_v2");
        out.write("((".getBytes(StandardCharsets.US_ASCII));
        string(out, "storage");
        global(out, "torch", type);
        string(out, key);
        string(out, "cpu");
        integer(out, count);
        out.write("tQ".getBytes(StandardCharsets.US_ASCII));
        integer(out, 0);
        int stride = count;
        out.write('(');
        for (int s : shape) {
            integer(out, s);
        }
        out.write("t(".getBytes(StandardCharsets.US_ASCII));
        for (int s : shape) {
            stride /= s;
            integer(out, stride);
        }
        out.write('t');
        out.write(0x89); // requires_grad: false
        global(out, "collections", "OrderedDict");
        out.write(")RtR".getBytes(StandardCharsets.US_ASCII));
    }

    private static void global(DataOutputStream out, String module, String name) throws IOException {
        out.write(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    private static void string(DataOutputStream out, String s) throws IOException {
        byte[] utf8 = s.getBytes(StandardCharsets.UTF_8);
        out.write('X');
        out.writeInt(Integer.reverseBytes(utf8.length));
        out.write(utf8);
    }

    private static void integer(DataOutputStream out, int i) throws IOException {
        out.write('J');
        out.writeInt(Integer.reverseBytes(i));
    }
}
