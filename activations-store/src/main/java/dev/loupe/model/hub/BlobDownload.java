package dev.loupe.model.hub;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.FreeSpace;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;

/** Fetches one file into the cache: continues what was begun, checks length and checksum, then renames. */
final class BlobDownload {
    private static final int TRIES = 5;
    private static final long STALLED_NANOS = 60_000_000_000L;

    private final HubClient client;
    private final Progress progress;
    private final Duration pause;

    BlobDownload(HubClient client, Progress progress, Duration pause) {
        this.client = client;
        this.progress = progress;
        this.pause = pause;
    }

    /**
     * Makes a file, unless it is there.
     *
     * @param target where it shall lie
     * @param part where its beginning lies until it is whole, on the same disk
     */
    void run(HubClient.RemoteFile file, Path target, Path part) {
        if (Files.isRegularFile(target)) {
            return;
        }
        try {
            Files.createDirectories(part.toAbsolutePath().getParent());
            progress.stage("download " + file.name(), file.size(), "bytes");
            space(file, part);
            fill(file, part);
            check(file, part);
            AtomicFiles.sync(part);
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw AtomicFiles.failure(part, e);
        }
    }

    private static void space(HubClient.RemoteFile file, Path part) throws IOException {
        long have = Files.exists(part) ? Files.size(part) : 0;
        long free = FreeSpace.of(Objects.requireNonNull(part.toAbsolutePath().getParent()));
        if (file.size() - have > free) {
            throw new LoupeException(
                    "The disk of " + part.getParent() + " has " + free + " bytes free, but " + file.name() + " needs "
                            + (file.size() - have) + ": free some space, or set HF_HOME to another disk.");
        }
    }

    private void fill(HubClient.RemoteFile file, Path part) throws IOException {
        IOException last = null;
        for (int i = 0; i < TRIES; i++) {
            if (i > 0) {
                HubClient.sleep(pause.multipliedBy(1L << (i - 1)));
            }
            long have = Files.exists(part) ? Files.size(part) : 0;
            if (file.size() >= 0 && have == file.size()) {
                return;
            }
            if (file.size() >= 0 && have > file.size()) {
                Files.delete(part);
                have = 0;
            }
            HttpResponse<InputStream> response = client.content(file, have);
            if (response.statusCode() == 416) { // nothing there to continue
                HubClient.close(response);
                Files.deleteIfExists(part);
                continue;
            }
            try {
                copy(response, part, response.statusCode() == 206 ? have : 0, file);
                if (file.size() < 0 || Files.size(part) >= file.size()) {
                    return;
                }
                last = new IOException("it ended after " + Files.size(part) + " of " + file.size() + " bytes");
            } catch (WriteFailed e) {
                throw e.io;
            } catch (IOException e) {
                last = e;
            }
        }
        throw client.unreachable(last);
    }

    /** A write of ours that failed: no reason to ask the hub again. */
    private static final class WriteFailed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final transient IOException io;

        WriteFailed(IOException io) {
            super(io);
            this.io = io;
        }
    }

    private void copy(HttpResponse<InputStream> response, Path part, long from, HubClient.RemoteFile file)
            throws IOException {
        StandardOpenOption how = from > 0 ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING;
        AtomicLong heard = new AtomicLong(System.nanoTime());
        InputStream in = response.body();
        Thread watch = Thread.ofVirtual().start(() -> closeWhenStalled(in, heard));
        try (in;
                OutputStream out =
                        Files.newOutputStream(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE, how)) {
            byte[] buffer = new byte[1 << 16];
            long at = from;
            for (int n; (n = in.read(buffer)) > 0; ) {
                heard.set(System.nanoTime());
                at += n;
                if (file.size() >= 0 && at > file.size()) {
                    throw new LoupeException("The hub sends more than the " + file.size() + " bytes that " + file.name()
                            + " should have.");
                }
                try {
                    out.write(buffer, 0, n);
                } catch (IOException e) {
                    throw new WriteFailed(e);
                }
                progress.advance(at);
                progress.check();
            }
        } finally {
            watch.interrupt();
        }
    }

    private static void closeWhenStalled(InputStream in, AtomicLong heard) {
        try {
            while (System.nanoTime() - heard.get() < STALLED_NANOS) {
                Thread.sleep(1000);
            }
            in.close(); // the reader gets an exception and asks again
        } catch (InterruptedException | IOException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The etag is the SHA-256 of a large file, Git's checksum of a small one; other hubs may use what they like. */
    private static void check(HubClient.RemoteFile file, Path part) throws IOException {
        String etag = file.etag();
        String actual = etag.matches("[0-9a-f]{64}")
                ? Checksums.sha256(part)
                : etag.matches("[0-9a-f]{40}") ? gitSum(part) : etag;
        if (!actual.equals(etag)) {
            Files.delete(part);
            throw new LoupeException("The file " + file.name() + " arrived damaged (its checksum is " + actual
                    + ", the hub says " + etag + "); it was thrown away, run the same command again.");
        }
    }

    /** SHA-1 over {@code "blob SIZE\0"} and the content, as Git names it. */
    private static String gitSum(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-1");
            digest.update(("blob " + Files.size(file) + "\0").getBytes(StandardCharsets.UTF_8));
            byte[] buffer = new byte[1 << 16];
            for (int n; (n = in.read(buffer)) > 0; ) {
                digest.update(buffer, 0, n);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-1", e);
        }
    }
}
