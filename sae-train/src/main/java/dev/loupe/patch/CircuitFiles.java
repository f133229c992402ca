package dev.loupe.patch;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiConsumer;

/** Saved circuits: a folder {@code circuits/<name>/} with a manifest {@code circuit.json}. */
public final class CircuitFiles {
    private static final ResultFolders<Circuit> FOLDERS =
            new ResultFolders<>("circuit", "circuits", "circuit.json", Circuit.class);

    private CircuitFiles() {}

    /**
     * Saves a circuit, whole or not at all.
     *
     * @param circuits the workspace's {@code circuits} folder
     * @throws LoupeException if there is already one of that name, or the disk refuses
     */
    public static Circuit save(Path circuits, Circuit circuit, String name) {
        return save(circuits, circuit, name, (folder, saved) -> {});
    }

    /**
     * The same with more files beside the manifest.
     *
     * @param more writes them into the circuit's folder before anyone can see it
     */
    public static Circuit save(Path circuits, Circuit circuit, String name, BiConsumer<Path, Circuit> more) {
        return FOLDERS.save(circuits, name, circuit::withId, more);
    }

    /**
     * Opens a saved circuit.
     *
     * @throws NotFoundException if there is none of that name
     * @throws LoupeException if it was written by a program of a newer major format
     */
    public static Circuit open(Path circuits, String name) {
        return FOLDERS.open(circuits, name);
    }

    /** Names of the saved circuits, sorted. */
    public static List<String> list(Path circuits) {
        return FOLDERS.list(circuits, Comparator.naturalOrder());
    }
}
