package dev.loupe.base;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The right to write one artifact folder, held by one process at a time through a lock of the operating system (so a
 * killed writer never leaves it behind). What a killed writer had half written goes when the next one has the lock. The lock
 * file {@code .NAME.lock} beside the folder says who holds it.
 */
public final class ArtifactLock implements AutoCloseable {
    /** The locked byte lies far behind the text, so that others can read who holds the lock on every platform. */
    private static final long LOCKED_BYTE = 1L << 30;

    private static final long POLL_MILLIS = 100;

    /**
     * What this process holds, and who in it. POSIX takes a process's lock of a file away when the process closes any
     * descriptor of that file, so no thread may so much as look at a lock file that another thread holds.
     */
    private static final Map<Path, String> HELD = new ConcurrentHashMap<>();

    private final Path file;
    private final FileChannel channel;
    private final FileLock lock;

    private ArtifactLock(Path file, FileChannel channel, FileLock lock) {
        this.file = file;
        this.channel = channel;
        this.lock = lock;
    }

    /**
     * Takes the lock of an artifact folder (which need not exist).
     *
     * @param what what the holder is doing, for the message that a second writer gets
     * @throws LoupeException if another process or thread holds it, naming that one
     */
    public static ArtifactLock acquire(Path artifact, String what) {
        Path folder = artifact.toAbsolutePath();
        ArtifactLock lock = tryAcquire(folder, what);
        if (lock == null) {
            throw new LoupeException("Another process is writing " + folder + " (" + holder(folder)
                    + "): wait until it ends or choose another name; nothing was changed.");
        }
        return lock;
    }

    /**
     * The same for what several may want to have, each of which would write the same: whoever comes later waits, and finds it
     * there.
     *
     * @throws CancelledException if the wait is cancelled
     */
    public static ArtifactLock await(Path artifact, String what, Progress progress) {
        Path folder = artifact.toAbsolutePath();
        for (boolean said = false; ; said = true) {
            ArtifactLock lock = tryAcquire(folder, what);
            if (lock != null) {
                return lock;
            }
            if (!said) {
                progress.message("Waiting for another process that is at it (" + holder(folder) + ").");
            }
            progress.check();
            try {
                Thread.sleep(POLL_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancelledException();
            }
        }
    }

    private static Path file(Path folder) {
        return folder.resolveSibling("." + folder.getFileName() + ".lock");
    }

    private static String holder(Path folder) {
        try {
            String own = HELD.get(real(file(folder)));
            String holder = (own == null ? Files.readString(file(folder)) : own).strip();
            return holder.isEmpty() ? "unknown" : holder;
        } catch (IOException e) {
            throw AtomicFiles.failure(file(folder), e);
        }
    }

    /** The one path of a lock file, whatever links lead to its folder. */
    private static Path real(Path file) throws IOException {
        return file.resolveSibling("").toRealPath().resolve(file.getFileName());
    }

    private static @Nullable ArtifactLock tryAcquire(Path folder, String what) {
        Path file = file(folder);
        String text = "process " + ProcessHandle.current().pid() + ", " + what + "\n";
        try {
            Files.createDirectories(file.getParent());
            Path real = real(file);
            if (HELD.putIfAbsent(real, text) != null) {
                return null;
            }
            ArtifactLock taken = null;
            boolean kept = false;
            try {
                taken = locked(real, text);
                if (taken != null) {
                    AtomicFiles.sweep(folder);
                    kept = true;
                }
                return taken;
            } finally {
                if (taken == null) {
                    HELD.remove(real);
                } else if (!kept) {
                    taken.close();
                }
            }
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
    }

    private static @Nullable ArtifactLock locked(Path file, String text) throws IOException {
        FileChannel channel = null;
        ArtifactLock taken = null;
        try {
            channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            FileLock lock = channel.tryLock(LOCKED_BYTE, 1, false);
            if (lock != null) {
                channel.truncate(0);
                channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)), 0);
                taken = new ArtifactLock(file, channel, lock);
            }
            return taken;
        } finally {
            if (taken == null) {
                closeQuietly(channel);
            }
        }
    }

    @Override
    public void close() {
        try {
            lock.release();
        } catch (IOException ignored) {
            // closing the channel releases it as well
        }
        closeQuietly(channel);
        HELD.remove(file);
    }

    private static void closeQuietly(@Nullable FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException ignored) {
                // nothing was promised about this channel
            }
        }
    }
}
