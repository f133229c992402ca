package dev.loupe.base;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Files and folders that appear whole or not at all: content goes to a temporary name in the same folder, reaches the
 * disk, and is renamed. A reader never meets half a file, and a killed writer leaves only names that {@link #isTemporary}
 * recognises.
 */
public final class AtomicFiles {
    private static final String MARK = ".tmp-";

    private AtomicFiles() {}

    /** Something that writes to a stream. */
    @FunctionalInterface
    public interface Writer {
        /** Writes the whole content. */
        void write(OutputStream out) throws IOException;
    }

    /** Something that fills a folder. */
    @FunctionalInterface
    public interface FolderWriter {
        /** Writes all its files. */
        void write(Path folder) throws IOException;
    }

    /** Writes a folder of files; nothing is left of one that failed. */
    public static void writeFolder(Path target, FolderWriter content) {
        Path temporary = temporary(target);
        try {
            Files.createDirectories(temporary);
            content.write(temporary);
            publishFolder(temporary, target);
        } catch (IOException | UncheckedIOException e) {
            throw failure(target, e);
        } finally {
            deleteQuietly(temporary); // gone already unless something failed
        }
    }

    /** Writes a file through a stream. */
    public static void write(Path file, Writer content) {
        Path target = file.toAbsolutePath();
        if (Files.isDirectory(target)) { // publishing would put the file in the place of all that is in it
            throw new LoupeException(target + " is a folder, and a file was to be written there; choose another name.");
        }
        Path temporary = temporary(target);
        try {
            Files.createDirectories(parent(target));
            try (FileChannel channel =
                            FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                    OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16)) {
                content.write(out);
                out.flush();
                channel.force(true);
            }
            publish(temporary, target);
        } catch (IOException | UncheckedIOException e) {
            deleteQuietly(temporary);
            throw failure(target, e);
        } catch (RuntimeException | Error e) {
            deleteQuietly(temporary);
            throw e;
        }
    }

    /** Writes a file from bytes. */
    public static void write(Path file, byte[] bytes) {
        write(file, out -> out.write(bytes));
    }

    /** Writes a file from text, as UTF-8. */
    public static void writeString(Path file, String text) {
        write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /** A name beside {@code target}, on the same file system, under which half-written content may lie. */
    public static Path temporary(Path target) {
        Path absolute = target.toAbsolutePath();
        return absolute.resolveSibling("." + absolute.getFileName() + MARK + UUID.randomUUID());
    }

    /** Deletes what attempts to write {@code target} left behind; for whoever alone may write it. */
    public static void sweep(Path target) {
        Path absolute = target.toAbsolutePath();
        String prefix = "." + absolute.getFileName() + MARK;
        try (Stream<Path> siblings = Files.list(parent(absolute))) {
            for (Path p : siblings.filter(s -> String.valueOf(s.getFileName()).startsWith(prefix))
                    .toList()) {
                deleteTree(p);
            }
        } catch (IOException ignored) {
            // their names say what they are
        }
    }

    /** Whether a name is that of half-written content. */
    public static boolean isTemporary(Path path) {
        Path name = path.getFileName();
        return name != null
                && name.toString().startsWith(".")
                && name.toString().contains(MARK);
    }

    /**
     * Renames finished content (a file or a folder, already on disk) to its own name. An older folder of that name is
     * moved away first and deleted afterwards.
     */
    public static void publish(Path temporary, Path target) throws IOException {
        Path old = null;
        if (Files.isDirectory(target)) {
            old = temporary(target);
            Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
        }
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        sync(parent(target.toAbsolutePath()));
        if (old != null) {
            deleteTree(old);
        }
    }

    /** Makes a finished folder of files appear under its own name: every file is forced to disk, then it is renamed. */
    public static void publishFolder(Path temporary, Path target) {
        try {
            Files.walkFileTree(temporary, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    sync(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(
                        Path folder, java.io.@org.jspecify.annotations.Nullable IOException e) throws IOException {
                    sync(folder); // the names of its files
                    return FileVisitResult.CONTINUE;
                }
            });
            publish(temporary, target);
        } catch (IOException e) {
            throw failure(target, e);
        }
    }

    /** Forces a file or folder to disk, where the platform allows it. */
    public static void sync(Path path) throws IOException {
        boolean folder = Files.isDirectory(path);
        try (FileChannel channel =
                FileChannel.open(path, folder ? StandardOpenOption.READ : StandardOpenOption.WRITE)) {
            channel.force(true);
        } catch (IOException e) {
            if (!folder) { // some platforms cannot open folders; the rename itself is still atomic there
                throw e;
            }
        }
    }

    /**
     * Deletes a file; nothing happens if there is none.
     *
     * @throws LoupeException if it cannot be deleted
     */
    public static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw failure(file, e);
        }
    }

    /** Deletes a file or a folder with everything in it; nothing happens if there is none. */
    public static void deleteTree(Path root) throws IOException {
        if (!Files.exists(root, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(
                    Path folder, java.io.@org.jspecify.annotations.Nullable IOException e) throws IOException {
                Files.delete(folder);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** The sentence for a write that failed: names the file, and the cure where the disk is full. */
    public static LoupeException failure(Path target, Exception e) {
        Throwable cause = e instanceof UncheckedIOException u && u.getCause() != null ? u.getCause() : e;
        String reason = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
        boolean full = reason.contains("No space left")
                || reason.contains("not enough space")
                || reason.contains("quota exceeded");
        return new LoupeException(
                full
                        ? "The disk is full: " + target + " could not be written; free some space and run the same"
                                + " command again, finished parts are kept."
                        : "The file " + target + " could not be written (" + reason + ").",
                e);
    }

    private static Path parent(Path absolute) {
        Path parent = absolute.getParent();
        if (parent == null) {
            throw new LoupeException("The path " + absolute + " is not a file or folder inside another folder.");
        }
        return parent;
    }

    private static void deleteQuietly(Path path) {
        try {
            deleteTree(path);
        } catch (IOException ignored) {
            // the temporary name says what it is; a later run may remove it
        }
    }
}
