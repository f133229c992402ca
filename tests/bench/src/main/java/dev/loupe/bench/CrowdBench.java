package dev.loupe.bench;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.client.Edit;
import dev.loupe.client.LoupeClient;
import dev.loupe.client.Writing;
import dev.loupe.math.Matrix;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.service.IndexSpec;
import dev.loupe.service.Workbench;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A crowd on one server: tabs that go from feature to feature ({@link PageSession}: all that a browser makes the server do,
 * push socket included), streams of steered text beside them, and clients that read nothing, slowly, or break off. The run
 * fails by any error, by memory that grows without bound, and by work that goes on when nobody waits for it any more.
 */
final class CrowdBench implements LoneBenchmark {
    private static final String HOOK = "blocks.3.hook_resid_post";
    private static final String SAE = "crowd";
    private static final String STORE = "crowd";
    private static final int LATENTS = 1024;
    private static final String OPENED = "first page of a tab";
    private static final String PAGE = "page";
    private static final int SLOW = 2;
    private static final int PAGES_OF_A_TAB = 40;
    private static final int SMALLEST_PAGE = 2000;
    private static final long FREE_SECONDS = 15;
    private static final long LAST_NANOS = 120_000_000_000L;
    private static final double MOST_GROWTH = 1.3;
    private static final long SLACK_MIB = 250;

    private final int tabs;
    private final int streams;
    private final int seconds;
    private final long rows;
    private final boolean jobs;
    private final long freeSeconds;
    private final long slackMib;
    private final Beside beside = new Beside();
    private final Timings timings = new Timings();
    private final LongAdder tokens = new LongAdder();
    private @Nullable BenchServer server;

    CrowdBench(int tabs, int streams, int seconds) {
        this(tabs, streams, seconds, 20_000, true, FREE_SECONDS, SLACK_MIB);
    }

    /**
     * A crowd of another size.
     *
     * @param rows tokens of the index
     * @param jobs whether a job is watched at the end as well
     * @param freeSeconds how long after the last client went the server may be busy for one
     * @param slackMib what memory may grow by beside a share of itself
     */
    CrowdBench(int tabs, int streams, int seconds, long rows, boolean jobs, long freeSeconds, long slackMib) {
        this.freeSeconds = freeSeconds;
        this.slackMib = slackMib;
        this.rows = rows;
        this.jobs = jobs;
        this.tabs = tabs;
        this.streams = streams;
        this.seconds = seconds;
    }

    @Override
    public String name() {
        return "crowd";
    }

    @Override
    public String setting() {
        return tabs + " tabs going from feature to feature (a page about every two seconds each), " + streams
                + " streams of steered text, " + SLOW
                + " clients that read a letter at a time and one that breaks off every"
                + " 200 ms, for " + seconds + " s, embedded model, server and clients in one process";
    }

    @Override
    public String unit() {
        return "pages/s";
    }

    @Override
    public void prepare(Path folder) {
        server = new BenchServer(folder.resolve("workspace"), this::fill);
    }

    private void fill(Workbench b) {
        b.stores()
                .capture(
                        CaptureRequest.of(
                                STORE, b.workspace().activations(), "builtin", "builtin:europarl", List.of(HOOK), rows),
                        Progress.silent());
        float[][] d = SaeData.directions(1, LATENTS, 0.5);
        SaeWeights weights = new SaeWeights(
                Matrix.copyOf(d), Matrix.copyOf(d), new float[LATENTS], new float[SaeData.WIDTH], new float[0]);
        SaeConfig config = new SaeConfig(Architecture.TOPK, SaeData.K, false, "builtin", HOOK, Map.of());
        new Sae(SAE, config, weights, SaeProvenance.unknown())
                .save(b.workspace().saes().resolve(SAE));
        b.features().build(SAE, new IndexSpec(List.of(SAE), STORE, null), Progress.silent());
    }

