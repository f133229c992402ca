package dev.loupe.bench.fault;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A file system in memory whose size can be set: mounting one needs the rights of root. */
final class SmallDisk implements AutoCloseable {
    private final Path folder;

    private SmallDisk(Path folder) {
        this.folder = folder;
    }

    /** Mounts one. */
    static SmallDisk mount(Path folder, long bytes) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        run(List.of("mount", "-t", "tmpfs", "-o", "size=" + bytes, "loupe-faults", folder.toString()));
        return new SmallDisk(folder);
    }

    /** Whether this process may. */
    static boolean permitted(Path folder) throws InterruptedException {
        try (SmallDisk disk = mount(folder, 1 << 20)) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    Path folder() {
        return folder;
    }

    /** How many bytes are taken: what folders take differs between file systems. */
    long used() throws IOException {
        FileStore store = Files.getFileStore(folder);
        return store.getTotalSpace() - store.getUnallocatedSpace();
    }

    /** Gives it another size. */
    void resize(long bytes) throws IOException, InterruptedException {
        run(List.of("mount", "-o", "remount,size=" + bytes, folder.toString()));
    }

    private static void run(List<String> command) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(p.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        if (p.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + ": " + said.strip());
        }
    }

    @Override
    public void close() throws IOException {
        try {
            run(List.of("umount", "-l", folder.toString()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
