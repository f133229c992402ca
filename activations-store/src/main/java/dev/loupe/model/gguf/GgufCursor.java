package dev.loupe.model.gguf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Reads the header of a GGUF file from front to back; every step is checked against the end of the file first. */
final class GgufCursor {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path path;
    private final MemorySegment file;
    private long at;

    GgufCursor(Path path, MemorySegment file) {
        this.path = path;
        this.file = file;
    }

    long position() {
        return at;
    }

    /**
     * Skips bytes.
     *
     * @param what for the message when the file ends before them
     * @return where they begin
     */
    long skip(long bytes, String what) {
        if (bytes < 0 || bytes > file.byteSize() - at) {
            throw damaged("it ends inside " + what);
        }
        long begin = at;
        at += bytes;
        return begin;
    }

    int int32(String what) {
        return file.get(INT, skip(4, what));
    }

    long int64(String what) {
        return file.get(LONG, skip(8, what));
    }

    /**
     * A count of things that follow, each of at least so many bytes: no file can hold more than fit.
     *
     * @param least bytes that one of them takes at the least
     */
    long count(long least, String what) {
        long count = int64(what);
        if (count < 0 || count > (file.byteSize() - at) / least) {
            throw damaged("it claims " + Long.toUnsignedString(count) + " for " + what
                    + ", more than the rest of it can hold");
        }
        return count;
    }

    /** A text with its length before it; bytes that are no UTF-8 become U+FFFD. */
    String text(String what) {
        return text(Integer.MAX_VALUE - 8, what);
    }

    String text(int most, String what) {
        long length = count(1, "the length of " + what);
        if (length > most) {
            throw damaged(what + " has " + length + " bytes");
        }
        byte[] bytes = file.asSlice(skip(length, what), length).toArray(JAVA_BYTE);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    LoupeException damaged(String what) {
        return new LoupeException(
                "The GGUF file " + path + " is damaged or incomplete: " + Fmt.shown(what) + "; fetch it again.");
    }
}
