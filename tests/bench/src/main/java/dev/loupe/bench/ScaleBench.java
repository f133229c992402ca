package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureRules;
import dev.loupe.corpus.Corpora;
import dev.loupe.model.LanguageModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The plan for ten billion tokens, checked: times of packing, of tasks and of taking results are measured on a small capture
 * here, stretched by the work of the large model, and played through for clusters of several sizes.
 */
final class ScaleBench implements LoneBenchmark {
    private static final int SHARD_ROWS = 16_384;
    private static final long TOKENS = 10_000_000_000L;
    private static final int WIDTH = 4096;
    private static final int HOOKS = 3;

    /** Rows of a shard there: three hook points in 256 MB of float32. */
    private static final int LARGE_ROWS = (int) ((256L << 20) / (4L * WIDTH * HOOKS));

    /** Parameters up to the last of the three layers of a model of 8 billion, at three quarters of its depth. */
    private static final double LARGE_PARAMETERS = 6e9;

    /** Multiplications and additions a second of one machine of such a cluster, in the products of a forward pass. */
    private static final double MACHINE_FLOPS = 23e12;

    /** Bytes of a row here: one hook point, float32. */
    private static final double ROW_BYTES = 4 * 192;

    /** Of the SAEs: latents, how many, how many a machine of 256 GB steps together. */
    private static final int LATENTS = 131_072;

    private static final int SAES = 100;
    private static final int TOGETHER = 8;

    /** Cores of a machine of such a cluster, and of this one's benchmarks. */
    private static final double CORES = 64;

    /** Bytes a second of a storage for all machines. */
    private static final double STORAGE = 20e9;

    /** What Spark takes to start a job of one task and to tell of its end. */
    private static final double JOB_SECONDS = 0.03;

    private final Beside beside = new Beside();
    private @Nullable Path folder;
    private @Nullable LanguageModel model;
    private int runs;

    @Override
    public String name() {
        return "scale";
    }

    @Override
    public String setting() {
        return "10 billion tokens, d=4096, three layers, 8 billion parameters, machines of 23 TFLOP/s: simulated with times"
                + " of packing, tasks and results measured on the embedded model";
    }

    @Override
    public String unit() {
        return "tokens/s on 100 machines";
    }

    @Override
    public void prepare(Path where) throws Exception {
        folder = where;
        model = Builtin.open(where, Map.of("layers", List.of(3), "batch", 16));
    }

    /** Times of the parts of a capture, in seconds. */
    private static final class Clock implements TaskExecutor {
        final List<Double> packing = new ArrayList<>();
        final List<Double> tasks = new ArrayList<>();
        final List<Double> taking = new ArrayList<>();
        long rows;

        @Override
        public <T extends Task<R>, R> void run(
                Iterator<T> all, Class<R> results, Work<T, R> here, BiConsumer<T, R> done, Progress progress) {
            while (true) {
                long a = System.nanoTime();
                if (!all.hasNext()) {
                    return;
                }
                T task = all.next();
                long b = System.nanoTime();
                R result = here.apply(task, progress);
                long c = System.nanoTime();
                done.accept(task, result);
                packing.add((b - a) / 1e9);
                tasks.add((c - b) / 1e9);
                taking.add((System.nanoTime() - c) / 1e9);
                rows += task.size();
            }
        }

        @Override
        public boolean remote() {
            return true;
        }

        @Override
        public int slots() {
            return 1;
        }
    }

    @Override
    public Measured run() throws Exception {
        Path where = Objects.requireNonNull(folder);
        Clock clock = new Clock();
        CaptureRequest request = CaptureRequest.of(
                        "run" + runs++,
                        where.resolve("stores"),
                        "builtin",
                        Corpora.EUROPARL,
                        List.of("blocks.3.hook_resid_post"),
                        8L * SHARD_ROWS)
                .withRules(CaptureRules.NONE.withShardRows(SHARD_ROWS));
        CaptureJob.run(request, Objects.requireNonNull(model), clock, Progress.silent());
        AtomicFiles.deleteTree(request.folder());
        double packing = sum(clock.packing) / clock.rows;
        double mean = sum(clock.tasks) / clock.tasks.size();
        double seconds = LARGE_ROWS * 2 * LARGE_PARAMETERS / MACHINE_FLOPS;
        double[] spread = clock.tasks.stream().mapToDouble(t -> t / mean).toArray();
        double checkRate = clock.rows * ROW_BYTES / sum(clock.taking);
        beside.add("packed tokens/s", 1 / packing);
        beside.add("checked and named GB/s", checkRate / 1e9);
        beside.add("tokens/s of tasks", clock.rows / sum(clock.tasks));
        beside.add(
                "longest task in means",
                clock.tasks.stream().mapToDouble(t -> t / mean).max().orElse(1));
        beside.add("seconds of a large task", seconds);
        Measured answer = new Measured(1, 1, 0);
        for (int machines : new int[] {1, 10, 100, 1000}) {
            double checking = LARGE_ROWS * (double) WIDTH * HOOKS * 2 / checkRate;
            double all = simulate(machines, packing * LARGE_ROWS, seconds, checking, spread);
            double plain = simulate(machines, packing * LARGE_ROWS, seconds, 0.001, spread);
            beside.add("hours on " + machines, all / 3600);
            beside.add("hours on " + machines + ", driver checks frames only", plain / 3600);
            if (machines == 100) {
                answer = new Measured(TOKENS, all, all);
            }
        }
        training();
        return answer;
    }

    /**
     * What a machine takes for one SAE.
     *
     * @param rate multiplications and additions of the dense product a second, of whole steps: Adam's time is in it
     */
    static double secondsOfAnSae(double rate) {
        return TOKENS * 2.0 * WIDTH * LATENTS / rate;
    }

    /** The rate of whole steps here, for as many cores as a machine there has. */
    private void training() {
        double here = StepRate.measure();
        double there = here * CORES / dev.loupe.math.Parallel.threads();
        ScaledTraining all = new ScaledTraining(SAES, TOGETHER, secondsOfAnSae(there), TOKENS * 2.0 * WIDTH, STORAGE);
        beside.add("TFLOP/s of a TopK step here", here / 1e12);
        for (int machines : new int[] {1, 10, 100}) {
            beside.add("training hours on " + machines, all.on(machines, ScaledTraining.even()) / 3600);
        }
    }

    /**
     * Plays a capture: the driver packs shards and takes results, one thing at a time; as many shards are given out as twice
     * the machines; the machine that is free first does the next.
     *
     * @param spread of task times about their mean, drawn from
     * @return seconds until the last result is taken
     */
    static double simulate(int machines, double packing, double task, double taking, double[] spread) {
        long shards = TOKENS / LARGE_ROWS;
        Random random = new Random(1);
        PriorityQueue<Double> free = new PriorityQueue<>();
        PriorityQueue<Double> ends = new PriorityQueue<>();
        for (int m = 0; m < machines; m++) {
            free.add(0.0);
        }
        double driver = 0;
        for (long s = 0; s < shards; s++) {
            if (ends.size() == 2 * machines) {
                driver = Math.max(driver, Objects.requireNonNull(ends.poll())) + taking;
            }
            driver += packing;
            double begin = Math.max(driver, Objects.requireNonNull(free.poll())) + JOB_SECONDS;
            double end = begin + task * spread[random.nextInt(spread.length)];
            free.add(end);
            ends.add(end);
        }
        while (!ends.isEmpty()) {
            driver = Math.max(driver, Objects.requireNonNull(ends.poll())) + taking;
        }
        return driver;
    }

    private static double sum(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).sum();
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
