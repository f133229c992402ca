package dev.loupe.client;

import org.jspecify.annotations.Nullable;

/**
 * A job of the server.
 *
 * @param id its name
 * @param kind capture, train, eval, index, compare, ...
 * @param state queued, running, done, failed, cancelled or unknown (a later Loupe wrote it)
 * @param stage what is happening
 * @param done how much of the stage is done
 * @param total how much there is to do in it; negative if unknown
 * @param text the last message, or why it failed; null for none
 */
public record JobStatus(
        String id,
        String kind,
        String state,
        String stage,
        long done,
        long total,
        @Nullable String text) {
    /** Whether nothing more will happen. */
    public boolean ended() {
        return !state.equals("queued") && !state.equals("running");
    }
}
