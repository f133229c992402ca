package dev.loupe.patch;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Saved circuits: a folder {@code circuits/<name>/} with a manifest {@code circuit.json}. */
public final class CircuitFiles {
    private static final String MANIFEST = "circuit.json";

    private CircuitFiles() {}

    /**
     * Saves a circuit, whole or not at all.
     *
     * @param circuits the workspace's {@code circuits} folder
     * @throws LoupeException if there is already one of that name, or the disk refuses
     */
    public static Circuit save(Path circuits, Circuit circuit, String name) {
        Path target = circuits.resolve(Names.check(name));
        if (Files.exists(target)) {
            throw new LoupeException("There is already a circuit " + name + "; choose another name.");
        }
        Circuit named = circuit.withId(name);
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
     * Opens a saved circuit.
     *
     * @throws NotFoundException if there is none of that name
     * @throws LoupeException if it was written by a program of a newer major format
     */
    public static Circuit open(Path circuits, String name) {
        Path file = circuits.resolve(Names.check(name)).resolve(MANIFEST);
        if (!Files.exists(file)) {
            throw new NotFoundException("There is no circuit " + name + "; see the list under circuits.");
        }
        Circuit circuit = Json.read(file, Circuit.class);
        String format = String.valueOf(circuit.format());
        if (!format.startsWith("1.")) {
            throw new LoupeException("The circuit " + name + " has format " + format
                    + "; this program reads 1.x, a newer Loupe is needed.");
        }
        return circuit;
    }

    /** Names of the saved circuits, sorted. */
    public static List<String> list(Path circuits) {
        if (!Files.isDirectory(circuits)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(circuits)) {
            return all.filter(p -> !AtomicFiles.isTemporary(p) && Files.exists(p.resolve(MANIFEST)))
                    .map(p -> String.valueOf(p.getFileName()))
                    .sorted(Comparator.naturalOrder())
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The folder " + circuits + " cannot be listed (" + e.getMessage() + ").", e);
        }
    }
}
