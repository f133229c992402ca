package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.base.VersionedJson;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;

/**
 * Notes on features and lists of them, one file each under {@code notes/}. Whoever saves says which version was changed; if
 * somebody else was faster nothing is written.
 */
public final class Notes {
    private static final int LONGEST = 100_000;
    private static final int MOST_FEATURES = 10_000;

    private final Workspace workspace;
    private final Saes saes;
    private final Map<String, Known> read = new ConcurrentHashMap<>();

    private record Stamp(FileTime changed, long bytes) {}

    private record Known(Stamp stamp, List<Explanation> all) {}

    Notes(Workspace workspace, Saes saes) {
        this.workspace = workspace;
        this.saes = saes;
    }

    /** The note on a feature; an empty one of version 0 if there is none. */
    public Note note(String sae, int id) {
        check(sae, id);
        Path file = file(sae, id);
        return Files.isRegularFile(file)
                ? VersionedJson.read(file, what(sae, id), Note.class)
                : new Note(sae, id, "", 0, Instant.EPOCH);
    }

    /** All notes on features of an SAE, by feature. */
    public List<Note> notes(String sae) {
        saes.folder(sae);
        Path folder = workspace.notes().resolve("features").resolve(sae);
        return files(folder).stream()
                .map(f -> VersionedJson.read(f, "note " + f.getFileName() + " on a feature of " + sae, Note.class))
                .sorted(java.util.Comparator.comparingInt(Note::id))
                .toList();
    }

    /**
     * Saves a note.
     *
     * @param version the version that was changed: 0 if there was none
     * @throws ConflictException if it was changed by somebody else meanwhile
     */
    public Note save(String sae, int id, String text, long version) {
        if (text.length() > LONGEST) {
            throw new UsageException(
                    "A note has at most " + LONGEST + " characters; this one has " + text.length() + ".");
        }
        return locked(() -> {
            Note now = note(sae, id);
            if (now.version() != version) {
                throw new ConflictException("The note on " + sae + ":" + id + " was changed meanwhile (version "
                        + now.version() + ", not " + version + "); look at it, merge, and save again. Nothing was"
                        + " written.");
            }
            Note next = new Note(sae, id, text, version + 1, Instant.now());
            VersionedJson.update(file(sae, id), what(sae, id), next);
            return next;
        });
    }

    /** Names of all lists. */
    public List<String> lists() {
        return files(workspace.notes().resolve("lists")).stream()
                .map(f -> String.valueOf(f.getFileName()).replaceFirst("\\.json$", ""))
                .sorted()
                .toList();
    }

