package dev.loupe.http;

import dev.loupe.service.Views;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Server-sent events written by hand from an ordinary handler: clients of the OpenAI protocol do not always send the
 * Accept header that ready-made routes insist on.
 */
final class EventStream {
    private final OutputStream out;
    private boolean open = true;

    EventStream(Context ctx) {
        Asked.streams(ctx);
        ctx.contentType("text/event-stream; charset=utf-8");
        ctx.header("Cache-Control", "no-store");
        ctx.header("X-Accel-Buffering", "no");
        ctx.disableCompression();
        try {
            out = ctx.res().getOutputStream();
            ctx.res().flushBuffer(); // the client sees at once that its request was taken
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Sends one event; a client that went away closes the stream. */
    void send(@Nullable String id, @Nullable String name, Object data) {
        write((id == null ? "" : "id: " + id + "\n") + (name == null ? "" : "event: " + name + "\n") + "data: "
                + (data instanceof String s ? s : Views.line(data)) + "\n\n");
    }

    /** Sends a comment, to find out whether anybody listens. */
    void ping() {
        write(": \n\n");
    }

    boolean open() {
        return open;
    }

    private void write(String text) {
        if (!open) {
            return;
        }
        try {
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            open = false;
        }
    }
}
