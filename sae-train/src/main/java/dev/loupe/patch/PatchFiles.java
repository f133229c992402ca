package dev.loupe.patch;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Saved patching results: a folder {@code patches/<id>/} with a manifest {@code patch.json}. */
public final class PatchFiles {
    private static final ResultFolders<PatchResult> FOLDERS =
            new ResultFolders<>("patching result", "patches", "patch.json", PatchResult.class);
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
        return save(patches, result, name, (folder, saved) -> {});
    }

    /**
     * The same with more files beside the manifest.
     *
     * @param more writes them into the result's folder before anyone can see it
     */
    public static PatchResult save(
            Path patches, PatchResult result, @Nullable String name, BiConsumer<Path, PatchResult> more) {
        return FOLDERS.save(patches, name == null ? free(patches) : name, result::withId, more);
    }

    /**
     * Opens a saved result.
     *
     * @throws NotFoundException if there is none of that name
     * @throws LoupeException if it was written by a program of a newer major format
     */
    public static PatchResult open(Path patches, String id) {
        return FOLDERS.open(patches, id);
    }

    /** Names of the saved results, newest first by name. */
    public static List<String> list(Path patches) {
        return FOLDERS.list(patches, Comparator.reverseOrder());
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
