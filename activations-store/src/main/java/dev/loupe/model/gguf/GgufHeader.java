package dev.loupe.model.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The header of a GGUF file of version 2 or 3 (github.com/ggml-org/ggml, {@code docs/gguf.md}): metadata, then one entry
 * for each tensor. Believed only after counts, lengths, shapes and offsets were checked against the size of the file: no
 * byte outside it, none claimed by two tensors.
 *
 * @param metadata keys and values
 * @param tensors by name, in the order of the file
 * @param dataBegin where the tensors begin
 */
record GgufHeader(GgufMetadata metadata, Map<String, GgufTensor> tensors, long dataBegin) {
    private static final int MAGIC = 0x46554747; // "GGUF"
    private static final int LONGEST_KEY = 65_535;
    private static final int LONGEST_NAME = 255; // ggml itself ends at 63
    private static final int MOST_DIMENSIONS = 4;
    private static final int LEAST_PAIR = 8 + 4 + 1;
    private static final int LEAST_TENSOR = 8 + 4 + 8 + 4 + 8;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    static GgufHeader parse(Path path, MemorySegment file) {
        GgufCursor in = new GgufCursor(path, file);
        if (file.byteSize() < 24 || in.int32("the first word") != MAGIC) {
            throw in.damaged("it does not begin as a GGUF file does");
        }
        int version = in.int32("the version");
        GgufMetadata none = new GgufMetadata(path, Map.of());
        if ((version & 0xFFFF) == 0 && version != 0) {
            throw none.refused("its numbers are big-endian; convert it on a little-endian machine");
        }
        if (version != 2 && version != 3) {
            throw none.refused("it is of version " + Integer.toUnsignedString(version)
                    + "; versions 2 and 3 can be read, convert the model again");
        }
        long tensorCount = in.count(LEAST_TENSOR, "the number of tensors");
        long pairCount = in.count(LEAST_PAIR, "the number of metadata entries");
        Map<String, Object> values = new LinkedHashMap<>();
        for (long i = 0; i < pairCount; i++) {
            String key = in.text(LONGEST_KEY, "the name of metadata entry " + i);
            if (values.put(key, value(in, file, in.int32("the type of " + key), key)) != null) {
                throw in.damaged("it has the metadata entry " + key + " twice");
            }
        }
        GgufMetadata metadata = new GgufMetadata(path, Collections.unmodifiableMap(values));
        long alignment = metadata.integer("general.alignment", 32);
        if (alignment < 1 || alignment > 1 << 20 || Long.bitCount(alignment) != 1) {
            throw in.damaged("general.alignment is " + alignment + ", which is no power of two up to 2^20");
        }
        List<GgufTensor> tensors = new ArrayList<>();
        for (long i = 0; i < tensorCount; i++) {
            tensors.add(tensor(in, alignment, i));
        }
        long dataBegin = (in.position() + alignment - 1) / alignment * alignment;
        if (tensors.isEmpty()) {
            dataBegin = Math.min(dataBegin, file.byteSize());
        }
        return new GgufHeader(metadata, checked(in, tensors, file.byteSize() - dataBegin), dataBegin);
    }

    private static Object value(GgufCursor in, MemorySegment file, int type, String key) {
        return switch (type) {
            case 8 -> in.text("the value of " + key);
            case 9 -> list(in, file, key);
            default -> scalar(file, in.skip(width(in, type, key), "the value of " + key), type);
        };
    }

    private static int width(GgufCursor in, int type, String key) {
        return switch (type) {
            case 0, 1, 7 -> 1;
            case 2, 3 -> 2;
            case 4, 5, 6 -> 4;
            case 10, 11, 12 -> 8;
            default -> throw in.damaged("the metadata entry " + key + " is of the unknown type " + type);
        };
    }

    private static Object scalar(MemorySegment file, long at, int type) {
        return switch (type) {
            case 0 -> (long) (file.get(ValueLayout.JAVA_BYTE, at) & 0xFF);
            case 1 -> (long) file.get(ValueLayout.JAVA_BYTE, at);
            case 2 -> (long) (file.get(SHORT, at) & 0xFFFF);
            case 3 -> (long) file.get(SHORT, at);
            case 4 -> file.get(INT, at) & 0xFFFFFFFFL;
            case 5 -> (long) file.get(INT, at);
            case 6 -> (double) Float.intBitsToFloat(file.get(INT, at));
            case 7 -> file.get(ValueLayout.JAVA_BYTE, at) != 0;
            case 10, 11 -> file.get(LONG, at);
            default -> Double.longBitsToDouble(file.get(LONG, at));
        };
    }

