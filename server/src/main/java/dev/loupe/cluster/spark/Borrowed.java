package dev.loupe.cluster.spark;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Files that tasks of several executors of a machine use at the same time: each goes when nobody uses it any more. Who uses
 * one holds a lock of the system on a file {@code .uses/NAME}, so whoever is killed does not hold it any longer.
 */
final class Borrowed {
    private static final String USES = ".uses";
    private static final String LOCK = ".lock";

    /** A lock of the system holds between processes only. */
    private static final ReentrantLock OURS = new ReentrantLock();

    private static final Map<Path, Use> HELD = new ConcurrentHashMap<>();

    private final Path folder;
    private final Path uses;

    /** A file in use by this process: how often, and the lock. */
    private record Use(int times, FileChannel channel, FileLock lock) {}

    private interface Step {
        void run() throws IOException;
    }

    /** Of the files below a folder of this machine. */
    Borrowed(Path folder) throws IOException {
        this.folder = folder;
        this.uses = folder.resolve(USES);
        Files.createDirectories(uses);
    }

    /** Holds files, by name; they need not be there. */
    void take(List<String> names) throws IOException {
        alone(() -> {
            for (String name : names) {
                Path mark = mark(name);
                Use use = HELD.get(mark);
                if (use == null) {
                    FileChannel channel = open(mark);
                    use = new Use(0, channel, channel.lock(0, Long.MAX_VALUE, true));
                }
                HELD.put(mark, new Use(use.times + 1, use.channel, use.lock));
            }
        });
    }

    /** Lets files go; those that nobody holds are deleted. */
    void give(List<String> names) throws IOException {
        alone(() -> {
            for (String name : names) {
                Path mark = mark(name);
                Use use = HELD.get(mark);
                if (use == null) {
                    continue;
                }
                if (use.times > 1) {
                    HELD.put(mark, new Use(use.times - 1, use.channel, use.lock));
                    continue;
                }
                HELD.remove(mark);
                use.lock.release();
                use.channel.close();
                deleteUnused(mark, name);
            }
        });
    }

    /** Deletes files that processes have left behind which do not live any more. */
    void sweep() throws IOException {
        List<Path> marks;
        try (Stream<Path> all = Files.list(uses)) {
            marks = all.collect(Collectors.toList());
        }
        alone(() -> {
            for (Path mark : marks) {
                String name = mark.getFileName().toString().replace('+', '/');
                if (!name.equals(LOCK) && !HELD.containsKey(mark) && Files.exists(mark)) {
                    deleteUnused(mark, name);
                }
            }
        });
    }

    private void deleteUnused(Path mark, String name) throws IOException {
        try (FileChannel channel = open(mark);
                FileLock lock = channel.tryLock()) {
            if (lock != null) {
                Files.deleteIfExists(folder.resolve(name));
                Files.deleteIfExists(mark);
            }
        }
    }

    /** One process and one thread of it at a time: so nobody begins to use what is just being deleted. */
    private void alone(Step step) throws IOException {
        OURS.lock();
        try (FileChannel channel = open(uses.resolve(LOCK));
                FileLock lock = channel.lock()) {
            step.run();
        } finally {
            OURS.unlock();
        }
    }

    private Path mark(String name) {
        return uses.resolve(name.replace('/', '+'));
    }

    private static FileChannel open(Path file) throws IOException {
        return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    }
}
