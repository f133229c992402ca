package dev.loupe.bench;

import dev.loupe.base.LoupeException;
import dev.loupe.client.Edit;
import dev.loupe.client.LoupeClient;
import dev.loupe.client.Writing;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Many clients at once over HTTP for a long time: every one asks for text after text, half of them under edits, every tenth
 * text is left after its first pieces. Any error ends the run, and so does memory that grows without bound.
 */
final class SoakBench implements LoneBenchmark {
    private static final double MOST_GROWTH = 1.25;
    private static final long SLACK_MIB = 200;

    private final int streams;
    private final int seconds;
    private final long slackMib;
    private final Beside beside = new Beside();
    private final Timings timings = new Timings();
    private final LongAdder pieces = new LongAdder();
    private @Nullable BenchServer server;

    SoakBench(int streams, int seconds) {
        this(streams, seconds, SLACK_MIB);
    }

    /**
     * A soak of another size.
     *
     * @param slackMib what memory may grow by beside a share of itself
     */
    SoakBench(int streams, int seconds, long slackMib) {
        this.streams = streams;
        this.seconds = seconds;
        this.slackMib = slackMib;
    }

    @Override
    public String name() {
        return "soak";
    }

    @Override
    public String setting() {
        return streams + " streams over HTTP for " + seconds + " s, embedded model, " + TextClient.TOKENS
                + " tokens a text, half of them steered, a tenth left early";
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public void prepare(Path folder) {
        server = new BenchServer(folder.resolve("workspace"), b -> {});
    }

    @Override
    public Measured run() throws Exception {
        String url = Objects.requireNonNull(server).url();
        try (LoupeClient client = LoupeClient.of(url)) {
            client.complete(Writing.of("builtin", "a").tokens(2)); // opens the model
        }
        long start = System.nanoTime();
        long end = start + seconds * 1_000_000_000L;
        List<Integer> texts = new ArrayList<>();
        double early;
        timings.clear();
        pieces.reset();
        try (ScheduledExecutorService minutes = Executors.newSingleThreadScheduledExecutor();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> all = new ArrayList<>();
            Edit edit = new Edit(null, "3:5", null, "add", 1.0, "absolute", "generated", null);
            for (int i = 0; i < streams; i++) {
                boolean plain = i % 2 == 0;
                TextClient client = new TextClient(url, i, w -> plain ? w : w.with(edit), timings, pieces);
                all.add(threads.submit(() -> client.until(end)));
            }
            Future<?> told = minutes.scheduleAtFixedRate(
                    () -> System.err.println("soak: " + soFar(start)), 60, 60, TimeUnit.SECONDS);
            Thread.sleep(Math.max(1, seconds * 200L)); // a fifth: everything is warm
            early = Resident.mib();
            for (Future<Integer> one : all) {
                texts.add(one.get());
            }
            told.cancel(false);
        }
        if (!timings.failures().isEmpty()) {
            throw new LoupeException(timings.failures().size() + " texts of the soak failed, the first by "
                    + timings.failures().getFirst() + "; " + soFar(start));
        }
        double wall = (System.nanoTime() - start) / 1e9;
        double late = Resident.mib();
        if (late > early * MOST_GROWTH + slackMib) {
            throw new LoupeException(
                    String.format(Locale.ROOT, "Memory grew from %.0f to %.0f MiB in %d s.", early, late, seconds));
        }
        return measured(texts, wall, early, late);
    }

    /** What was done so far, said every minute and where something fails: a long run leaves that much in any case. */
    private String soFar(long start) {
        double wall = (System.nanoTime() - start) / 1e9;
        return String.format(
                Locale.ROOT,
                "%.0f s, %d texts begun, %.1f tokens/s, %.0f MiB resident",
                wall,
                timings.count(TextClient.FIRST),
                pieces.sum() / wall,
                Resident.mib());
    }

    private Measured measured(List<Integer> texts, double wall, double early, double late) {
        double written = texts.stream().mapToInt(n -> n).sum();
        double fewest = texts.stream().mapToInt(n -> n).min().orElse(0);
        beside.add("texts", written);
        beside.add("first token p50 ms", timings.quantile(TextClient.FIRST, 0.5));
        beside.add("first token p95 ms", timings.quantile(TextClient.FIRST, 0.95));
        beside.add("least served client, share of the mean", written == 0 ? 0 : fewest * texts.size() / written);
        beside.add("resident MiB early", early);
        beside.add("resident MiB late", late);
        return new Measured(pieces.sum(), wall, written);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
    }
}
