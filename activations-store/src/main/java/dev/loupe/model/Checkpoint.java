package dev.loupe.model;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.kernel.StoredMatrix;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The weights of a model folder: {@code model.safetensors}, or the shards its index names. */
final class Checkpoint implements TensorSource {
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = SINGLE + ".index.json";

    private final Path folder;
    private final Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
    private final Map<String, SafetensorsFile> byTensor = new LinkedHashMap<>();

    private Checkpoint(Path folder) {
        this.folder = folder;
    }

    static Checkpoint open(Path folder) {
        Checkpoint checkpoint = new Checkpoint(folder);
        try {
            if (Files.exists(folder.resolve(SINGLE))) {
                checkpoint.add(SINGLE);
            } else if (Files.exists(folder.resolve(INDEX))) {
                checkpoint.addAll(Json.tree(folder.resolve(INDEX)).path("weight_map"));
            } else {
                throw new NotFoundException("The model folder " + folder + " has neither " + SINGLE + " nor " + INDEX
                        + ": put the weights there in the safetensors format.");
            }
        } catch (RuntimeException e) {
            checkpoint.close();
            throw e;
        }
        return checkpoint;
    }

    private void addAll(JsonNode weightMap) {
        TreeSet<String> files = new TreeSet<>();
        weightMap.properties().forEach(e -> files.add(e.getValue().asString("")));
        if (files.isEmpty()) {
            throw new LoupeException("The file " + folder.resolve(INDEX) + " names no weights: fetch it again.");
        }
        for (String file : files) {
            if (!file.matches("[A-Za-z0-9][A-Za-z0-9._-]*\\.safetensors")) { // never outside the folder
                throw new LoupeException("The file " + folder.resolve(INDEX) + " names \"" + file
                        + "\", which is no weights file of its own folder.");
            }
            add(file);
        }
        weightMap.properties().forEach(e -> {
            if (!byTensor.containsKey(e.getKey())) {
                throw new LoupeException("The weights of " + folder + " lack the tensor " + e.getKey()
                        + " that their index names: fetch them again.");
            }
        });
    }

    private void add(String file) {
        SafetensorsFile shard = SafetensorsFile.open(folder.resolve(file));
        shards.put(file, shard);
        shard.tensors().keySet().forEach(name -> byTensor.put(name, shard));
    }

    @Override
    public boolean has(String tensor) {
        return byTensor.containsKey(tensor);
    }

    @Override
    public void check(String tensor, long... shape) {
        fileOf(tensor, shape);
    }

    @Override
    public void read(String tensor, MemorySegment target, long... shape) {
        fileOf(tensor, shape).readFloats(tensor, target);
    }

    @Override
    public @Nullable StoredMatrix matrix(String tensor, long... shape) {
        return fileOf(tensor, shape).matrix(tensor);
    }

    @Override
    public void checkUnchanged() {
        shards.values().forEach(SafetensorsFile::checkUnchanged);
    }

    /** The file that holds a tensor of exactly this shape. */
    private SafetensorsFile fileOf(String tensor, long... shape) {
        SafetensorsFile file = byTensor.get(tensor);
        if (file == null) {
            throw new LoupeException("The weights of " + folder + " lack the tensor " + tensor
                    + " that config.json asks for: weights and config.json do not belong together.");
        }
        TensorEntry entry = file.tensor(tensor);
        if (!entry.hasShape(shape)) {
            throw new LoupeException("The tensor " + tensor + " of " + folder + " has the shape " + entry.shape()
                    + " where config.json asks for " + java.util.Arrays.toString(shape)
                    + ": weights and config.json do not belong together.");
        }
        return file;
    }

    /** SHA-256 of the file, or of the shards' names and sums where there are several. */
    @Override
    public String checksum() {
        if (shards.size() == 1) {
            return shards.values().iterator().next().sha256();
        }
        StringBuilder list = new StringBuilder();
        shards.forEach((name, file) ->
                list.append(name).append(' ').append(file.sha256()).append('\n'));
        return Checksums.sha256(list.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    @Override
    public void close() {
        shards.values().forEach(SafetensorsFile::close);
    }
}
