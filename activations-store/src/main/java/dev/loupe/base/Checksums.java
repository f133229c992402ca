package dev.loupe.base;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/** Checksums: SHA-256 names content, CRC32C guards it against damage. */
public final class Checksums {
    private Checksums() {}

    /** SHA-256 of a file, in hexadecimal. */
    public static String sha256(Path file) {
        MessageDigest digest = sha256();
        try (InputStream in = Files.newInputStream(file)) {
            byte[] buffer = new byte[1 << 20];
            for (int n; (n = in.read(buffer)) > 0; ) {
                digest.update(buffer, 0, n);
            }
        } catch (IOException e) {
            throw new LoupeException("The file " + file + " cannot be read (" + e.getMessage() + ").", e);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** SHA-256 of memory, in hexadecimal. */
    public static String sha256(MemorySegment memory) {
        MessageDigest digest = sha256();
        byte[] buffer = new byte[1 << 20];
        for (long at = 0; at < memory.byteSize(); at += buffer.length) {
            int n = (int) Math.min(buffer.length, memory.byteSize() - at);
            MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, at, buffer, 0, n);
            digest.update(buffer, 0, n);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** SHA-256 of bytes, in hexadecimal. */
    public static String sha256(byte[] bytes) {
        return HexFormat.of().formatHex(sha256().digest(bytes));
    }

    /** CRC32C of a piece of memory. */
    public static int crc32c(MemorySegment memory) {
        CRC32C crc = new CRC32C();
        long size = memory.byteSize();
        for (long at = 0; at < size; at += 1 << 30) { // a byte buffer ends at 2 GiB
            MemorySegment part = memory.asSlice(at, Math.min(1 << 30, size - at));
            if (part.isNative()) {
                crc.update(part.asByteBuffer());
            } else {
                crc.update(part.toArray(ValueLayout.JAVA_BYTE)); // arrays of numbers have no byte buffer over them
            }
        }
        return (int) crc.getValue();
    }

    /** A fresh SHA-256 digest. */
    public static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