    @Override
    public Measured run() throws Exception {
        String url = Objects.requireNonNull(server).url();
        Workbench b = server.workbench();
        LanguageModel model = b.models().open("builtin");
        firstOfAll(url);
        timings.clear();
        tokens.reset();
        ServerLoad before = ServerLoad.of(url, model);
        double atStart = Resident.mib();
        RudeClients rude = new RudeClients(url, timings);
        long start = System.nanoTime();
        long end = start + seconds * 1_000_000_000L;
        double middle;
        double atEnd;
        ServerLoad full;
        try (ScheduledExecutorService minutes = Executors.newSingleThreadScheduledExecutor();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Map<Future<?>, String> all = new LinkedHashMap<>();
            for (int i = 0; i < tabs; i++) {
                int number = i;
                all.put(threads.submit(() -> tab(url, number, end)), "tab");
            }
            for (int i = 0; i < streams; i++) {
                Edit edit = new Edit(SAE + ":" + i, null, null, "add", 2.0, "absolute", "generated", null);
                TextClient client = new TextClient(url, i, w -> w.with(edit), timings, tokens);
                all.put(threads.submit(() -> client.until(end)), "stream");
            }
            all.put(threads.submit(() -> rude.until(end)), "rude client");
            for (int i = 0; i < SLOW; i++) {
                all.put(threads.submit(() -> rude.slowly(end)), "slow client");
            }
            Future<?> told = minutes.scheduleAtFixedRate(
                    () -> System.err.println("crowd: " + soFar(start)), 60, 60, TimeUnit.SECONDS);
            Thread.sleep(Math.max(1, seconds * 500L)); // everybody is there and everything warm
            middle = Resident.mib();
            full = ServerLoad.of(url, model);
            Thread.sleep(Math.max(0, (end - System.nanoTime()) / 1_000_000));
            atEnd = Resident.mib();
            for (Map.Entry<Future<?>, String> one : all.entrySet()) {
                done(threads, one.getKey(), one.getValue(), end);
            }
            told.cancel(false);
        }
        double wall = (System.nanoTime() - start) / 1e9;
        if (jobs) {
            JobWatchers.comeAndGo(url, b.jobs(), STORE);
        }
        double freed = freed(url, model, before, full);
        for (String kind : timings.kinds()) {
            beside.add(kind + " p50 ms", timings.quantile(kind, 0.5));
            beside.add(kind + " p95 ms", timings.quantile(kind, 0.95));
        }
        beside.add("texts", timings.count(TextClient.TEXT));
        beside.add("tokens/s", tokens.sum() / wall);
        beside.add("broken off", rude.left());
        beside.add("errors", timings.failures().size());
        beside.add("ms until nobody's work was freed", freed);
        beside.add("resident MiB at the start", atStart);
        beside.add("resident MiB in the middle", middle);
        beside.add("resident MiB at the end", atEnd);
        judge(start, middle, atEnd);
        return new Measured(timings.count(PAGE), wall, timings.count(PAGE));
    }

    /** Waits for one of the crowd, who has known since before when to go. */
    private static void done(ExecutorService threads, Future<?> one, String who, long end) throws Exception {
        try {
            one.get(Math.max(1, end + LAST_NANOS - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            threads.shutdownNow();
            throw new LoupeException(
                    "A " + who + " still waits " + LAST_NANOS / 1_000_000_000L + " s after the end of the crowd.", e);
        }
    }

    private void judge(long start, double middle, double atEnd) {
        if (!timings.failures().isEmpty()) {
            throw new LoupeException(timings.failures().size() + " requests of the crowd failed, the first by "
                    + timings.failures().getFirst() + "; " + soFar(start) + " " + beside);
        }
        if (atEnd > middle * MOST_GROWTH + slackMib) {
            throw new LoupeException(String.format(
                    Locale.ROOT,
                    "Memory grew from %.0f to %.0f MiB in the second half of %d s.",
                    middle,
                    atEnd,
                    seconds));
        }
    }

    /** What is made on first use and then kept is there before anything is counted. */
    private static void firstOfAll(String url) throws Exception {
        try (LoupeClient client = LoupeClient.of(url)) {
            client.complete(Writing.of("builtin", "a").tokens(2));
        }
        try (PageSession tab = new PageSession(url)) {
            tab.open("features/" + SAE + "/1");
        }
    }

    /** How long after the last client went the server is still busy for any, in milliseconds. */
    private double freed(String url, LanguageModel model, ServerLoad before, ServerLoad full) throws Exception {
        long start = System.nanoTime();
        ServerLoad now = ServerLoad.of(url, model);
        while (!now.free(before)) {
            if (System.nanoTime() - start > freeSeconds * 1_000_000_000L) {
                throw new LoupeException(freeSeconds + " seconds after everybody left there are " + now
                        + ", before there were " + before + ".");
            }
            Thread.sleep(5);
            now = ServerLoad.of(url, model);
        }
        System.err.println("crowd: before " + before + "; in the middle " + full + "; afterwards " + now);
        return (System.nanoTime() - start) / 1e6;
    }

    private String soFar(long start) {
        double wall = (System.nanoTime() - start) / 1e9;
        return String.format(
                Locale.ROOT,
                "%.0f s, %d pages, %.1f tokens/s, %d errors, %.0f MiB resident",
                wall,
                timings.count(PAGE),
                tokens.sum() / wall,
                timings.failures().size(),
                Resident.mib());
    }

    private void tab(String url, int number, long end) {
        Random random = new Random(number);
        try {
            Thread.sleep(random.nextInt(2000));
            do {
                try {
                    openAndRead(url, random, end);
                } catch (IOException | LoupeException e) {
                    timings.failed(PAGE, e);
                }
            } while (System.nanoTime() < end);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** A tab that reads features one after the other; then it is closed. */
    private void openAndRead(String url, Random random, long end) throws IOException, InterruptedException {
        try (PageSession tab = new PageSession(url)) {
            long asked = System.nanoTime();
            tab.open("features/" + SAE + "/" + random.nextInt(LATENTS));
            timings.came(OPENED, asked);
            int id = random.nextInt(LATENTS);
            for (int i = 0; i < PAGES_OF_A_TAB && (i == 0 || System.nanoTime() < end); i++) {
                asked = System.nanoTime();
                int size = tab.go("features/" + SAE + "/" + (id + i) % LATENTS);
                timings.came(PAGE, asked);
                if (size < SMALLEST_PAGE) {
                    throw new LoupeException("The page of feature " + (id + i) % LATENTS + " came empty.");
                }
                Thread.sleep(1500 + random.nextInt(1000));
            }
        }
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
