package dev.loupe.bench;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.client.Edit;
import dev.loupe.client.LoupeClient;
import dev.loupe.client.Writing;
import dev.loupe.http.LoupeServer;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.service.IndexSpec;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A crowd on one server: tabs that go from feature to feature ({@link PageSession}: all that a browser makes the server do,
 * push socket included), streams of steered text beside them, and clients that read nothing or break off. Any error ends the
 * run, and so does memory that grows without bound, or work that goes on when nobody waits for it any more.
 */
final class CrowdBench implements Benchmark {
    private static final String HOOK = "blocks.3.hook_resid_post";
    private static final String SAE = "crowd";
    private static final int LATENTS = 1024;
    private static final int TOKENS = 32;
    private static final double MOST_GROWTH = 1.3;
    private static final long SLACK_MIB = 250;

    private final int tabs;
    private final int streams;
    private final int seconds;
    private final long rows;
    private final Map<String, List<Double>> beside = new LinkedHashMap<>();
    private final ConcurrentLinkedQueue<Double> opened = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<Double> gone = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<Double> first = new ConcurrentLinkedQueue<>();
    private final LongAdder tokens = new LongAdder();
    private final LongAdder broken = new LongAdder();
    private @Nullable Workbench bench;
    private @Nullable LoupeServer server;

    CrowdBench(int tabs, int streams, int seconds) {
        this(tabs, streams, seconds, 20_000);
    }

    /** With an index of so many tokens. */
    CrowdBench(int tabs, int streams, int seconds, long rows) {
        this.rows = rows;
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
                + " streams of steered text and a client that breaks off every 200 ms, for " + seconds
                + " s, embedded model";
    }

    @Override
    public String unit() {
        return "pages/s";
    }

    @Override
    public double tolerance() {
        return Double.POSITIVE_INFINITY;
    }

    @Override
    public boolean hasPeer() {
        return false;
    }

    @Override
    public void prepare(Path folder) {
        Path workspace = folder.resolve("workspace");
        Workbench b = new Workbench(
                Workspace.create(workspace),
                Settings.load(Map.of(Settings.Key.WORKSPACE, workspace.toString()), Map.of()));
        bench = b;
        b.stores()
                .capture(
                        CaptureRequest.of(
                                "crowd",
                                b.workspace().activations(),
                                "builtin",
                                "builtin:europarl",
                                List.of(HOOK),
                                rows),
                        Progress.silent());
        float[][] d = SaeData.directions(1, LATENTS, 0.5);
        SaeWeights weights = new SaeWeights(
                Matrix.copyOf(d), Matrix.copyOf(d), new float[LATENTS], new float[SaeData.WIDTH], new float[0]);
        SaeConfig config = new SaeConfig(Architecture.TOPK, SaeData.K, false, "builtin", HOOK, Map.of());
        new Sae(SAE, config, weights, SaeProvenance.unknown())
                .save(b.workspace().saes().resolve(SAE));
        b.features().build(SAE, new IndexSpec(List.of(SAE), "crowd", null), Progress.silent());
        server = LoupeServer.start(b, new LoupeServer.Options("127.0.0.1", 0, null));
    }

