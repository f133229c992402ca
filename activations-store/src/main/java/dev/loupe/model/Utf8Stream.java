package dev.loupe.model;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Bytes in, text out as soon as it is certain: an incomplete character waits for its remaining bytes, bytes that are no
 * UTF-8 become U+FFFD. Used by one thread.
 */
final class Utf8Stream {
    private final CharsetDecoder decoder = StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private ByteBuffer waiting = ByteBuffer.allocate(0);

    /** Takes bytes and gives the text that they complete. */
    String add(byte[] bytes) {
        ByteBuffer in = ByteBuffer.allocate(waiting.remaining() + bytes.length)
                .put(waiting)
                .put(bytes)
                .flip();
        String text = decode(in, false);
        waiting = in;
        return text;
    }

    /** The end: what still waits is no character. */
    String end() {
        return decode(waiting, true);
    }

    private String decode(ByteBuffer in, boolean last) {
        CharBuffer out = CharBuffer.allocate(in.remaining() + 4); // never more characters than bytes
        decoder.decode(in, out, last);
        if (last) {
            decoder.flush(out);
        }
        return out.flip().toString();
    }
}
