package dev.loupe.dist;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.Deflater;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorOutputStream;
import org.apache.commons.compress.compressors.gzip.GzipParameters;

/**
 * A gzipped tar whose bytes depend on the content alone: entries in the order of their names, one time for all, root as
 * owner, mode 644 or 755, and no trace of the machine in the headers.
 */
final class TarGz {
    private static final int READ = 0100644;
    private static final int RUN = 0100755;
    private static final int FOLDER = 040755;

    private final SortedMap<String, Content> entries = new TreeMap<>();

    /** The content of one entry, asked for when it is written. */
    @FunctionalInterface
    interface Bytes {
        byte[] get() throws IOException;
    }

    private record Content(Bytes bytes, boolean program) {}

    /** Adds a file; {@code program} makes it executable. */
    void add(String name, boolean program, Bytes bytes) {
        if (entries.put(name, new Content(bytes, program)) != null) {
            throw new IllegalArgumentException("two entries named " + name);
        }
    }

    /** Adds a text file. */
    void add(String name, String text) {
        add(name, false, () -> text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Writes the archive.
     *
     * @param top the folder that holds everything
     * @param seconds the time of every entry, since 1970
     */
    void write(OutputStream out, String top, long seconds) throws IOException {
        GzipParameters gzip = new GzipParameters();
        gzip.setModificationTime(0);
        gzip.setOperatingSystem(255); // unknown
        gzip.setCompressionLevel(Deflater.BEST_COMPRESSION);
        // finished, not closed: the caller's stream still has to reach the disk
        GzipCompressorOutputStream packed = new GzipCompressorOutputStream(out, gzip);
        TarArchiveOutputStream tar = new TarArchiveOutputStream(packed, StandardCharsets.UTF_8.name());
        tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
        Set<String> folders = new HashSet<>();
        for (Map.Entry<String, Content> e : entries.entrySet()) {
            String name = top + "/" + e.getKey();
            String folder = name.substring(0, name.lastIndexOf('/') + 1);
            if (folders.add(folder)) {
                head(tar, folder, FOLDER, 0, seconds);
                tar.closeArchiveEntry();
            }
            byte[] bytes = e.getValue().bytes().get();
            head(tar, name, e.getValue().program() ? RUN : READ, bytes.length, seconds);
            tar.write(bytes);
            tar.closeArchiveEntry();
        }
        tar.finish();
        tar.flush();
        packed.finish();
    }

    private static void head(TarArchiveOutputStream tar, String name, int mode, long size, long seconds)
            throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(name, true);
        entry.setSize(size);
        entry.setMode(mode);
        entry.setModTime(seconds * 1000);
        entry.setIds(0, 0);
        entry.setNames("root", "root");
        tar.putArchiveEntry(entry);
    }
}
