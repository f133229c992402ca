package dev.loupe.ui.element;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import org.jspecify.annotations.Nullable;

/** A histogram; hover or arrow keys read single bins. */
@Tag("loupe-histogram")
@JsModule("context://js/histogram.js")
public final class Histogram extends DrawnElement {
    /**
     * What is drawn.
     *
     * @param counts how many in each bin
     * @param from lower end of the first bin
     * @param to upper end of the last bin; bins between are of equal width
     * @param logCount whether bars are as high as log(1 + count)
     * @param log10 whether the axis is logarithmic; from and to are then log10 of the ends
     * @param what is counted, for the words
     * @param tone "act" or "accent"
     * @param height in CSS pixels
     * @param label text alternative; null for a plain one
     * @param linked whether it marks the value that is pointed at in lists of examples, and frames there what is pointed
     *     at here
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Data(
            long[] counts,
            double from,
            double to,
            boolean logCount,
            boolean log10,
            String what,
            String tone,
            int height,
            @Nullable String label,
            boolean linked) {}

    /** Shades the values between two ends; null and null for none. */
    public void band(@Nullable Double low, @Nullable Double high) {
        getElement().callJsFunction("band", low, high);
    }

    /** Draws a histogram. */
    public void set(Data data) {
        show(data);
    }
}
