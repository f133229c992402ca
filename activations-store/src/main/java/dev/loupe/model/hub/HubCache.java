package dev.loupe.model.hub;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The cache of Python's {@code huggingface_hub}, in its layout: {@code models--owner--name/blobs/ETAG} holds contents,
 * {@code refs/REVISION} the commit that a branch was at, {@code snapshots/COMMIT/FILE} links to contents.
 */
final class HubCache {
    private static final String INDEX = "model.safetensors.index.json";

    private final Path root;
    private final HubId id;

    HubCache(Path cache, HubId id) {
        this.id = id;
        root = cache.resolve(id.folder());
    }

    /** What is locked while files are fetched, among the locks of Python's library. */
    Path lock() {
        return root.resolveSibling(".locks")
                .resolve(String.valueOf(root.getFileName()))
                .resolve("download");
    }

    Path blob(String etag) {
        return root.resolve("blobs").resolve(etag);
    }

    Path incomplete(String etag) {
        return root.resolve("blobs").resolve(etag + ".incomplete");
    }

    Path snapshot(String commit) {
        return root.resolve("snapshots").resolve(commit);
    }

    /** The commit that the revision was at when it was last asked for; null if it never was. */
    @Nullable String commit() {
        if (id.revision().matches("[0-9a-f]{40}")) {
            return id.revision();
        }
        Path ref = root.resolve("refs").resolve(id.revision());
        if (!Files.isRegularFile(ref)) {
            return null;
        }
        try {
            String commit = Files.readString(ref).strip();
            return commit.matches("[0-9a-f]{40}") ? commit : null;
        } catch (IOException e) {
            throw new LoupeException("The file " + ref + " cannot be read (" + e.getMessage() + ").", e);
        }
    }

    /** The folder of the revision, if anything of it is here; null if not. */
    @Nullable Path found() {
        String commit = commit();
        return commit != null && Files.isDirectory(snapshot(commit)) ? snapshot(commit) : null;
    }

    /** Paths of all files of a snapshot, relative to it, with slashes. */
    static List<String> files(Path snapshot) {
        try (Stream<Path> all = Files.walk(snapshot)) {
            return all.filter(Files::isRegularFile)
                    .map(f -> String.join(
                            "/",
                            StreamSupport.stream(snapshot.relativize(f).spliterator(), false)
                                    .map(Path::toString)
                                    .toList()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The folder " + snapshot + " cannot be listed (" + e.getMessage() + ").", e);
        }
    }

    /** Remembers which commit a branch is at. */
    void remember(String commit) {
        if (!id.revision().equals(commit)) {
            AtomicFiles.writeString(root.resolve("refs").resolve(id.revision()), commit);
        }
    }

    /** Makes a file of a snapshot out of a blob that is there. */
    void link(String commit, String file, String etag) {
        Path folder = snapshot(commit);
        Path link = folder.resolve(file);
        Path blob = blob(etag);
        try {
            Path place = file.contains("/") ? folder.resolve(file.substring(0, file.lastIndexOf('/'))) : folder;
            Files.createDirectories(place);
            Files.deleteIfExists(link);
            try {
                Files.createSymbolicLink(link, place.relativize(blob));
            } catch (FileAlreadyExistsException e) {
                // another process made the same link just now
            } catch (UnsupportedOperationException | IOException e) { // no links on this disk: as Python does, a copy
                Files.copy(blob, link);
            }
        } catch (IOException e) {
            throw AtomicFiles.failure(link, e);
        }
    }

    /**
     * What a snapshot lacks to be opened: names of files. Empty if it is whole.
     *
     * @param snapshot the folder
     */
    static List<String> missing(Path snapshot) {
        if (!Files.exists(snapshot.resolve("config.json")) && ggufFiles(snapshot) == 1) {
            return List.of();
        }
        List<String> missing = new ArrayList<>();
        for (String file : List.of("config.json", "tokenizer.json")) {
            if (!Files.exists(snapshot.resolve(file))) {
                missing.add(file);
            }
        }
        if (Files.exists(snapshot.resolve(INDEX))) {
            shards(Json.tree(snapshot.resolve(INDEX))).stream()
                    .filter(s -> !Files.exists(snapshot.resolve(s)))
                    .forEach(missing::add);
        } else if (!Files.exists(snapshot.resolve("model.safetensors"))) {
            missing.add("model.safetensors");
        }
        return missing;
    }

    private static int ggufFiles(Path folder) {
        String[] names = folder.toFile().list((f, name) -> name.endsWith(".gguf"));
        return names == null ? 0 : names.length;
    }

    /** The files that an index of weights names. */
    static TreeSet<String> shards(JsonNode index) {
        TreeSet<String> files = new TreeSet<>();
        index.path("weight_map")
                .properties()
                .forEach(e -> files.add(e.getValue().asString("")));
        return files;
    }
}
