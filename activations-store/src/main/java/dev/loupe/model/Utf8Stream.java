package dev.loupe.model;

/**
 * Bytes in, text out as soon as it is certain: an incomplete character waits for its remaining bytes, bytes that are no
 * UTF-8 become U+FFFD. This is the decoder of the WHATWG Encoding Standard (section 8.1.1), whose replacements are those
 * of the tokenizers' own library; the JDK's decoder gives one U+FFFD where they give three (encoded surrogates). Used by
 * one thread.
 */
final class Utf8Stream {
    private static final int REPLACEMENT = 0xFFFD;

    private int codePoint;
    private int missing;
    private int lower = 0x80;
    private int upper = 0xBF;

    /** The text of bytes that stand for themselves. */
    static String decode(byte[] bytes) {
        Utf8Stream stream = new Utf8Stream();
        return stream.add(bytes) + stream.end();
    }

    /** Takes bytes and gives the text that they complete. */
    String add(byte[] bytes) {
        StringBuilder text = new StringBuilder(bytes.length);
        for (byte b : bytes) {
            int value = b & 0xFF;
            if (missing > 0 && (value < lower || value > upper)) {
                text.appendCodePoint(REPLACEMENT);
                missing = 0; // the byte itself begins anew
            }
            if (missing > 0) {
                codePoint = codePoint << 6 | (value & 0x3F);
                missing--;
                lower = 0x80;
                upper = 0xBF;
                if (missing == 0) {
                    text.appendCodePoint(codePoint);
                }
            } else {
                begin(value, text);
            }
        }
        return text.toString();
    }

    /** The first byte of a character: how many follow, and between which values the next one must lie. */
    private void begin(int value, StringBuilder text) {
        lower = value == 0xE0 ? 0xA0 : value == 0xF0 ? 0x90 : 0x80; // no longer form than needed
        upper = value == 0xED ? 0x9F : value == 0xF4 ? 0x8F : 0xBF; // no surrogates, nothing above U+10FFFF
        if (value <= 0x7F) {
            text.append((char) value);
        } else if (value >= 0xC2 && value <= 0xDF) {
            missing = 1;
            codePoint = value & 0x1F;
        } else if (value >= 0xE0 && value <= 0xEF) {
            missing = 2;
            codePoint = value & 0x0F;
        } else if (value >= 0xF0 && value <= 0xF4) {
            missing = 3;
            codePoint = value & 0x07;
        } else {
            text.appendCodePoint(REPLACEMENT);
        }
    }

    /** The end: what still waits is no character. */
    String end() {
        boolean incomplete = missing > 0;
        missing = 0;
        return incomplete ? Character.toString(REPLACEMENT) : "";
    }
}
