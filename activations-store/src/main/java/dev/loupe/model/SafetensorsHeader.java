package dev.loupe.model;

import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The header of a safetensors file, believed only after everything in it was checked against the file: known types,
 * shapes whose size is that of their bytes, no byte outside the file, no byte claimed twice, none left over.
 *
 * @param tensors by name, in the order of their bytes
 * @param metadata the free text entries of {@code __metadata__}
 */
record SafetensorsHeader(Map<String, TensorEntry> tensors, Map<String, String> metadata) {
    /** The reference implementation refuses longer headers as well. */
    static final long MAX_HEADER = 100_000_000;

    private static final JsonMapper STRICT = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private static final Map<String, Integer> SIZES = Map.ofEntries(
            Map.entry("BOOL", 1),
            Map.entry("U8", 1),
            Map.entry("I8", 1),
            Map.entry("F8_E5M2", 1),
            Map.entry("F8_E4M3", 1),
            Map.entry("I16", 2),
            Map.entry("U16", 2),
            Map.entry("F16", 2),
            Map.entry("BF16", 2),
            Map.entry("I32", 4),
            Map.entry("U32", 4),
            Map.entry("F32", 4),
            Map.entry("I64", 8),
            Map.entry("U64", 8),
            Map.entry("F64", 8));

    /** Reads and checks a header, given how many bytes of tensors follow it. */
    static SafetensorsHeader parse(byte[] json, long dataBytes, Path file) {
        JsonNode root;
        try {
            root = STRICT.readTree(json);
        } catch (JacksonException e) {
            throw damaged(file, "its header is not valid JSON: " + e.getOriginalMessage());
        }
        if (root == null || !root.isObject()) {
            throw damaged(file, "its header is not a JSON object");
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        List<TensorEntry> entries = new ArrayList<>();
        for (Map.Entry<String, JsonNode> field : root.properties()) {
            if (field.getKey().equals("__metadata__")) {
                field.getValue()
                        .properties()
                        .forEach(e -> metadata.put(e.getKey(), e.getValue().asString("")));
            } else {
                entries.add(entry(field.getKey(), field.getValue(), dataBytes, file));
            }
        }
        entries.sort(Comparator.comparingLong(TensorEntry::begin).thenComparingLong(TensorEntry::end));
        long at = 0;
        Map<String, TensorEntry> tensors = new LinkedHashMap<>();
        for (TensorEntry e : entries) {
            if (e.begin() != at) {
                throw damaged(
                        file,
                        "tensor " + e.name() + " begins at byte " + e.begin() + " but the one before it ends at " + at
                                + (e.begin() < at ? ", so they overlap" : ", which leaves a hole"));
            }
            at = e.end();
            tensors.put(e.name(), e);
        }
        if (at != dataBytes) {
            throw damaged(file, "its header describes " + at + " bytes of tensors but " + dataBytes + " follow it");
        }
        return new SafetensorsHeader(Collections.unmodifiableMap(tensors), Collections.unmodifiableMap(metadata));
    }

    private static TensorEntry entry(String name, JsonNode node, long dataBytes, Path file) {
        String dtype = node.path("dtype").asString("");
        Integer size = SIZES.get(dtype);
        if (size == null) {
            throw damaged(file, "tensor " + name + " has the unknown type \"" + dtype + "\"");
        }
        JsonNode shapeNode = node.path("shape");
        JsonNode offsets = node.path("data_offsets");
        if (!shapeNode.isArray() || !offsets.isArray() || offsets.size() != 2) {
            throw damaged(file, "tensor " + name + " lacks a shape or its two data offsets");
        }
        List<Long> shape = new ArrayList<>();
        long bytes = size;
        for (JsonNode dim : shapeNode) {
            long d = natural(dim, name, file);
            shape.add(d);
            long product = Math.multiplyHigh(bytes, d) == 0 ? bytes * d : -1;
            if (product < 0) {
                throw damaged(file, "the shape of tensor " + name + " is larger than any file");
            }
            bytes = product;
        }
        long begin = natural(offsets.get(0), name, file);
        long end = natural(offsets.get(1), name, file);
        if (end < begin || end - begin != bytes) {
            throw damaged(
                    file,
                    "tensor " + name + " of type " + dtype + " and shape " + shape + " needs " + bytes
                            + " bytes but its offsets are " + begin + " to " + end);
        }
        if (end > dataBytes) {
            throw damaged(
                    file,
                    "tensor " + name + " ends at byte " + end + " of the data but only " + dataBytes
                            + " are there (is the download complete?)");
        }
        return new TensorEntry(name, dtype, Collections.unmodifiableList(shape), begin, end);
    }

    private static long natural(JsonNode node, String name, Path file) {
        if (!node.isIntegralNumber() || !node.canConvertToLong() || node.asLong() < 0) {
            throw damaged(file, "tensor " + name + " has " + node + " where a size or offset should be");
        }
        return node.asLong();
    }

    static LoupeException damaged(Path file, String what) {
        return new LoupeException(
                "The weights file " + file + " is damaged or incomplete: " + Fmt.shown(what) + "; fetch it again.");
    }
}
