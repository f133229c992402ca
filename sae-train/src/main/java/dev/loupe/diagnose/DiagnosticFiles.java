package dev.loupe.diagnose;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.VersionedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

/** Saved results: a folder {@code diagnostics/<id>/} each, with {@code diagnostic.json} and {@code table.arrow}. */
public final class DiagnosticFiles {
    private static final String MANIFEST = "diagnostic.json";
    private static final String TABLE = "table.arrow";
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

    private DiagnosticFiles() {}

    /**
     * Saves a result, whole or not at all, under a name made of the time and the diagnostic.
     *
     * @param all the folder of all results
     * @return the result with its name
     */
    public static DiagnosticResult save(Path all, DiagnosticResult result, ResultTable table) {
        String name = free(all, TIME.format(Instant.now()) + "-" + result.diagnostic());
        AtomicReference<DiagnosticResult> saved = new AtomicReference<>(result);
        AtomicFiles.writeFolder(all.resolve(name), folder -> {
            saved.set(result.saved(name, TableFile.write(folder.resolve(TABLE), table)));
            Json.write(folder.resolve(MANIFEST), saved.get());
        });
        return saved.get();
    }

    private static String free(Path all, String base) {
        String name = base;
        for (int i = 2; Files.exists(all.resolve(name)); i++) {
            name = base + "-" + i;
        }
        return name;
    }

    /**
     * Opens a result.
     *
     * @throws NotFoundException if there is none of that name
     * @throws LoupeException if it is damaged or of a newer major format
     */
    public static DiagnosticResult open(Path all, String id) {
        Path file = all.resolve(Names.check(id)).resolve(MANIFEST);
        if (!Files.exists(file)) {
            throw new NotFoundException("There is no result " + id + " of a diagnostic: run loupe diagnose.");
        }
        return VersionedJson.read(file, "result " + id + " of a diagnostic", DiagnosticResult.class);
    }

    /** The table of a result. */
    public static ResultTable table(Path all, DiagnosticResult result) {
        return TableFile.read(tableFile(all, result.id()), result.columns(), result.tableCrc32c());
    }

    /** The Arrow file of a result. */
    public static Path tableFile(Path all, String id) {
        Path file = all.resolve(Names.check(id)).resolve(TABLE);
        if (!Files.exists(file)) {
            throw new NotFoundException("There is no result " + id + " of a diagnostic: run loupe diagnose.");
        }
        return file;
    }

    /** Names of the saved results, newest first. */
    public static List<String> list(Path all) {
        if (!Files.isDirectory(all)) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(all)) {
            return folders.filter(p -> !AtomicFiles.isTemporary(p) && Files.exists(p.resolve(MANIFEST)))
                    .map(p -> String.valueOf(p.getFileName()))
                    .sorted(Comparator.reverseOrder())
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The folder " + all + " cannot be listed (" + e.getMessage() + ").", e);
        }
    }
}
