package dev.loupe.base;

/** Text inside HTML, SVG and XML. */
public final class Markup {
    private Markup() {}

    /** The text with its five special characters replaced, for an element's content or an attribute's value. */
    public static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }
}
