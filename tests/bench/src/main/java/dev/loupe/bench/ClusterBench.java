package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.corpus.Corpora;
import dev.loupe.service.Settings;
import dev.loupe.service.SweepSpec;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A Spark cluster of this machine against one process of it: what handing out tasks costs, and what two executors of one core
 * are worth beside one. The time of the cluster is that of the whole command, Spark's start included; {@code begun} is the
 * rate without it. Run with {@code --rounds 1 --warmups 0}: a round takes minutes.
 */
final class ClusterBench implements Benchmark {
    private static final String HOOK = "blocks.3.hook_resid_post";
    private static final String STORE = "text";

    /** What is done. */
    enum Case {
        CAPTURE("cluster-capture", 2_000_000),
        SWEEP("cluster-sweep", 300_000),
        SCALING("cluster-scaling", 600_000);

        private final String id;
        private final long tokens;

        Case(String id, long tokens) {
            this.id = id;
            this.tokens = tokens;
        }
    }

    private final Case what;
    private final Map<String, List<Double>> beside = new LinkedHashMap<>();
    private @Nullable Path folder;
    private int runs;

    ClusterBench(Case what) {
        this.what = what;
    }

    @Override
    public String name() {
        return what.id;
    }

    @Override
    public String setting() {
        return switch (what) {
            case CAPTURE ->
                what.tokens + " tokens of Europarl, embedded model, one hook point: local with two threads against"
                        + " local-cluster[1,2,2048] with spark.task.cpus=2";
            case SWEEP ->
                "8 TopK SAEs (512 latents, 2M tokens each) on one store: local with two threads against"
                        + " local-cluster[1,2,2048] with spark.task.cpus=2";
            case SCALING ->
                what.tokens + " tokens of Europarl, embedded model: local-cluster[2,1,1024] against"
                        + " local-cluster[1,1,1024]";
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
        Once base = once(root.resolve("base"), scaling ? "local-cluster[1,1,1024]" : "local", 1);
        Once cluster = once(
                root.resolve("cluster"),
                scaling ? "local-cluster[2,1,1024]" : "local-cluster[1,2,2048]",
                scaling ? 1 : 2);
        if (base.answer != cluster.answer) {
            throw new IllegalStateException("other results: " + base.answer + " and " + cluster.answer);
        }
        add("base", base.tokens / base.seconds);
        add("begun", cluster.tokens / (cluster.seconds - cluster.start));
        add("seconds of start", cluster.start);
        add("ratio", base.seconds / cluster.seconds);
        add("ratio begun", (base.seconds - base.start) / (cluster.seconds - cluster.start));
        AtomicFiles.deleteTree(root);
        return new Measured(cluster.tokens, cluster.seconds, cluster.answer);
    }

    /** One command, from its start to its end. */
    private record Once(double tokens, double seconds, double start, double answer) {}

    private Once once(Path workspace, String on, int cpus) throws Exception {
        if (what == Case.SWEEP) {
            try (Workbench bench = bench(workspace, "local", 2)) {
                capture(bench);
            }
        }
        long begin = System.nanoTime();
        try (Workbench bench = bench(workspace, on, cpus)) {
            double start = 0;
            if (!on.equals("local")) {
                bench.executors().get(Progress.silent()).slots(); // waits
                start = (System.nanoTime() - begin) / 1e9;
            }
            if (what != Case.SWEEP) {
                capture(bench);
                double seconds = (System.nanoTime() - begin) / 1e9;
                try (var store = bench.stores().open(STORE)) {
                    return new Once(store.rows(), seconds, start, store.meanSquaredNorm(HOOK));
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
                            2_000_000,
                            "evaluate",
                            false),
                    SweepSpec.class);
            var result = bench.sweeps().run(spec, Progress.silent());
            double seconds = (System.nanoTime() - begin) / 1e9;
            double answer = result.rows().stream()
                    .mapToDouble(r -> r.fvu() == null ? Double.NaN : r.fvu())
                    .sum();
            return new Once(8 * 2_000_000.0, seconds, start, answer);
        }
    }

    private void capture(Workbench bench) {
        bench.stores()
                .capture(
                        CaptureRequest.of(
                                STORE,
                                bench.workspace().activations(),
                                "builtin",
                                Corpora.EUROPARL,
                                List.of(HOOK),
                                what.tokens),
                        Progress.silent());
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

    private void add(String name, double value) {
        beside.computeIfAbsent(name, n -> new ArrayList<>()).add(value);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside;
    }

    @Override
    public void close() {}
}
