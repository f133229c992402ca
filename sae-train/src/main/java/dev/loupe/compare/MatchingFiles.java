package dev.loupe.compare;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.VersionedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Saved matchings: a folder {@code comparisons/A--B/} with {@code comparison.json}. */
public final class MatchingFiles {
    /** Name of the file in a comparison's folder. */
    public static final String FILE = "comparison.json";

    private static final String ACTIVATIONS = "activations.json";

    private MatchingFiles() {}

    /** The folder of a pair. */
    public static Path folder(Path comparisonsDir, String a, String b) {
        return comparisonsDir.resolve(Names.check(a) + "--" + Names.check(b));
    }

    /**
     * Saves a matching, whole or not at all; an older one of the same pair is replaced.
     *
     * @throws dev.loupe.base.NewerFormatException if there is one that a later Loupe made
     */
    public static void save(Path comparisonsDir, Matching matching) {
        VersionedJson.write(
                folder(comparisonsDir, matching.a(), matching.b()).resolve(FILE),
                what(matching.a(), matching.b()),
                matching);
    }

    /** Saves what matched latents do on a text beside the matching of the pair; see {@link #save}. */
    public static void saveActivations(Path comparisonsDir, String a, String b, ActivationOverlap overlap) {
        VersionedJson.write(folder(comparisonsDir, a, b).resolve(ACTIVATIONS), activations(a, b), overlap);
    }

    /** What matched latents do on a text; empty if that was not looked at. */
    public static Optional<ActivationOverlap> openActivations(Path comparisonsDir, String a, String b) {
        Path file = folder(comparisonsDir, a, b).resolve(ACTIVATIONS);
        return Files.isRegularFile(file)
                ? Optional.of(VersionedJson.read(file, activations(a, b), ActivationOverlap.class))
                : Optional.empty();
    }

    /** Refuses to compare a pair anew where a later Loupe has compared it. */
    public static void checkReplaceable(Path comparisonsDir, String a, String b) {
        VersionedJson.checkReplaceable(folder(comparisonsDir, a, b).resolve(FILE), what(a, b));
        VersionedJson.checkReplaceable(folder(comparisonsDir, a, b).resolve(ACTIVATIONS), activations(a, b));
    }

    private static String what(String a, String b) {
        return "comparison of " + a + " and " + b;
    }

    private static String activations(String a, String b) {
        return "file of activations of " + a + " and " + b;
    }

    /** Whether a pair was compared, in this order. */
    public static boolean exists(Path comparisonsDir, String a, String b) {
        return Files.isRegularFile(folder(comparisonsDir, a, b).resolve(FILE));
    }

    /**
     * Loads a matching.
     *
     * @throws NotFoundException if the pair was not compared in this order
     * @throws LoupeException if the file is damaged or of a newer major format
     */
    public static Matching open(Path comparisonsDir, String a, String b) {
        Path file = folder(comparisonsDir, a, b).resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException(
                    "The SAEs " + a + " and " + b + " have not been compared: run loupe compare " + a + " " + b + ".");
        }
        Matching m = VersionedJson.read(file, what(a, b), Matching.class);
        check(m, file);
        return m;
    }

    /** The pairs that were compared, as names of folders, ascending. */
    public static List<String> list(Path comparisonsDir) {
        if (!Files.isDirectory(comparisonsDir)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(comparisonsDir)) {
            return all.filter(p -> !AtomicFiles.isTemporary(p) && Files.isRegularFile(p.resolve(FILE)))
                    .map(p -> String.valueOf(p.getFileName()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The folder " + comparisonsDir + " cannot be listed (" + e.getMessage() + ").", e);
        }
    }

    private static void check(Matching m, Path file) {
        boolean whole = m.a() != null
                && m.b() != null
                && m.curve() != null
                && m.decoderMatch() != null
                && m.encoderMatch() != null
                && m.nearestB() != null
                && m.nearestCosineB() != null
                && sameLength(m.widthA(), m.decoderCosine(), m.encoderCosine(), m.nearestCosineA())
                && m.encoderMatch().length == m.widthA()
                && m.nearestA() != null
                && m.nearestA().length == m.widthA()
                && m.nearestCosineB().length == m.widthB()
                && inside(m.decoderMatch(), m.widthB())
                && inside(m.encoderMatch(), m.widthB())
                && inside(m.nearestA(), m.widthB())
                && inside(m.nearestB(), m.widthA());
        if (!whole) {
            throw new LoupeException(
                    "The comparison " + file + " is damaged: delete its folder and run loupe compare " + "again.");
        }
    }

    private static boolean sameLength(int n, float[]... arrays) {
        for (float[] array : arrays) {
            if (array == null || array.length != n) {
                return false;
            }
        }
        return true;
    }

    private static boolean inside(int[] indexes, int n) {
        for (int i : indexes) {
            if (i < -1 || i >= n) {
                return false;
            }
        }
        return true;
    }
}
