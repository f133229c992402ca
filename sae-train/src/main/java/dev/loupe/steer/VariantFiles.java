package dev.loupe.steer;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.base.VersionedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Saved variants ({@code variants/<name>.json}) and steering vectors ({@code variants/vectors/<name>.json}). */
public final class VariantFiles {
    private static final String SUFFIX = ".json";

    private VariantFiles() {}

    /**
     * Saves a variant under its name, replacing one of that name.
     *
     * @throws UsageException if it has no name or is not a variant
     */
    public static void save(Path variants, Variant variant) {
        if (variant.name() == null) {
            throw new UsageException("A variant needs a name to be saved.");
        }
        variant.check();
        VersionedJson.write(file(variants, variant.name()), "variant " + variant.name(), variant);
    }

    /**
     * Opens a variant.
     *
     * @throws NotFoundException if there is none of that name
     */
    public static Variant open(Path variants, String name) {
        Path file = file(variants, name);
        if (!Files.exists(file)) {
            throw new NotFoundException("There is no variant " + name + "; saved are: " + known(list(variants)) + ".");
        }
        Variant v = VersionedJson.read(file, "variant " + name, Variant.class);
        v.check();
        return v.named(name);
    }

    /** Names of the saved variants, sorted. */
    public static List<String> list(Path variants) {
        if (!Files.isDirectory(variants)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(variants)) {
            return all.filter(p -> Files.isRegularFile(p) && !AtomicFiles.isTemporary(p))
                    .map(p -> String.valueOf(p.getFileName()))
                    .filter(n -> n.endsWith(SUFFIX))
                    .map(n -> n.substring(0, n.length() - SUFFIX.length()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The folder " + variants + " cannot be listed (" + e.getMessage() + ").", e);
        }
    }

    /**
     * Deletes a variant.
     *
     * @throws NotFoundException if there is none of that name
     */
    public static void delete(Path variants, String name) {
        try {
            if (!Files.deleteIfExists(file(variants, name))) {
                throw new NotFoundException("There is no variant " + name + ".");
            }
        } catch (IOException e) {
            throw new LoupeException("The variant " + name + " cannot be deleted (" + e.getMessage() + ").", e);
        }
    }

    /** Saves a steering vector under its name. */
    public static void saveVector(Path variants, SteeringVector vector) {
        VersionedJson.write(
                file(variants.resolve("vectors"), vector.name()), "steering vector " + vector.name(), vector);
    }

    /**
     * Opens a steering vector.
     *
     * @throws NotFoundException if there is none of that name
     */
    public static SteeringVector openVector(Path variants, String name) {
        Path folder = variants.resolve("vectors");
        Path file = file(folder, name);
        if (!Files.exists(file)) {
            throw new NotFoundException("There is no vector " + name + "; saved are: " + known(list(folder)) + ".");
        }
        return VersionedJson.read(file, "steering vector " + name, SteeringVector.class);
    }

    private static String known(List<String> names) {
        return names.isEmpty() ? "none yet" : String.join(", ", names);
    }

    private static Path file(Path folder, String name) {
        return folder.resolve(Names.check(name) + SUFFIX);
    }
}
