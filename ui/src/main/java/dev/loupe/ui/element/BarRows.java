package dev.loupe.ui.element;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Rows of a name, a bar and a number. */
@Tag("loupe-bars")
@JsModule("context://js/bars.js")
public final class BarRows extends DrawnElement {
    /** The colour of bars. */
    public enum Tone {
        /** The accent. */
        ACCENT,
        /** Activation. */
        ACT,
        /** Positive values. */
        POS,
        /** Negative values. */
        NEG,
        /** By the sign of each row's number. */
        SIGNED
    }

    /**
     * One row; {@code token} in place of {@code name} is shown in the fixed-width face with its spaces visible.
     *
     * @param name its name; empty if it is a token
     * @param token a token's text, or null
     * @param href where the name leads, or null
     * @param more text after the name, or null
     * @param text the number as it is shown
     * @param share length of the bar, 0 to 1
     * @param title tooltip, or null for the name
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Row(
            String name,
            @Nullable String token,
            @Nullable String href,
            @Nullable String more,
            String text,
            double share,
            @Nullable String title) {
        /** A row of a plain name. */
        public static Row named(String name, String text, double share) {
            return new Row(name, null, null, null, text, share, null);
        }

        /** A row of a token. */
        public static Row token(String token, String text, double share) {
            return new Row("", token, null, null, text, share, null);
        }

        /** A row that leads somewhere. */
        public static Row link(String name, String href, @Nullable String more, String text, double share) {
            return new Row(name, null, href, more, text, share, null);
        }
    }

    /** What is drawn. */
    record Data(String tone, boolean narrow, List<Row> rows, String empty) {}

    /** Draws rows in one colour; {@code narrow} makes the bar short, for two lists side by side. */
    public BarRows set(Tone tone, boolean narrow, List<Row> rows, String empty) {
        show(new Data(tone.name().toLowerCase(java.util.Locale.ROOT), narrow, rows, empty));
        return this;
    }
}
