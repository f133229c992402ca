package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The folder that everything lies in. Files are the truth: each artifact is a folder with a manifest, and every list is
 * made by looking at the folders.
 *
 * @param root the folder, absolute
 */
public record Workspace(Path root) {
    /** Makes the path absolute. */
    public Workspace {
        root = root.toAbsolutePath().normalize();
    }

    /**
     * A workspace whose folder exists and can be written.
     *
     * @throws LoupeException if the folder cannot be made or written
     */
    public static Workspace create(Path root) {
        Workspace w = new Workspace(root);
        try {
            Files.createDirectories(w.root);
        } catch (IOException e) {
            throw new LoupeException(
                    "The workspace " + w.root + " cannot be made (" + e.getMessage()
                            + "); choose another folder with --workspace.",
                    e);
        }
        if (!Files.isWritable(w.root)) {
            throw new LoupeException(
                    "The workspace " + w.root + " cannot be written; choose another folder with --workspace.");
        }
        return w;
    }

    /** What tells this folder from another of the same name; nothing where the file system has no such thing. */
    Optional<Object> identity() {
        try {
            return Optional.ofNullable(
                    Files.readAttributes(root, BasicFileAttributes.class).fileKey());
        } catch (IOException gone) {
            return Optional.empty();
        }
    }

    /**
     * Whether this is still the folder that it was: one that was moved or unmounted under running work is made anew by the
     * next file that is written, and the result then lies where nobody looks for it.
     *
     * @param before its {@link #identity} then
     * @throws LoupeException if it is not
     */
    void sameAs(Optional<Object> before) {
        if (!identity().equals(before)) {
            throw new LoupeException(
                    "The workspace " + root + " was moved or taken away while the work was done, so its"
                            + " results may lie elsewhere; put it back and run the same command again.");
        }
    }

    /** Language models, one folder each. */
    public Path models() {
        return root.resolve("models");
    }

    /** Activation stores, one folder each. */
    public Path activations() {
        return root.resolve("activations");
    }

    /** Texts of which indexes were made without a capture, one folder each. */
    public Path texts() {
        return root.resolve("texts");
    }

    /** SAEs, one folder each. */
    public Path saes() {
        return root.resolve("saes");
    }

    /** Feature indexes, one folder per SAE. */
    public Path features() {
        return root.resolve("features");
    }

    /** Matchings of SAEs. */
    public Path comparisons() {
        return root.resolve("comparisons");
    }

    /** Experiments on seeds, one folder each. */
    public Path seeds() {
        return root.resolve("seeds");
    }

    /** Trials of language steering, one folder each. */
    public Path languages() {
        return root.resolve("languages");
    }

    /** Sweeps, one folder each. */
    public Path sweeps() {
        return root.resolve("sweeps");
    }

    /** Saved circuits. */
    public Path circuits() {
        return root.resolve("circuits");
    }

    /** Results of diagnostics, one folder each. */
    public Path diagnostics() {
        return root.resolve("diagnostics");
    }

    /** Saved attribution graphs. */
    public Path graphs() {
        return root.resolve("graphs");
    }

    /** Saved patching results. */
    public Path patches() {
        return root.resolve("patches");
    }

    /** Saved variants and, below them, steering vectors. */
    public Path variants() {
        return root.resolve("variants");
    }

    /** Notes on features, lists of them, and explanations. */
    public Path notes() {
        return root.resolve("notes");
    }

    /** Jobs, one folder each. */
    public Path jobs() {
        return root.resolve("jobs");
    }

    /** Log files. */
    public Path logs() {
        return root.resolve("logs");
    }

    /** Names of the folders in one of the folders above that hold a certain file, sorted; half-written ones left out. */
    public static List<String> named(Path parent, String manifest) {
        if (!Files.isDirectory(parent)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(parent)) {
            return all.filter(p -> !AtomicFiles.isTemporary(p) && Files.isRegularFile(p.resolve(manifest)))
                    .map(p -> String.valueOf(p.getFileName()))
                    .filter(n -> !n.startsWith("."))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The folder " + parent + " cannot be listed (" + e.getMessage() + ").", e);
        }
    }
}
