package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.corpus.Corpora;
import dev.loupe.service.Settings;
import dev.loupe.service.SweepSpec;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A Spark cluster of this machine against one process of it: what handing out tasks costs, and what two executors of one core
 * are worth beside one. The time of the cluster is that of the whole command, Spark's start included; beside it stands the rate
 * from the first finished part on. Run with {@code --rounds 1 --warmups 0}: a round takes minutes.
 */
final class ClusterBench implements Benchmark {
    private static final String HOOK = "blocks.3.hook_resid_post";
    private static final String STORE = "text";

    /** What is done. */
    enum Case {
        CAPTURE("cluster-capture", 4_000_000),
        SWEEP("cluster-sweep", 300_000),
        SCALING("cluster-scaling", 2_000_000);

        private final String id;
        private final long tokens;

        Case(String id, long tokens) {
            this.id = id;
            this.tokens = tokens;
        }
    }

    private final Case what;
    private long tokens;
    private int sweepTokens = 1_000_000;
    private final Beside beside = new Beside();
    private @Nullable Path folder;
    private int runs;

    ClusterBench(Case what) {
        this.what = what;
        tokens = what.tokens;
    }

    @Override
    public void set(String key, String value) {
        if (!key.equals("tokens") || !value.matches("[1-9][0-9]{0,8}")) {
            throw new UsageException("The setting is tokens, a whole number above 0.");
        }
        if (what == Case.SWEEP) {
            sweepTokens = Integer.parseInt(value);
        } else {
            tokens = Long.parseLong(value);
        }
    }

    @Override
    public String name() {
        return what.id;
    }

    @Override
    public String setting() {
        return switch (what) {
            case CAPTURE ->
                tokens + " tokens of Europarl, embedded model, one hook point: local with two threads against"
                        + " local-cluster[1,2,2048] with spark.task.cpus=2";
            case SWEEP ->
                "8 TopK SAEs (512 latents, " + sweepTokens
                        + " tokens each) on one store: local with two threads against"
                        + " local-cluster[1,2,2048] with spark.task.cpus=2";
            case SCALING ->
                tokens + " tokens of Europarl, embedded model: a driver and two workers of one core on two cores"
                        + " against a driver and one worker on one core";
        };
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public double tolerance() {
        return 0;
    }

    @Override
    public boolean hasPeer() {
        return false;
    }

    @Override
    public void prepare(Path where) {
        folder = where;
    }

    @Override
    public Measured run() throws Exception {
        Path root = Objects.requireNonNull(folder).resolve("run" + runs++);
        boolean scaling = what == Case.SCALING;
        Once base;
        try {
            if (scaling) { // so that what the driver does costs both the same share of their cores
                pin("0");
            }
            base = once(root.resolve("base"), scaling ? "local-cluster[1,1,1024]" : "local", scaling ? 1 : 2);
        } finally {
            if (scaling) {
                pin("0-1");
            }
        }
        Once cluster = once(
                root.resolve("cluster"),
                scaling ? "local-cluster[2,1,1024]" : "local-cluster[1,2,2048]",
                scaling ? 1 : 2);
        if (base.answer != cluster.answer) {
            throw new IllegalStateException("other results: " + base.answer + " and " + cluster.answer);
        }
        beside.add("base", base.tokens / base.seconds);
        beside.add("ratio", base.seconds / cluster.seconds);
        beside.add("base from its first part on", base.rate);
        beside.add("from its first part on", cluster.rate);
        beside.add("ratio from the first part on", cluster.rate / base.rate);
        beside.add("seconds to the first part", cluster.first);
        beside.add("base seconds to the first part", base.first);
        AtomicFiles.deleteTree(root);
        return new Measured(cluster.tokens, cluster.seconds, cluster.answer);
    }

    /** Has this process and those that it starts run on some cores only. */
    private static void pin(String cores) throws IOException, InterruptedException {
        Process taskset = new ProcessBuilder(
                        "taskset",
                        "-a",
                        "-p",
                        "-c",
                        cores,
                        Long.toString(ProcessHandle.current().pid()))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        if (taskset.waitFor() != 0) {
            throw new IOException("taskset cannot bind this process to cores " + cores);
        }
    }

    /**
     * One command, from its start to its end.
     *
     * @param first seconds until the first part was done
     * @param rate tokens a second after that
     */
    private record Once(double tokens, double seconds, double first, double rate, double answer) {}

    /** Notes when the first part of a stage was done, and what share of it that was. */
    private static final class FirstPart implements Progress {
        private long total;
        private long at;
        private double share;

        @Override
        public synchronized void stage(String name, long all, String unit) {
            total = all;
        }

        @Override
        public synchronized void advance(long done) {
            if (at == 0 && done > 0 && total > 0) {
                at = System.nanoTime();
                share = (double) done / total;
            }
        }
    }

    private Once once(Path workspace, String on, int cpus) throws Exception {
        if (what == Case.SWEEP) {
            try (Workbench bench = bench(workspace, "local", 2)) {
                capture(bench, Progress.silent());
            }
        }
        FirstPart part = new FirstPart();
        long begin = System.nanoTime();
        try (Workbench bench = bench(workspace, on, cpus)) {
            if (what != Case.SWEEP) {
                capture(bench, part);
                long end = System.nanoTime();
                try (var store = bench.stores().open(STORE)) {
                    return timed(part, begin, end, store.rows(), store.meanSquaredNorm(HOOK));
                }
            }
            SweepSpec spec = dev.loupe.base.Json.MAPPER.convertValue(
                    Map.of(
                            "name",
                            "w",
                            "store",
                            STORE,
                            "arch",
                            List.of("topk"),
                            "d_sae",
                            List.of(512),
                            "k",
                            List.of(16, 32),
                            "seeds",
                            List.of(0, 1, 2, 3),
                            "tokens",
                            sweepTokens,
                            "evaluate",
                            false),
                    SweepSpec.class);
            var result = bench.sweeps().run(spec, part);
            long end = System.nanoTime();
            double answer = result.rows().stream()
                    .mapToDouble(r -> r.fvu() == null ? Double.NaN : r.fvu())
                    .sum();
            return timed(part, begin, end, 8.0 * sweepTokens, answer);
        }
    }

    private static Once timed(FirstPart part, long begin, long end, double tokens, double answer) {
        double rest = tokens * (1 - part.share);
        return new Once(tokens, (end - begin) / 1e9, (part.at - begin) / 1e9, rest / ((end - part.at) / 1e9), answer);
    }

    private void capture(Workbench bench, Progress progress) {
        bench.stores()
                .capture(
                        CaptureRequest.of(
                                STORE,
                                bench.workspace().activations(),
                                "builtin",
                                Corpora.EUROPARL,
                                List.of(HOOK),
                                tokens),
                        progress);
    }

    private static Workbench bench(Path workspace, String on, int cpus) {
        Map<Settings.Key, String> flags = new LinkedHashMap<>();
        flags.put(Settings.Key.WORKSPACE, workspace.toString());
        flags.put(Settings.Key.ON, on);
        flags.put(
                Settings.Key.SPARK_CONF,
                "spark.task.cpus=" + cpus + ";spark.driver.host=127.0.0.1;spark.driver.bindAddress=127.0.0.1");
        return new Workbench(Workspace.create(workspace), Settings.load(flags, System.getenv()));
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {}
}
