package dev.loupe.patch;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.VersionedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Results of one kind, each a folder of its name with one manifest.
 *
 * @param what what sentences call one, for example {@code circuit}
 * @param where the name of the folder that holds them all
 * @param manifest the file inside a result's folder
 * @param type what the manifest holds
 */
public record ResultFolders<T>(String what, String where, String manifest, Class<T> type) {
    /** Saves a result that knows its name, whole or not at all; refuses a name that is taken. */
    public T save(Path all, String name, Function<String, T> named) {
        return save(all, name, named, (folder, result) -> {});
    }

    /**
     * The same with more files beside the manifest.
     *
     * @param more writes them into the folder before anyone can see it
     */
    public T save(Path all, String name, Function<String, T> named, BiConsumer<Path, T> more) {
        Path target = all.resolve(Names.check(name));
        if (Files.exists(target)) {
            throw new LoupeException("There is already a " + what + " " + name + "; choose another name.");
        }
        T result = named.apply(name);
        AtomicFiles.sweep(target); // of a process that was killed here
        AtomicFiles.writeFolder(target, folder -> {
            more.accept(folder, result);
            Json.write(folder.resolve(manifest), result);
        });
        return result;
    }

    /**
     * The manifest of a result.
     *
     * @throws NotFoundException if there is none of that name
     */
    public Path check(Path all, String name) {
        Path file = all.resolve(Names.check(name)).resolve(manifest);
        if (!Files.exists(file)) {
            throw new NotFoundException("There is no " + what + " " + name + "; see the list under " + where + ".");
        }
        return file;
    }

    /** Opens a result; refuses one of a newer major format. */
    public T open(Path all, String name) {
        Path file = check(all, name);
        return VersionedJson.read(file, what + " " + name, type);
    }

    /** Names of the results in an order. */
    public List<String> list(Path all, Comparator<String> order) {
        if (!Files.isDirectory(all)) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(all)) {
            return folders.filter(p -> !AtomicFiles.isTemporary(p) && Files.exists(p.resolve(manifest)))
                    .map(p -> String.valueOf(p.getFileName()))
                    .sorted(order)
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The folder " + all + " cannot be listed (" + e.getMessage() + ").", e);
        }
    }
}