    private static Object list(GgufCursor in, MemorySegment file, String key) {
        int type = in.int32("the type of the list " + key);
        if (type == 9) {
            throw in.damaged("the metadata entry " + key + " is a list of lists, which no known file has");
        }
        String what = "the length of the list " + key;
        if (type == 8) {
            int count = (int) Math.min(Integer.MAX_VALUE - 8, in.count(8, what));
            List<String> texts = new ArrayList<>(Math.min(count, 1 << 16));
            for (int i = 0; i < count; i++) {
                texts.add(in.text("entry " + i + " of " + key));
            }
            return Collections.unmodifiableList(texts);
        }
        int width = width(in, type, key);
        long count = in.count(width, what);
        if (count > (1 << 28)) {
            throw in.damaged("the list " + key + " has " + count + " entries");
        }
        long begin = in.skip(count * width, "the list " + key);
        boolean whole = type != 6 && type != 12;
        long[] integers = new long[whole ? (int) count : 0];
        float[] numbers = new float[whole ? 0 : (int) count];
        for (int i = 0; i < count; i++) {
            Object value = scalar(file, begin + (long) i * width, type);
            if (whole) {
                integers[i] = value instanceof Boolean yes ? (yes ? 1 : 0) : (Long) value;
            } else {
                numbers[i] = ((Double) value).floatValue();
            }
        }
        return whole ? integers : numbers;
    }

    private static GgufTensor tensor(GgufCursor in, long alignment, long index) {
        String name = in.text(LONGEST_NAME, "the name of tensor " + index);
        int dimensions = in.int32("the number of dimensions of tensor " + name);
        if (dimensions < 1 || dimensions > MOST_DIMENSIONS) {
            throw in.damaged("tensor " + name + " has " + Integer.toUnsignedString(dimensions) + " dimensions");
        }
        List<Long> shape = new ArrayList<>();
        long elements = 1;
        for (int d = 0; d < dimensions; d++) {
            long size = in.int64("the shape of tensor " + name);
            if (size < 1 || size > Long.MAX_VALUE / 8 / elements) {
                throw in.damaged("tensor " + name + " has a dimension of " + Long.toUnsignedString(size));
            }
            elements *= size;
            shape.addFirst(size);
        }
        int id = in.int32("the type of tensor " + name);
        GgmlType type = GgmlType.of(id);
        if (type == null) {
            throw in.damaged("tensor " + name + " is of the unknown type " + Integer.toUnsignedString(id));
        }
        long begin = in.int64("the offset of tensor " + name);
        if (begin < 0 || begin % alignment != 0) {
            throw in.damaged("tensor " + name + " begins at " + Long.toUnsignedString(begin)
                    + ", which is no multiple of " + alignment);
        }
        long bytes = 0;
        if (type.readable()) {
            if (shape.getLast() % type.blockElements() != 0) {
                throw in.damaged("tensor " + name + " of type " + type + " has rows of " + shape.getLast()
                        + " elements, which are no whole blocks of " + type.blockElements());
            }
            bytes = elements / type.blockElements() * type.blockBytes(); // below 8 bytes an element: no overflow
        }
        return new GgufTensor(name, type, Collections.unmodifiableList(shape), begin, bytes);
    }

    private static Map<String, GgufTensor> checked(GgufCursor in, List<GgufTensor> tensors, long dataBytes) {
        Map<String, GgufTensor> byName = new LinkedHashMap<>();
        for (GgufTensor t : tensors) {
            if (t.begin() > dataBytes || t.bytes() > dataBytes - t.begin()) {
                throw in.damaged("tensor " + t.name() + " ends at byte " + (t.begin() + t.bytes())
                        + " of the data but only " + Math.max(0, dataBytes) + " are there");
            }
            if (byName.put(t.name(), t) != null) {
                throw in.damaged("it has the tensor " + t.name() + " twice");
            }
        }
        List<GgufTensor> ordered = new ArrayList<>(tensors);
        ordered.sort(Comparator.comparingLong(GgufTensor::begin).thenComparingLong(GgufTensor::bytes));
        for (int i = 1; i < ordered.size(); i++) {
            GgufTensor before = ordered.get(i - 1);
            if (before.begin() + before.bytes() > ordered.get(i).begin()) {
                throw in.damaged("the tensors " + before.name() + " and "
                        + ordered.get(i).name() + " overlap");
            }
        }
        return Collections.unmodifiableMap(byName);
    }
}
