package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.base.ProcessMemory;
import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.Precision;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.Selection;
import dev.loupe.engine.Sparsity;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import dev.loupe.engine.StepTimes;
import dev.loupe.engine.ThresholdKernel;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Whole training steps at the size of published SAEs (4,096 rows of 768 values, 16,384 latents) on Gaussian rows, against the
 * trainer of a peer with the same start, batches and settings. The reconstruction losses of the last run must agree.
 */
final class StepsBench implements Benchmark {
    private static final int BATCH = 4096;
    private static final int BATCHES = 3;
    private static final int WIDTH = 768;
    private static final int LATENTS = 16_384;
    private static final int K = 32;
    private static final double RATE = 3e-4;
    private static final double L1 = 0.01;
    private static final double L0 = 0.01;
    private static final double BANDWIDTH = 0.1;

    /** What is trained, how, and against whom. */
    enum Case {
        TOPK("topk", Precision.FP32, "sae_lens", 0),
        TOPK_BF16("topk", Precision.BF16, "sae_lens", 0),
        TOPK_DEAD("topk", Precision.FP32, "sae_lens", LATENTS / 10),
        TOPK_SPARSIFY("topk", Precision.FP32, "sparsify", 0),
        TOPK_BF16_SPARSIFY("topk", Precision.BF16, "sparsify", 0),
        TOPK_DICTIONARY("topk", Precision.FP32, "dictionary_learning", 0),
        BATCHTOPK("batchtopk", Precision.FP32, "sae_lens", 0),
        JUMPRELU("jumprelu", Precision.FP32, "sae_lens", 0),
        JUMPRELU_BF16("jumprelu", Precision.BF16, "sae_lens", 0),
        RELU("relu", Precision.FP32, "sae_lens", 0),
        RELU_BF16("relu", Precision.BF16, "sae_lens", 0),
        RELU_EARLY("relu-early", Precision.FP32, "sae_lens", 0);

        private final String method;
        private final Precision precision;
        private final String peer;
        private final int dead;

        Case(String method, Precision precision, String peer, int dead) {
            this.method = method;
            this.precision = precision;
            this.peer = peer;
            this.dead = dead;
        }

        private String id() {
            return "train-step-" + name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
        }

        /** L0 near 50 for JumpReLU; 300 for ReLU, half of all latents in early training. */
        private float threshold() {
            return method.equals("jumprelu") ? 2.74f : 0;
        }

        private float bias() {
            return method.equals("relu") ? -2.09f : 0;
        }
    }

    private final Case what;
    private final Arena arena = Arena.ofShared();
    private final Matrix[] batches = new Matrix[BATCHES];
    private final Map<String, List<Double>> beside = new LinkedHashMap<>();
    private @Nullable TrainSession session;
    private StepTimes before = new StepTimes(0, 0, 0, 0, 0);
    private int at;

    StepsBench(Case what) {
        this.what = what;
    }

    @Override
    public String name() {
        return what.id();
    }

    @Override
    public String peer() {
        return "steps";
    }

