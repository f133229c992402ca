package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One line of a job's {@code events.jsonl}.
 *
 * @param seq number of the line, from 0; not in the file
 * @param at milliseconds since 1970
 * @param type start, stage, progress, metric, message, page, done, failed or cancelled
 * @param stage name of the stage that begins (stage)
 * @param total how much there is to do in it, negative if unknown (stage)
 * @param unit what is counted (stage)
 * @param done how much of the stage is done (progress)
 * @param name name of the curve (metric)
 * @param step where on the curve (metric)
 * @param value value there (metric)
 * @param text what is worth reading (message, failed), or the address of a page (page)
 * @param result what the job gave (done)
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record JobEvent(
        @Nullable Integer seq,
        long at,
        String type,
        @Nullable String stage,
        @Nullable Long total,
        @Nullable String unit,
        @Nullable Long done,
        @Nullable String name,
        @Nullable Long step,
        @Nullable Double value,
        @Nullable String text,
        @Nullable JsonNode result) {

    private static JobEvent plain(String type, @Nullable String text, @Nullable JsonNode result) {
        return new JobEvent(
                null, System.currentTimeMillis(), type, null, null, null, null, null, null, null, text, result);
    }

    static JobEvent start() {
        return plain("start", null, null);
    }

    static JobEvent stage(String name, long total, String unit) {
        return new JobEvent(
                null, System.currentTimeMillis(), "stage", name, total, unit, null, null, null, null, null, null);
    }

    static JobEvent progress(long done) {
        return new JobEvent(
                null, System.currentTimeMillis(), "progress", null, null, null, done, null, null, null, null, null);
    }

    static JobEvent metric(String name, long step, double value) {
        return new JobEvent(
                null, System.currentTimeMillis(), "metric", null, null, null, null, name, step, value, null, null);
    }

    static JobEvent message(String text) {
        return plain("message", text, null);
    }

    static JobEvent page(String address) {
        return plain("page", address, null);
    }

    static JobEvent done(@Nullable JsonNode result) {
        return plain("done", null, result);
    }

    static JobEvent failed(String sentence) {
        return plain("failed", sentence, null);
    }

    static JobEvent cancelled() {
        return plain("cancelled", null, null);
    }

    JobEvent numbered(int number) {
        return new JobEvent(number, at, type, stage, total, unit, done, name, step, value, text, result);
    }

    /** Whether this is the last event of its job. */
    public boolean last() {
        return type.equals("done") || type.equals("failed") || type.equals("cancelled");
    }
}
