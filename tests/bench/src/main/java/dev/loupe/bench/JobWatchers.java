package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.service.Job;
import dev.loupe.service.JobState;
import dev.loupe.service.Jobs;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A job that would never end, several that watch its events and break off without a word, and its end on request. */
final class JobWatchers {
    private static final int WATCHERS = 8;
    private static final int HEARD = 2000;
    private static final long PATIENCE_NANOS = 120_000_000_000L;
    private static final String ENDLESS = """
            {"name": "endless", "store": "%s", "arch": "topk", "d_sae": 64, "k": 4, "steps": 10000000,
             "set": {"batch": 64}}""";

    private JobWatchers() {}

    /** Starts the job over a store, lets all watchers come and go, and has it stopped. */
    static void comeAndGo(String url, Jobs jobs, String store) throws IOException, InterruptedException {
        Job job = jobs.start("train", Json.MAPPER.readTree(ENDLESS.formatted(store)));
        List<Socket> watchers = new ArrayList<>();
        try {
            await(() -> jobs.get(job.id()).done() > 0, "The job did not begin.");
            for (int i = 0; i < WATCHERS; i++) {
                watchers.add(watch(url, job.id()));
            }
            for (Socket s : watchers) {
                InputStream in = s.getInputStream();
                for (int heard = 0; heard < HEARD; heard++) {
                    if (in.read() < 0) {
                        throw new LoupeException("The events of a job that runs have ended.");
                    }
                }
            }
        } finally {
            for (Socket s : watchers) {
                s.close();
            }
            jobs.cancel(job.id());
        }
        await(() -> jobs.get(job.id()).state().ended(), "The job did not stop when it was asked to.");
        JobState state = jobs.get(job.id()).state();
        if (state != JobState.CANCELLED) {
            throw new LoupeException("The job that was stopped is " + state + ": "
                    + jobs.get(job.id()).text());
        }
    }

    private static Socket watch(String url, String job) throws IOException {
        Socket socket = new Socket("127.0.0.1", URI.create(url).getPort());
        socket.setSoTimeout(60_000);
        socket.getOutputStream()
                .write(("GET /api/jobs/" + job + "/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private static void await(java.util.function.BooleanSupplier condition, String otherwise)
            throws InterruptedException {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > PATIENCE_NANOS) {
                throw new LoupeException(otherwise);
            }
            Thread.sleep(50);
        }
    }
}
