package dev.loupe.patch;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Saved patching results: a folder {@code patches/<id>/} with a manifest {@code patch.json}. */
public final class PatchFiles {
    private static final String MANIFEST = "patch.json";
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

    private PatchFiles() {}

    /**
     * Saves a result, whole or not at all.
     *
     * @param patches the workspace's {@code patches} folder
     * @param name the result's name; null to make one from the time
     * @return the result with its id
     * @throws LoupeException if there is already one of that name, or the disk refuses
     */
    public static PatchResult save(Path patches, PatchResult result, @Nullable String name) {
        String id = name == null ? free(patches) : Names.check(name);
        Path target = patches.resolve(id);
        if (Files.exists(target)) {
            throw new LoupeException("There is already a patching result " + id + "; choose another name.");
        }
        PatchResult named = result.withId(id);
        Path folder = AtomicFiles.temporary(target);
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw AtomicFiles.failure(target, e);
        }
        Json.write(folder.resolve(MANIFEST), named);
        AtomicFiles.publishFolder(folder, target);
        return named;
    }

    /**
     * Opens a saved result.
     *
     * @throws NotFoundException if there is none of that name
     * @throws LoupeException if it was written by a program of a newer major format
     */
    public static PatchResult open(Path patches, String id) {
        Path file = patches.resolve(Names.check(id)).resolve(MANIFEST);
        if (!Files.exists(file)) {
            throw new NotFoundException("There is no patching result " + id + "; see the list under patches.");
        }
        PatchResult result = Json.read(file, PatchResult.class);
        String format = String.valueOf(result.format());
        if (!format.startsWith("1.")) {
            throw new LoupeException("The patching result " + id + " has format " + format
                    + "; this program reads 1.x, a newer Loupe is needed.");
        }
        return result;
    }

    /** Names of the saved results, newest first by name. */
    public static List<String> list(Path patches) {
        if (!Files.isDirectory(patches)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(patches)) {
            return all.filter(p -> !AtomicFiles.isTemporary(p) && Files.exists(p.resolve(MANIFEST)))
                    .map(p -> String.valueOf(p.getFileName()))
                    .sorted(Comparator.reverseOrder())
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The folder " + patches + " cannot be listed (" + e.getMessage() + ").", e);
        }
    }

    private static String free(Path patches) {
        String base = TIME.format(Instant.now());
        String id = base;
        for (int i = 2; Files.exists(patches.resolve(id)); i++) {
            id = base + "-" + i;
        }
        return id;
    }
}
