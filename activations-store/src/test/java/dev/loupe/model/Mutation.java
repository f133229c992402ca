package dev.loupe.model;

import dev.loupe.fixtures.Cases;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Small damage to valid files: what bad disks, broken downloads and unfriendly people do to them. */
final class Mutation {
    private static final long[] NUMBERS = {
        0,
        1,
        2,
        8,
        31,
        255,
        65_535,
        65_536,
        Integer.MAX_VALUE,
        1L << 31,
        0xFFFFFFFFL,
        1L << 32,
        1L << 40,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        -1,
        -2,
        1L << 62
    };

    private static final String[] VALUES = {
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"x\"",
        "-1",
        "0",
        "1e400",
        "-0.0",
        "1.5",
        "2147483647",
        "2147483648",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999999",
        "[[[[1]]]]",
        "{\"a\": {}}",
        "NaN",
        "\u2581"
    };

    /** A number, a word or a text of JSON, where another value may stand. */
    private static final Pattern VALUE =
            Pattern.compile("-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|true|false|null|\"[^\"]*\"");

    private Mutation() {}

    /** One to four changes anywhere. */
    static byte[] bytes(byte[] whole, Cases.Random random) {
        byte[] bytes = whole.clone();
        for (int i = random.nextInt(1, 5); i > 0 && bytes.length > 0; i--) {
            // the header decides what happens: most changes go there
            int limit = random.nextInt(4) > 0 ? Math.min(bytes.length, 4096) : bytes.length;
            int at = random.nextInt(limit);
            switch (random.nextInt(8)) {
                case 0 -> bytes[at] = (byte) random.nextInt(256);
                case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> number(bytes, at, 4, random);
                case 3 -> number(bytes, at, 8, random);
                case 4 -> bytes = Arrays.copyOf(bytes, at + 1);
                case 5 -> bytes = Arrays.copyOf(bytes, bytes.length + random.nextInt(1, 100));
                case 6 -> {
                    int from = random.nextInt(bytes.length);
                    int n = Math.min(random.nextInt(1, 64), bytes.length - Math.max(from, at));
                    System.arraycopy(bytes, from, bytes, at, n);
                }
                default -> bytes[at] = (byte) "09-\"}]{[,:".charAt(random.nextInt(10));
            }
        }
        return bytes;
    }

    private static void number(byte[] bytes, int at, int width, Cases.Random random) {
        if (at + width <= bytes.length) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            long value = NUMBERS[random.nextInt(NUMBERS.length)];
            if (width == 4) {
                buffer.putInt(at, (int) value);
            } else {
                buffer.putLong(at, value);
            }
        }
    }

    /** One to three values replaced, or bytes damaged. */
    static byte[] json(byte[] whole, Cases.Random random) {
        if (random.nextInt(4) == 0) {
            return bytes(whole, random);
        }
        String text = new String(whole, StandardCharsets.UTF_8);
        for (int i = random.nextInt(1, 4); i > 0; i--) {
            MatchResult[] values = VALUE.matcher(text).results().toArray(MatchResult[]::new);
            if (values.length > 0) {
                MatchResult at = values[random.nextInt(values.length)];
                text = text.substring(0, at.start()) + random.oneOf(VALUES) + text.substring(at.end());
            }
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