    @Override
    public Measured run() throws Exception {
        String url = Objects.requireNonNull(server).url().replace("localhost", "127.0.0.1");
        opened.clear();
        gone.clear();
        first.clear();
        tokens.reset();
        broken.reset();
        long start = System.nanoTime();
        long end = start + seconds * 1_000_000_000L;
        double early;
        try (ScheduledExecutorService minutes = Executors.newSingleThreadScheduledExecutor();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < tabs; i++) {
                int number = i;
                all.add(threads.submit(() -> tab(url, number, end)));
            }
            for (int i = 0; i < streams; i++) {
                int number = i;
                all.add(threads.submit(() -> stream(url, number, end)));
            }
            all.add(threads.submit(() -> breakOff(url, end)));
            Future<?> told = minutes.scheduleAtFixedRate(
                    () -> System.err.println("crowd: " + soFar(start)), 60, 60, TimeUnit.SECONDS);
            Thread.sleep(Math.max(1, seconds * 400L)); // two fifths: everybody is there and everything warm
            early = Resident.mib();
            for (Future<?> one : all) {
                one.get();
            }
            told.cancel(false);
        } catch (ExecutionException e) {
            throw new LoupeException("Somebody in the crowd failed after " + soFar(start) + ": " + e.getCause(), e);
        }
        double wall = (System.nanoTime() - start) / 1e9;
        double late = Resident.mib();
        if (late > early * MOST_GROWTH + SLACK_MIB) {
            throw new LoupeException(
                    String.format(Locale.ROOT, "Memory grew from %.0f to %.0f MiB in %d s.", early, late, seconds));
        }
        double freed = freed();
        double[] pages = sorted(gone);
        note("page p50 ms", quantile(pages, 0.5));
        note("page p95 ms", quantile(pages, 0.95));
        note("first page p95 ms", quantile(sorted(opened), 0.95));
        note("first token p95 ms", quantile(sorted(first), 0.95));
        note("tokens/s", tokens.sum() / wall);
        note("broken off", broken.sum());
        note("ms until nobody's work was freed", freed);
        note("resident MiB early", early);
        note("resident MiB late", late);
        return new Measured(pages.length, wall, pages.length);
    }

    /** How long after the last client went the model is still busy for it, in milliseconds. */
    private double freed() throws InterruptedException {
        long start = System.nanoTime();
        while (Objects.requireNonNull(bench).models().open("builtin").writing() > 0) {
            if (System.nanoTime() - start > 10_000_000_000L) {
                throw new LoupeException("The model still writes ten seconds after everybody left.");
            }
            Thread.sleep(5);
        }
        return (System.nanoTime() - start) / 1e6;
    }

    private String soFar(long start) {
        double wall = (System.nanoTime() - start) / 1e9;
        return String.format(
                Locale.ROOT,
                "%.0f s, %d pages, %.1f tokens/s, %d broken off, %.0f MiB resident",
                wall,
                gone.size(),
                tokens.sum() / wall,
                broken.sum(),
                Resident.mib());
    }

    private @Nullable Void tab(String url, int number, long end) throws Exception {
        Random random = new Random(number);
        Thread.sleep(random.nextInt(2000));
        do {
            try (PageSession tab = new PageSession(url)) {
                long asked = System.nanoTime();
                tab.open("features/" + SAE + "/" + random.nextInt(LATENTS));
                opened.add((System.nanoTime() - asked) / 1e6);
                int id = random.nextInt(LATENTS);
                for (int i = 0;
                        i < 40 && (i == 0 || System.nanoTime() < end);
                        i++) { // then the tab is closed, and another opened
                    asked = System.nanoTime();
                    int size = tab.go("features/" + SAE + "/" + (id + i) % LATENTS);
                    gone.add((System.nanoTime() - asked) / 1e6);
                    if (size < 2000) {
                        throw new LoupeException("The page of feature " + (id + i) % LATENTS + " came empty.");
                    }
                    Thread.sleep(1500 + random.nextInt(1000));
                }
            }
        } while (System.nanoTime() < end);
        return null;
    }

    private @Nullable Void stream(String url, int number, long end) {
        try (LoupeClient client = LoupeClient.of(url)) {
            for (int mine = 0; System.nanoTime() < end; mine++) {
                Writing w = Writing.of("builtin", "The European Parliament ")
                        .tokens(TOKENS)
                        .sampled(1, number * 100_000L + mine)
                        .with(new Edit(SAE + ":" + number, null, null, "add", 2.0, "absolute", "generated", null));
                boolean leave = mine % 10 == 9;
                int[] heard = {0};
                long asked = System.nanoTime();
                client.stream(w, p -> {
                    tokens.increment();
                    if (heard[0]++ == 0) {
                        first.add((System.nanoTime() - asked) / 1e6);
                    }
                    return !leave || heard[0] < 3;
                });
            }
        }
        return null;
    }

    /** Asks for much and breaks off at once, or reads nothing for a while first. */
    private @Nullable Void breakOff(String url, long end) throws IOException, InterruptedException {
        int port = URI.create(url).getPort();
        byte[] body =
                ("{\"prompt\": \"a\", \"max_tokens\": 400, \"temperature\": 1, \"n\": 4, \"seed\": 1, \"stream\": true}")
                        .getBytes(StandardCharsets.UTF_8);
        byte[] head =
                ("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                                + body.length + "\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII);
        while (System.nanoTime() < end) {
            try (Socket socket = new Socket("127.0.0.1", port)) {
                socket.getOutputStream().write(head);
                socket.getOutputStream().write(body);
                socket.getOutputStream().flush();
                Thread.sleep(broken.sum() % 5 == 0 ? 400 : 20);
            }
            broken.increment();
            Thread.sleep(200);
        }
        return null;
    }

    private void note(String what, double value) {
        beside.computeIfAbsent(what, k -> new ArrayList<>()).add(value);
    }

    private static double[] sorted(ConcurrentLinkedQueue<Double> values) {
        return values.stream().mapToDouble(x -> x).sorted().toArray();
    }

    private static double quantile(double[] sorted, double q) {
        return sorted.length == 0
                ? Double.NaN
                : sorted[(int) Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside;
    }

    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
        if (bench != null) {
            bench.close();
        }
    }
}
