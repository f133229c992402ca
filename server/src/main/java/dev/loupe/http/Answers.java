package dev.loupe.http;

import dev.loupe.model.Continuation;
import dev.loupe.model.Generation;
import dev.loupe.model.TokenListener;
import dev.loupe.model.WrittenToken;
import dev.loupe.service.Views;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Writes all texts of a request together, whole or streamed. */
final class Answers {
    private final Workbench bench;
    private final WritingRequest request;
    private final List<int[]> prompts;

    /** What the pieces of a stream look like. */
    interface Shape {
        /** The first piece of a choice; null for none. */
        @Nullable Object first(int choice);

        /** A token of a choice; null for nothing to say. */
        @Nullable Object token(int choice, WrittenToken token);

        /** The end of a choice. */
        Object last(int choice, String reason);

        /** The counts. */
        Object usage(int written);
    }

    Answers(Workbench bench, WritingRequest request, List<int[]> prompts) {
        this.bench = bench;
        this.request = request;
        this.prompts = prompts;
    }

    /**
     * All texts, {@code n} for each prompt.
     *
     * @throws BadParameter if the caller went away before the last token
     */
    List<Generation> whole(Context ctx) {
        Caller caller = new Caller(ctx);
        List<Continuation> begun = begin();
        try {
            List<Generation> texts = begun.stream()
                    .map(c -> c.listen((id, text, logProb) -> !caller.gone()))
                    .toList();
            if (caller.gone()) {
                throw new BadParameter("The client closed the connection before the answer was complete.", null);
            }
            return texts;
        } finally {
            begun.forEach(Continuation::cancel); // where one failed nobody wants the others
        }
    }

    private List<Continuation> begin() {
        List<Continuation> begun = new ArrayList<>();
        try {
            for (int[] prompt : prompts) {
                for (int i = 0; i < request.n(); i++) {
                    begun.add(bench.steer().begin(request.model(), prompt, request.variant(), request.sampling(i)));
                }
            }
        } catch (RuntimeException e) {
            begun.forEach(Continuation::cancel);
            throw e;
        }
        return begun;
    }

    /** Sends the pieces as they come. What fails before the first of them is an ordinary error answer. */
    void stream(Context ctx, Shape shape) {
        List<Continuation> begun = begin();
        Stream out = new Stream(() -> new EventStream(ctx), begun);
        int written = 0;
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Generation>> all = new ArrayList<>();
            for (int i = 0; i < begun.size(); i++) {
                int choice = i;
                all.add(threads.submit(() -> one(begun.get(choice), choice, shape, out)));
            }
            for (Future<Generation> one : all) {
                written += one.get().tokens().length;
            }
            if (request.usage()) {
                out.send(shape.usage(written));
            }
            out.send("[DONE]");
        } catch (ExecutionException e) {
            begun.forEach(Continuation::cancel);
            RuntimeException cause =
                    e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
            if (!out.begun()) {
                throw cause;
            }
            Problem p = Problem.of(cause, ctx.req().getRequestURI());
            out.send(OpenAiError.of(p.status(), p.detail(), null));
        } catch (InterruptedException e) {
            begun.forEach(Continuation::cancel);
            Thread.currentThread().interrupt();
        }
    }

    private static Generation one(Continuation text, int choice, Shape shape, Stream out) {
        boolean[] first = {true};
        Generation g = text.listen(new TokenListener() {
            @Override
            public boolean token(int id, String piece, float logProb) {
                return token(new WrittenToken(id, piece, logProb, List.of()));
            }

            @Override
            public boolean token(WrittenToken token) {
                begin();
                return out.send(shape.token(choice, token));
            }

            private void begin() {
                if (first[0]) {
                    first[0] = false;
                    out.send(shape.first(choice));
                }
            }
        });
        if (first[0]) {
            out.send(shape.first(choice));
        }
        out.send(shape.last(choice, reason(g)));
        return g;
    }

    /** Why a text ended, in the protocol's words. */
    static String reason(Generation g) {
        return g.finishReason().equals("length") ? "length" : "stop";
    }

    /** One stream for several choices; begins with the first piece and ends the writing when nobody listens. */
    private static final class Stream {
        private final Supplier<EventStream> open;
        private final List<Continuation> begun;
        private @Nullable EventStream events;

        Stream(Supplier<EventStream> open, List<Continuation> begun) {
            this.open = open;
            this.begun = begun;
        }

        synchronized boolean begun() {
            return events != null;
        }

        synchronized boolean send(@Nullable Object piece) {
            if (piece == null) {
                return events == null || events.open();
            }
            if (events == null) {
                events = open.get();
            }
            events.send(null, null, piece instanceof String s ? s : Views.line(piece));
            if (!events.open()) {
                begun.forEach(Continuation::cancel);
            }
            return events.open();
        }
    }
}
