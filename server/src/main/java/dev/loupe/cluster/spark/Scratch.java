package dev.loupe.cluster.spark;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.zip.CRC32C;

/**
 * The executor's side of a storage: a folder of this machine that stands in for the workspace. All executors of a machine and
 * of one storage use the same, so that stores, SAEs and models come to a machine once; they stay there for later work.
 */
final class Scratch {
    /** Names a folder of every machine for it; a folder below the machine's temporary one otherwise. */
    static final String FOLDER = "LOUPE_SCRATCH";

    private static final ConcurrentHashMap<Path, ReentrantLock> LOCKS = new ConcurrentHashMap<>();

    private final Storage storage;
    private final Path folder;

    private Scratch(Storage storage, Path folder) {
        this.storage = storage;
        this.folder = folder;
    }

    /** The one of a storage on this machine. */
    static Scratch of(Storage storage, String address) throws IOException {
        String named = System.getenv(FOLDER);
        return of(
                storage,
                named == null || named.isBlank()
                        ? Path.of(System.getProperty("java.io.tmpdir"), "loupe-" + System.getProperty("user.name"))
                        : Path.of(named),
                address);
    }

    static Scratch of(Storage storage, Path base, String address) throws IOException {
        CRC32C sum = new CRC32C();
        sum.update(address.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        if (!Files.isDirectory(base)) {
            Files.createDirectories(base.toAbsolutePath().getParent());
            try {
                Files.createDirectory(
                        base, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } catch (java.nio.file.FileAlreadyExistsException e) {
                // another executor was faster
            }
        }
        Path folder = base.resolve(Long.toHexString(sum.getValue()));
        Files.createDirectories(folder);
        return new Scratch(storage, folder.toAbsolutePath());
    }

    /** What stands in for the workspace. */
    Path folder() {
        return folder;
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
        Path note = here.resolveSibling("." + here.getFileName() + ".from");
        Path lock = here.resolveSibling("." + here.getFileName() + ".fetch");
        ReentrantLock ours = LOCKS.computeIfAbsent(lock, l -> new ReentrantLock());
        ours.lock(); // a lock of the system holds between processes only
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock held = channel.lock()) {
            if (Files.isDirectory(here)
                    && Files.exists(note)
                    && Files.readString(note).equals(list)) {
                return;
            }
            storage.get(name, list, here);
            Files.writeString(note, list);
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
}
