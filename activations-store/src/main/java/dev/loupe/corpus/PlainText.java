package dev.loupe.corpus;

import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Documents of a plain text file. Where blank lines separate paragraphs, consecutive paragraphs are gathered until a
 * document has {@value #LONG_ENOUGH} characters; a file without any blank line has one document a line.
 */
final class PlainText {
    static final int LONG_ENOUGH = 1000;

    /** Where a document ends that has no blank line: nothing may fill memory. */
    static final int LONGEST = 1 << 26;

    private PlainText() {}

    static Stream<Document> documents(Path file, String name) {
        boolean paragraphs = hasParagraphs(file);
        Lines lines = new Lines(file);
        return lines.documents(() -> paragraphs ? gathered(lines, name) : single(lines, name));
    }

    /** Whether a blank line stands between two lines with text. */
    private static boolean hasParagraphs(Path file) {
        try (Lines lines = new Lines(file)) {
            boolean text = false;
            boolean gap = false;
            for (String line; (line = lines.next()) != null; ) {
                if (line.isBlank()) {
                    gap = text;
                } else if (gap) {
                    return true;
                } else {
                    text = true;
                }
            }
            return false;
        }
    }

    private static @Nullable Document single(Lines lines, String name) {
        for (String line; (line = lines.next()) != null; ) {
            if (!line.isBlank()) {
                return new Document(name + ":" + lines.number(), line.strip());
            }
        }
        return null;
    }

    private static @Nullable Document gathered(Lines lines, String name) {
        StringBuilder text = new StringBuilder();
        long first = 0;
        boolean gap = false;
        for (String line; (line = lines.next()) != null; ) {
            if (line.isBlank()) {
                if (text.length() >= LONG_ENOUGH) {
                    break;
                }
                gap = text.length() > 0;
                continue;
            }
            if (text.length() == 0) {
                first = lines.number();
            } else {
                text.append(gap ? "\n\n" : "\n");
            }
            gap = false;
            text.append(line);
            if (text.length() >= LONGEST) {
                break;
            }
        }
        return text.length() == 0
                ? null
                : new Document(name + ":" + first, text.toString().strip());
    }
}
