package dev.loupe.base;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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

    private final FileChannel channel;
    private final FileLock lock;

    private ArtifactLock(FileChannel channel, FileLock lock) {
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
            String holder = Files.readString(file(folder)).strip();
            return holder.isEmpty() ? "unknown" : holder;
        } catch (IOException e) {
            throw AtomicFiles.failure(file(folder), e);
        }
    }

    private static @Nullable ArtifactLock tryAcquire(Path folder, String what) {
        Path file = file(folder);
        FileChannel channel = null;
        try {
            Files.createDirectories(file.getParent());
            channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            FileLock lock;
            try {
                lock = channel.tryLock(LOCKED_BYTE, 1, false);
            } catch (OverlappingFileLockException e) {
                lock = null;
            }
            if (lock == null) {
                channel.close();
                return null;
            }
            String text = "process " + ProcessHandle.current().pid() + ", " + what + "\n";
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)), 0);
            AtomicFiles.sweep(folder);
            return new ArtifactLock(channel, lock);
        } catch (IOException e) {
            closeQuietly(channel);
            throw AtomicFiles.failure(file, e);
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
