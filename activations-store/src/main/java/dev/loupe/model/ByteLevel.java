package dev.loupe.model;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * GPT-2's table between bytes and the printable characters that stand for them in a vocabulary
 * (github.com/openai/gpt-2, {@code encoder.py}, {@code bytes_to_unicode}): printable Latin-1 stands for itself, the other
 * 68 bytes for U+0100 onwards, in order.
 */
final class ByteLevel {
    private static final int[] BYTE_OF_CHAR = new int[0x100 + 68];

    static {
        java.util.Arrays.fill(BYTE_OF_CHAR, -1);
        int next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            BYTE_OF_CHAR[printable ? b : next++] = b;
        }
    }

    private ByteLevel() {}

    /** The bytes of a vocabulary entry; an entry with any other character stands for its own UTF-8 bytes. */
    static byte[] decode(String entry) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(entry.length());
        for (int i = 0; i < entry.length(); i++) {
            char c = entry.charAt(i);
            int b = c < BYTE_OF_CHAR.length ? BYTE_OF_CHAR[c] : -1;
            if (b < 0) {
                return entry.getBytes(StandardCharsets.UTF_8);
            }
            bytes.write(b);
        }
        return bytes.toByteArray();
    }
}
