package dev.loupe.cluster.spark;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * The executor's side of a storage: a folder of this machine that stands in for the workspace. All executors of a machine and
 * of one storage use the same, so that stores, SAEs and models come to a machine once; they stay there for later work.
 */
final class Scratch {
    /** Names a folder of every machine for it; a folder below the machine's temporary one otherwise. */
    static final String FOLDER = "LOUPE_SCRATCH";

    /** How the name of a note ends that says what a folder beside it was fetched as. */
    private static final String FETCHED = ".from";

    /** How the name of the lock on a folder ends that is being fetched. */
    private static final String FETCHING = ".fetch";

    private static final ConcurrentHashMap<Path, ReentrantLock> LOCKS = new ConcurrentHashMap<>();

    /** Hidden things that nobody has touched for so long belong to nobody: attempts that died, trainings that were given up. */
    private static final long OLD_MILLIS = 7L * 24 * 3600 * 1000;

    private final Storage storage;
    private final Path folder;
    private final Borrowed files;

    private Scratch(Storage storage, Path folder) throws IOException {
        this.storage = storage;
        this.folder = folder;
        this.files = new Borrowed(folder);
    }

    /** The one of a storage on this machine. */
    static Scratch of(Storage storage, String address) throws IOException {
        String named = System.getenv(FOLDER);
        if (named != null && !named.isBlank()) {
            return of(storage, Path.of(named.strip()), address);
        }
        Path base = Path.of(System.getProperty("java.io.tmpdir"), "loupe-" + System.getProperty("user.name"));
        own(base); // everybody may make a folder of that name there
        return of(storage, base, address);
    }

    static Scratch of(Storage storage, Path base, String address) throws IOException {
        CRC32C sum = new CRC32C();
        sum.update(address.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        Files.createDirectories(base);
        Path folder = base.resolve(Long.toHexString(sum.getValue()));
        own(folder);
        return new Scratch(storage, folder.toAbsolutePath());
    }

    /**
     * Makes a folder that only this user can read and write, or looks whether it is one.
     *
     * @throws IOException in a sentence, if it is somebody else's or open to others
     */
    static void own(Path folder) throws IOException {
        Files.createDirectories(folder.toAbsolutePath().getParent());
        if (!folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            Files.createDirectories(folder);
            return;
        }
        try {
            Files.createDirectory(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            return;
        } catch (FileAlreadyExistsException e) {
            // of earlier work, or somebody else's
        }
        String cure = ": delete it, or name a folder of your own on every machine with" + " --conf spark.executorEnv."
                + FOLDER + "=DIR";
        PosixFileAttributes is = Files.readAttributes(folder, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (!is.isDirectory()) {
            throw new IOException("The path " + folder + " is no folder" + cure);
        }
        if (!is.owner().equals(self(folder))) {
            throw new IOException(
                    "The folder " + folder + " belongs to " + is.owner().getName() + cure);
        }
        if (!PosixFilePermissions.toString(is.permissions()).endsWith("------")) {
            throw new IOException("The folder " + folder + " is open to other users of the machine ("
                    + PosixFilePermissions.toString(is.permissions()) + ")" + cure);
        }
    }

    /** Who this process is, as the file system sees it. */
    private static UserPrincipal self(Path folder) throws IOException {
        Path own;
        try {
            own = Files.createTempDirectory(folder, ".own-");
        } catch (AccessDeniedException e) {
            return () -> ""; // not the owner at any rate
        }
        try {
            return Files.getOwner(own);
        } finally {
            Files.delete(own);
        }
    }

    /** What stands in for the workspace. */
    Path folder() {
        return folder;
    }

    /** Deletes what earlier work has left here that nobody needs. */
    void sweep() throws IOException {
        files.sweep();
        long old = System.currentTimeMillis() - OLD_MILLIS;
        for (Path kind : children(folder)) {
            for (Path path : Files.isDirectory(kind) ? children(kind) : List.<Path>of()) {
                String name = path.getFileName().toString();
                boolean ours = name.endsWith(FETCHED) || name.endsWith(FETCHING) || !name.startsWith(".");
                if (!ours && newest(path) < old) {
                    Storage.delete(path);
                }
            }
        }
    }

    private static List<Path> children(Path folder) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.collect(Collectors.toList());
        }
    }

    private static long newest(Path path) throws IOException {
        try (Stream<Path> all = Files.walk(path)) {
            return all.mapToLong(p -> p.toFile().lastModified()).max().orElse(0);
        }
    }

    /** Holds the files that a task needs until it {@link #leave}s them. */
    void hold(String marked) throws IOException {
        files.take(files(marked));
    }

    /** Lets the files of a task go. */
    void leave(String marked) {
        boolean interrupted = Thread.interrupted(); // or no lock can be had
        try {
            files.give(files(marked));
        } catch (IOException e) {
            System.err.println("Files of a task could not be deleted, which a later executor does: " + e);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static List<String> files(String marked) {
        return Stream.of(marked.split("\t"))
                .filter(one -> !one.isEmpty() && one.charAt(0) == Staging.FILE)
                .map(one -> one.substring(1))
                .collect(Collectors.toList());
    }

    /** Brings what a task needs; see {@link Staging#inputs}. */
    void bring(String marked, String task) throws IOException {
        for (String one : marked.split("\t")) {
            if (one.isEmpty()) {
                continue;
            }
            String name = one.substring(1);
            Path here = folder.resolve(name);
            Files.createDirectories(here.getParent());
            if (one.charAt(0) == Staging.FILE) {
                storage.fetch(task + "/in/" + name, here);
            } else {
                bringFolder(name, here);
            }
        }
    }

    /** Once a machine: whoever comes second waits, and finds it there. */
    private void bringFolder(String name, Path here) throws IOException {
        String list = storage.list(name);
        if (list.isEmpty()) {
            throw new IOException("The storage has no " + name + " any more");
        }
        Path note = here.resolveSibling("." + here.getFileName() + FETCHED);
        Path lock = here.resolveSibling("." + here.getFileName() + FETCHING);
        ReentrantLock ours = LOCKS.computeIfAbsent(lock, l -> new ReentrantLock());
        ours.lock(); // a lock of the system holds between processes only
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock held = channel.lock()) {
            if (Files.isDirectory(here)
                    && Files.exists(note)
                    && Files.readString(note).equals(list)) {
                return;
            }
            Files.writeString(note, storage.get(name, here));
        } finally {
            ours.unlock();
        }
    }

    /** Puts what an attempt gave into a folder of the storage, and deletes it here. */
    void send(List<String> names, String to) throws IOException {
        for (String name : names) {
            Path here = folder.resolve(name);
            storage.send(here, to + "/" + name);
            Storage.delete(here);
        }
    }

    /** Deletes files and folders here. */
    void delete(List<String> names) throws IOException {
        for (String name : names) {
            Path here = folder.resolve(name).normalize();
            if (here.startsWith(folder) && !here.equals(folder)) {
                Storage.delete(here);
            }
        }
    }
}