    @Override
    public String setting() {
        return "a step of " + BATCH + " Gaussian rows, " + what.method + (what.method.endsWith("topk") ? " k " + K : "")
                + ", " + LATENTS + " latents of width " + WIDTH
                + ", Adam, clipping, decoder constraint and auxiliary loss"
                + " as the peer has them, " + what.dead + " dead latents, encoder's product " + what.precision.id()
                + ", peer " + what.peer;
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public double tolerance() {
        return 0.01;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        Cases.Random random = Cases.Random.of(5);
        Matrix decoder = gaussian(random, LATENTS);
        for (int i = 0; i < LATENTS; i++) {
            float[] row = decoder.row(i);
            double norm = 0;
            for (float v : row) {
                norm += (double) v * v;
            }
            for (int j = 0; j < WIDTH; j++) {
                row[j] /= (float) Math.sqrt(norm);
            }
            decoder.setRow(i, row);
        }
        Matrix rows = gaussian(random, BATCH * BATCHES);
        for (int b = 0; b < BATCHES; b++) {
            batches[b] = rows.rows((long) b * BATCH, (long) (b + 1) * BATCH);
        }
        write(folder.resolve("decoder.npy"), decoder);
        write(folder.resolve("rows.npy"), rows);
        Map<String, Object> setup = new LinkedHashMap<>();
        setup.put("peer", what.peer);
        setup.put("method", what.method);
        setup.put("k", K);
        setup.put("l1", L1);
        setup.put("l0", L0);
        setup.put("threshold", what.threshold());
        setup.put("bandwidth", BANDWIDTH);
        setup.put("bias", what.bias());
        setup.put("dead", what.dead);
        setup.put("batch", BATCH);
        setup.put("steps", 1);
        setup.put("learning_rate", RATE);
        Files.writeString(folder.resolve("setup.json"), Json.line(setup));
        float[] bias = new float[LATENTS];
        Arrays.fill(bias, what.bias());
        float[] threshold = new float[what.method.equals("jumprelu") ? LATENTS : 0];
        Arrays.fill(threshold, what.threshold());
        TrainState start = TrainState.initial(new Parameters(decoder, decoder, bias, new float[WIDTH], threshold));
        for (int i = 0; what.dead > 0 && i < LATENTS; i += LATENTS / what.dead) {
            bias[i] = -50;
            start.sinceFired()[i] = 1 << 20;
        }
        session = SaeEngine.best(what.precision).open(start);
    }

    private Matrix gaussian(Cases.Random random, int rows) {
        Matrix m = Matrix.allocate(arena, rows, WIDTH);
        for (int r = 0; r < rows; r++) {
            float[] row = new float[WIDTH];
            for (int j = 0; j < WIDTH; j++) {
                row[j] = (float) random.nextGaussian();
            }
            m.setRow(r, row);
        }
        return m;
    }

    private static void write(Path file, Matrix m) throws IOException {
        float[][] rows = new float[(int) m.rows()][];
        Arrays.setAll(rows, m::row);
        NpyFile.write(file, rows);
    }

    private StepRule rule() {
        AdamRule adam = new AdamRule(RATE, 0.9, 0.999, 1e-8);
        boolean lens = what.peer.equals("sae_lens");
        StepRule.Builder b = switch (what.method) {
            case "topk" -> StepRule.of(Selection.TOPK, adam).k(K).aux(1.0 / 32, WIDTH / 2);
            case "batchtopk" -> StepRule.of(Selection.BATCH_TOPK, adam).k(K).aux(1.0 / 32, WIDTH / 2);
            case "jumprelu" ->
                StepRule.of(Selection.THRESHOLD, adam)
                        .sparsity(Sparsity.l0(L0, 0))
                        .kernel(ThresholdKernel.RECTANGLE, BANDWIDTH)
                        .unitDecoder(false);
            default ->
                StepRule.of(Selection.POSITIVE, adam).sparsity(Sparsity.l1(L1)).unitDecoder(false);
        };
        return b.deadAfter(1 << 19)
                .clip(lens || what.peer.equals("dictionary_learning") ? 1 : 0)
                .build();
    }

    @Override
    public Measured run() throws IOException {
        TrainSession s = Objects.requireNonNull(session);
        PeakMemory.forget();
        long start = System.nanoTime();
        StepMetrics m = s.step(batches[at++ % BATCHES], rule());
        double seconds = (System.nanoTime() - start) / 1e9;
        StepTimes t = s.times();
        double perThread = 1000.0 / Parallel.threads();
        keep("product ms", (t.product() - before.product()) * perThread);
        keep("selection ms", (t.selection() - before.selection()) * perThread);
        keep("decode ms", (t.decode() - before.decode()) * perThread);
        keep("gradients ms", (t.gradients() - before.gradients()) * perThread);
        keep("adam ms", (t.adam() - before.adam()) * perThread);
        keep("step ms", seconds * 1000);
        keep("L0", m.l0());
        keep(LoadBench.PEAK, ProcessMemory.peakBytes() / 1e6);
        before = t;
        return new Measured(BATCH, seconds, m.reconstruction());
    }

    private void keep(String name, double value) {
        beside.computeIfAbsent(name, n -> new ArrayList<>()).add(value);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside;
    }

    @Override
    public void close() {
        if (session != null) {
            session.close();
        }
        arena.close();
    }
}
