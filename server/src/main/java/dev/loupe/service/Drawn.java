package dev.loupe.service;

/** What drawings of circuits and of attribution graphs write alike, as DOT and as SVG. */
final class Drawn {
    private Drawn() {}

    /** Blue for what speaks for the answer, red for what speaks against it. */
    static String colour(double value) {
        return value >= 0 ? "#2563eb" : "#dc2626";
    }

    /** A string of DOT. */
    static String quoted(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
    }
}