    /**
     * A list.
     *
     * @throws NotFoundException if there is none of that name
     */
    public FeatureList list(String name) {
        Path file = listFile(name);
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("There is no list \"" + name + "\" of features.");
        }
        return whole(file, VersionedJson.read(file, what(name), FeatureList.class));
    }

    /**
     * Saves a list.
     *
     * @param list with the version that was changed: 0 for a new one
     * @throws ConflictException if it was changed by somebody else meanwhile
     */
    public FeatureList save(FeatureList list) {
        if (list.features().size() > MOST_FEATURES || list.description().length() > LONGEST) {
            throw new UsageException("A list has at most " + MOST_FEATURES + " features.");
        }
        list.features().forEach(f -> check(f.sae(), f.id()));
        Path file = listFile(list.name());
        return locked(() -> {
            long now = Files.isRegularFile(file) ? list(list.name()).version() : 0;
            if (now != list.version()) {
                throw new ConflictException("The list " + list.name() + " was changed meanwhile (version " + now
                        + ", not " + list.version() + "); look at it, merge, and save again. Nothing was written.");
            }
            FeatureList next = new FeatureList(
                    list.name(), list.description(), List.copyOf(list.features()), now + 1, Instant.now());
            VersionedJson.update(file, what(list.name()), next);
            return next;
        });
    }

    /** Deletes a list. */
    public void deleteList(String name) {
        list(name);
        AtomicFiles.delete(listFile(name));
    }

    /** What language models and other programs say about a feature, newest first. */
    public List<Explanation> explanations(String sae, int id) {
        check(sae, id);
        return explanations(sae).stream().filter(e -> e.feature() == id).toList();
    }

    /** All of an SAE, newest first; read anew only when their file changes. */
    public List<Explanation> explanations(String sae) {
        Path file = workspace.notes().resolve("explanations").resolve(Names.check(sae) + ".jsonl");
        if (!Files.isRegularFile(file)) {
            return List.of();
        }
        try {
            Stamp stamp = new Stamp(Files.getLastModifiedTime(file), Files.size(file));
            Known known = read.get(sae);
            if (known == null || !known.stamp().equals(stamp)) {
                known = new Known(stamp, read(file));
                read.put(sae, known);
            }
            return known.all();
        } catch (IOException e) {
            throw new LoupeException("The file " + file + " cannot be read (" + e.getMessage() + ").", e);
        }
    }

    private static List<Explanation> read(Path file) {
        List<Explanation> all = new ArrayList<>(text(file)
                .lines()
                .filter(l -> !l.isBlank())
                .map(l -> read(file, l, Explanation.class))
                .toList());
        java.util.Collections.reverse(all);
        return List.copyOf(all);
    }

    /** Adds some. */
    public void explain(String sae, List<Explanation> added) {
        added.forEach(e -> check(sae, e.feature()));
        Path file = workspace.notes().resolve("explanations").resolve(Names.check(sae) + ".jsonl");
        locked(() -> {
            StringBuilder all = new StringBuilder(Files.isRegularFile(file) ? text(file) : "");
            added.forEach(e -> all.append(Views.line(e)).append('\n'));
            AtomicFiles.writeString(file, all.toString());
            return added;
        });
    }

    private void check(String sae, int id) {
        int n = saes.get(sae).dSae();
        if (id < 0 || id >= n) {
            throw new NotFoundException(
                    "The SAE " + sae + " has no feature " + id + "; its features are 0 to " + (n - 1) + ".");
        }
    }

    private static String what(String sae, int id) {
        return "note on " + sae + ":" + id;
    }

    private static String what(String list) {
        return "list of features " + list;
    }

    private Path file(String sae, int id) {
        return workspace.notes().resolve("features").resolve(Names.check(sae)).resolve(id + ".json");
    }

    private Path listFile(String name) {
        return workspace.notes().resolve("lists").resolve(Names.check(name) + ".json");
    }

    private static List<Path> files(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(f -> !AtomicFiles.isTemporary(f) && f.toString().endsWith(".json"))
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The folder " + folder + " cannot be listed (" + e.getMessage() + ").", e);
        }
    }

    private static <T> T read(Path file, String json, Class<T> type) {
        try {
            T value = Views.JSON.readValue(json, type);
            if (value != null) {
                return value;
            }
        } catch (JacksonException e) {
            throw new LoupeException("The file " + file + " is damaged (" + e.getOriginalMessage() + ").", e);
        }
        throw new LoupeException("The file " + file + " is damaged (it holds nothing).");
    }

    @SuppressWarnings("ConstantValue") // a damaged file may leave a field out
    private static FeatureList whole(Path file, FeatureList list) {
        if (list.name() == null || list.description() == null || list.features() == null) {
            throw new LoupeException("The file " + file + " is damaged (it lacks its name, description or features).");
        }
        return list;
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new LoupeException("The file " + file + " cannot be read (" + e.getMessage() + ").", e);
        }
    }

    /** Alone among all threads and processes of this workspace. */
    private synchronized <T> T locked(Supplier<T> work) {
        Path file = workspace.notes().resolve(".lock");
        try {
            Files.createDirectories(workspace.notes());
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock lock = channel.lock()) {
                return work.get();
            }
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
    }
}
