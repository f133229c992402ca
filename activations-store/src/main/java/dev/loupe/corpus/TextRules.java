package dev.loupe.corpus;

/** How texts are normalised: exactly as Python's {@code re.sub(r"\s+", " ", text).strip(" ,.")} does it. */
final class TextRules {
    private TextRules() {}

    /** White space collapsed to single blanks; outer blanks, commas and full stops gone. */
    static String normalise(String text) {
        StringBuilder out = new StringBuilder(text.length());
        boolean blank = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (isSpace(c)) {
                blank = true;
            } else {
                if (blank) {
                    out.append(' ');
                    blank = false;
                }
                out.append(c);
            }
        }
        int from = 0;
        int to = out.length(); // a blank at the end was never appended
        while (from < to && isOuter(out.charAt(from))) {
            from++;
        }
        while (to > from && isOuter(out.charAt(to - 1))) {
            to--;
        }
        return out.substring(from, to);
    }

    private static boolean isOuter(char c) {
        return c == ' ' || c == ',' || c == '.';
    }

    /** White space as Python's Unicode {@code \s} has it (not Java's: the no-break spaces count here). */
    static boolean isSpace(char c) {
        return c == ' '
                || (c >= '\t' && c <= '\r')
                || (c >= 0x1c && c <= 0x1f)
                || c == 0x85
                || c == 0xa0
                || c == 0x1680
                || (c >= 0x2000 && c <= 0x200a)
                || c == 0x2028
                || c == 0x2029
                || c == 0x202f
                || c == 0x205f
                || c == 0x3000;
    }
}
