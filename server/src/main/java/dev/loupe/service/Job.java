package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A job as it stands now.
 *
 * @param id its name
 * @param kind capture, train, eval, index, compare, ...
 * @param title one line for people
 * @param by cli or server: who started it
 * @param state how it stands
 * @param created when it was asked for
 * @param ended when it ended; null while it has not
 * @param stage what is happening
 * @param done how much of the stage is done
 * @param total how much there is to do in the stage; negative if unknown
 * @param unit what is counted
 * @param etaSeconds about how long the stage will still take; null if nobody knows
 * @param text the last message, or why it failed
 * @param page address of a page of the cluster that shows the work; null without one, and when it has ended
 * @param request what was asked for
 * @param result what it gave; null before
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Job(
        String id,
        String kind,
        String title,
        String by,
        JobState state,
        Instant created,
        @Nullable Instant ended,
        String stage,
        long done,
        long total,
        String unit,
        @Nullable Double etaSeconds,
        @Nullable String text,
        @Nullable String page,
        JsonNode request,
        @Nullable JsonNode result) {

    /** Share of the stage that is done, 0 to 1; null if unknown. */
    public @Nullable Double fraction() {
        return total > 0 ? Double.valueOf(Math.min(1.0, (double) done / total)) : null;
    }
}
