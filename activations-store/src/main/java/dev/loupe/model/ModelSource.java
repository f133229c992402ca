package dev.loupe.model;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.model.gguf.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where a model lies: a folder in the Hugging Face layout, or a GGUF file (alone, or the only one of a folder without
 * {@code config.json}), which is presented as such a folder for as long as this is open.
 */
final class ModelSource implements AutoCloseable {
    static final String GGUF = ".gguf";

    private final Path path;
    private final boolean gguf;
    private @Nullable Path made;

    private ModelSource(Path path, boolean gguf) {
        this.path = path;
        this.gguf = gguf;
    }

    static ModelSource of(Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        if (isGguf(absolute) && Files.isRegularFile(absolute)) {
            return new ModelSource(absolute, true);
        }
        if (Files.isDirectory(absolute) && !Files.exists(absolute.resolve("config.json"))) {
            List<Path> files = ggufFiles(absolute);
            if (files.size() > 1) {
                throw new LoupeException("The folder " + absolute + " has " + files.size()
                        + " GGUF files: give the path of one of them.");
            }
            if (!files.isEmpty()) {
                return new ModelSource(files.getFirst(), true);
            }
        }
        return new ModelSource(absolute, false);
    }

    /** Whether a path has the name of a GGUF file. */
    static boolean isGguf(Path path) {
        return String.valueOf(path.getFileName()).endsWith(GGUF);
    }

    /** The GGUF files of a folder, by name. */
    static List<Path> ggufFiles(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> isGguf(f) && Files.isRegularFile(f))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The folder " + folder + " cannot be read (" + e.getMessage() + ").", e);
        }
    }

    /** The name that the model has by itself: of its folder, or of its file without the ending. */
    String name() {
        String name = String.valueOf(path.getFileName());
        return gguf ? name.substring(0, name.length() - GGUF.length()) : name;
    }

    /** Its description. */
    ModelSpec spec() {
        if (!gguf) {
            return ModelSpec.read(path);
        }
        try (GgufFile file = GgufFile.open(path)) {
            return GgufConfig.spec(file);
        }
    }

    /** Its weights; the caller closes them. */
    TensorSource weights(ModelSpec spec) {
        return gguf ? new GgufCheckpoint(GgufFile.open(path), spec) : Checkpoint.open(path);
    }

    /** A folder with {@code config.json}, {@code tokenizer.json} and what else describes the model beside its weights. */
    Path folder() {
        if (!gguf) {
            return path;
        }
        if (made == null) {
            try (GgufFile file = GgufFile.open(path)) {
                GgufTokenizer tokenizer = new GgufTokenizer(file.metadata());
                Path folder = Files.createTempDirectory("loupe-gguf-");
                made = folder;
                Json.write(folder.resolve("config.json"), GgufConfig.json(file));
                Json.write(folder.resolve("tokenizer.json"), tokenizer.tokenizer());
                Json.write(folder.resolve("tokenizer_config.json"), tokenizer.settings());
            } catch (IOException e) {
                throw AtomicFiles.failure(path, e);
            }
        }
        return made;
    }

    @Override
    public void close() {
        if (made != null) {
            try {
                AtomicFiles.deleteTree(made);
            } catch (IOException ignored) {
                // a few megabytes among the temporary files of the system
            }
        }
    }
}
