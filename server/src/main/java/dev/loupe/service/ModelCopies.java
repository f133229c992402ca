package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Models of a machine of a cluster: what lies on a network is copied to a folder of the machine once, by whoever comes
 * first, and then mapped into memory by every process there, which share its pages. What lies on a disk of the machine stays
 * where it is.
 */
final class ModelCopies {
    /** Names the folder of the copies; where it is set, every model is copied. */
    static final String FOLDER = "LOUPE_MODEL_CACHE";

    private static final List<String> NETWORKS =
            List.of("nfs", "cifs", "smb", "fuse.", "lustre", "ceph", "gpfs", "beegfs", "9p", "afs", "glusterfs");

    private final Path folder;
    private final boolean always;

    /** By the environment. */
    ModelCopies(Map<String, String> environment) {
        String named = environment.getOrDefault(FOLDER, "");
        String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
        this.always = !named.isBlank();
        this.folder = always
                ? Path.of(named.strip()).toAbsolutePath()
                : (cache.isBlank() ? Path.of(System.getProperty("user.home", "."), ".cache") : Path.of(cache))
                        .resolve("loupe/models");
    }

    /**
     * The folder or file to open for a model: its copy, made now if it is not there, or itself.
     *
     * @throws dev.loupe.base.LoupeException if the disk is full
     */
    Path of(Path model) {
        try {
            if (!always && !isRemote(model)) {
                return model;
            }
            Path copy = folder.resolve(key(model));
            Path target = Files.isDirectory(model) ? copy : copy.resolve(String.valueOf(model.getFileName()));
            if (Files.isDirectory(copy)) {
                return target;
            }
            Files.createDirectories(folder);
            try (FileChannel channel = FileChannel.open(
                            folder.resolve("." + copy.getFileName() + ".lock"),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE);
                    FileLock lock = channel.lock()) { // whoever comes second waits
                if (!Files.isDirectory(copy)) {
                    copy(model, copy);
                }
            }
            return target;
        } catch (IOException e) {
            throw AtomicFiles.failure(folder, e);
        }
    }

    private static void copy(Path model, Path copy) throws IOException {
        AtomicFiles.sweep(copy); // of processes that died
        Path part = AtomicFiles.temporary(copy);
        Files.createDirectories(part);
        for (Path file : files(model)) {
            Files.copy(file, part.resolve(String.valueOf(file.getFileName())));
        }
        AtomicFiles.publishFolder(part, copy);
    }

    private static List<Path> files(Path model) throws IOException {
        if (Files.isRegularFile(model)) {
            return List.of(model);
        }
        try (Stream<Path> all = Files.list(model)) {
            return all.filter(Files::isRegularFile)
                    .filter(f -> !String.valueOf(f.getFileName()).startsWith("."))
                    .sorted()
                    .toList();
        }
    }

    /** Another one when a file is: by names, sizes and times, as reading the weights is what a copy is to save. */
    private static String key(Path model) throws IOException {
        StringBuilder all = new StringBuilder(model.toAbsolutePath().toString());
        for (Path file : files(model)) {
            all.append('\n')
                    .append(file.getFileName())
                    .append(' ')
                    .append(Files.size(file))
                    .append(' ')
                    .append(Files.getLastModifiedTime(file).toMillis());
        }
        return model.getFileName() + "-"
                + Checksums.sha256(all.toString().getBytes(StandardCharsets.UTF_8))
                        .substring(0, 16);
    }

    private static boolean isRemote(Path model) {
        @Nullable String type;
        try {
            type = Files.getFileStore(model).type();
        } catch (IOException unknown) { // below a changed root mounts cannot be told
            return false;
        }
        return type != null && NETWORKS.stream().anyMatch(type.toLowerCase(java.util.Locale.ROOT)::startsWith);
    }
}
