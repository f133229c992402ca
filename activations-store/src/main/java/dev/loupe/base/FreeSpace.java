package dev.loupe.base;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Room on a disk. */
public final class FreeSpace {
    private FreeSpace() {}

    /**
     * Bytes that may still be written to the disk of a folder.
     *
     * @throws IOException if there is no such folder, or its disk does not say
     */
    public static long of(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            throw new NoSuchFileException(folder.toString());
        }
        // Files.getFileStore looks the disk up among the mounts, where a chroot or a sandbox may not find it
        return folder.getFileSystem() == FileSystems.getDefault()
                ? folder.toFile().getUsableSpace()
                : Files.getFileStore(folder).getUsableSpace();
    }
}
