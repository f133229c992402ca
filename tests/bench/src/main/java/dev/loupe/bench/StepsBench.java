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
import dev.loupe.engine.cuda.CudaEngine;
import dev.loupe.engine.cuda.CudaMemory;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.math.VectorOps;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Whole training steps at the size of published SAEs on Gaussian rows and on rows of a captured store, and whole runs from the
 * first L0 (half of all latents) to the last, against the trainer of a peer with the same start, batches and settings. The
 * reconstruction losses of the last step must agree. Several steps a round: the first after a pause finds cold caches, which
 * would weigh more on the faster side.
 */
final class StepsBench implements Benchmark {
    /** What the process holds on the GPU at most. */
    static final String GPU = "MB of GPU memory";

    private static final int K = 32;

    /** What is trained, how, and against whom. */
    enum Case {
        TOPK("topk", Precision.FP32, "sae_lens", 0, StepsShape.GAUSSIAN),
        TOPK_BF16("topk", Precision.BF16, "sae_lens", 0, StepsShape.GAUSSIAN),
        TOPK_INT8("topk", Precision.INT8, "sae_lens", 0, StepsShape.GAUSSIAN),
        TOPK_DEAD("topk", Precision.FP32, "sae_lens", 10, StepsShape.GAUSSIAN),
        TOPK_CAPTURED("topk", Precision.FP32, "sae_lens", 0, StepsShape.CAPTURED),
        TOPK_SPARSIFY("topk", Precision.FP32, "sparsify", 0, StepsShape.GAUSSIAN),
        TOPK_BF16_SPARSIFY("topk", Precision.BF16, "sparsify", 0, StepsShape.GAUSSIAN),
        TOPK_INT8_CAPTURED("topk", Precision.INT8, "sae_lens", 0, StepsShape.CAPTURED),
        TOPK_INT8_SPARSIFY("topk", Precision.INT8, "sparsify", 0, StepsShape.GAUSSIAN),
        TOPK_DICTIONARY("topk", Precision.FP32, "dictionary_learning", 0, StepsShape.GAUSSIAN),
        BATCHTOPK("batchtopk", Precision.FP32, "sae_lens", 0, StepsShape.GAUSSIAN),
        BATCHTOPK_DEAD("batchtopk", Precision.FP32, "sae_lens", 10, StepsShape.GAUSSIAN),
        BATCHTOPK_CAPTURED("batchtopk", Precision.FP32, "sae_lens", 0, StepsShape.CAPTURED),
        JUMPRELU("jumprelu", Precision.FP32, "sae_lens", 0, StepsShape.GAUSSIAN),
        JUMPRELU_DEAD("jumprelu", Precision.FP32, "sae_lens", 10, StepsShape.GAUSSIAN),
        JUMPRELU_BF16("jumprelu", Precision.BF16, "sae_lens", 0, StepsShape.GAUSSIAN),
        JUMPRELU_CAPTURED("jumprelu", Precision.FP32, "sae_lens", 0, StepsShape.CAPTURED),
        JUMPRELU_RUN("jumprelu", Precision.FP32, "sae_lens", 0, StepsShape.RUN),
        RELU("relu", Precision.FP32, "sae_lens", 0, StepsShape.GAUSSIAN),
        RELU_DEAD("relu", Precision.FP32, "sae_lens", 10, StepsShape.GAUSSIAN),
        RELU_BF16("relu", Precision.BF16, "sae_lens", 0, StepsShape.GAUSSIAN),
        RELU_CAPTURED("relu", Precision.FP32, "sae_lens", 0, StepsShape.CAPTURED),
        RELU_RUN("relu", Precision.FP32, "sae_lens", 0, StepsShape.RUN),
        RELU_EARLY("relu-early", Precision.FP32, "sae_lens", 0, StepsShape.GAUSSIAN),
        GPU_TOPK("topk", Precision.BF16, "sae_lens", 0, StepsShape.CARD),
        GPU_TOPK_SPARSIFY("topk", Precision.BF16, "sparsify", 0, StepsShape.CARD),
        GPU_TOPK_DICTIONARY("topk", Precision.BF16, "dictionary_learning", 0, StepsShape.CARD),
        GPU_TINY("topk", Precision.BF16, "sae_lens", 0, StepsShape.TINY_CARD),
        GPU_BATCHTOPK("batchtopk", Precision.BF16, "sae_lens", 0, StepsShape.CARD),
        GPU_JUMPRELU("jumprelu", Precision.BF16, "sae_lens", 0, StepsShape.CARD),
        GPU_LARGE("topk", Precision.BF16, "sae_lens", 0, StepsShape.LARGE_CARD),
        GPU_LARGE_SPARSIFY("topk", Precision.BF16, "sparsify", 0, StepsShape.LARGE_CARD),
        GPU_LARGE_DICTIONARY("topk", Precision.BF16, "dictionary_learning", 0, StepsShape.LARGE_CARD);

        private final String method;
        private final Precision precision;
        private final String peer;
        private final int deadPercent;
        private final StepsShape shape;

        Case(String method, Precision precision, String peer, int deadPercent, StepsShape shape) {
            this.method = method;
            this.precision = precision;
            this.peer = peer;
            this.deadPercent = deadPercent;
            this.shape = shape;
        }

        String id() {
            return "train-step-" + name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
        }

        private int dead() {
            return shape.latents * deadPercent / 100;
        }

        private boolean whole() {
            return shape == StepsShape.RUN;
        }

        /** Whether steps are taken on the first GPU. */
        boolean gpu() {
            return shape == StepsShape.CARD || shape == StepsShape.LARGE_CARD || shape == StepsShape.TINY_CARD;
        }

        /** The peer. */
        String against() {
            return peer;
        }

        /** What a step must do at least. */
        StepFloors floors() {
            return new StepFloors(shape.latents, shape.width, shape.batch, k());
        }

        private int k() {
            return shape == StepsShape.LARGE_CARD ? 64 : shape == StepsShape.TINY_CARD ? 8 : K;
        }

        private SaeEngine engine() {
            return gpu() ? new CudaEngine(0, precision) : SaeEngine.best(precision);
        }

        private double bandwidth() {
            return whole() ? 0.2 : 0.1;
        }

        private double l0() {
            return whole() ? 1 : 0.01;
        }

        private double l1() {
            return whole() ? 2 : 0.01;
        }
    }

    private final Case what;
    private final Arena arena = Arena.ofShared();
    private final Matrix[] batches;
    private final Beside beside = new Beside();
    private @Nullable SaeEngine engine;
    private @Nullable TrainSession session;
    private @Nullable TrainState start;
    private int expected;
    private StepTimes before = new StepTimes(0, 0, 0, 0, 0);
    private int at;

    StepsBench(Case what) {
        this.what = what;
        this.batches = new Matrix[what.shape.batches];
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
        return what.shape.steps + " steps of " + what.shape.batch + " " + what.shape.rows + ", " + what.method
                + (what.method.endsWith("topk") ? " k " + what.k() : "") + ", " + what.shape.latents
                + " latents of width "
                + what.shape.width
                + ", Adam, clipping, decoder constraint and auxiliary loss"
                + " as the peer has them, " + what.dead() + " dead latents, encoder's product " + what.precision.id()
                + ", peer " + what.peer;
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public double tolerance() {
        return what.whole() || what.gpu() ? 0.03 : 0.01; // rounding grows over hundreds of steps
    }

    @Override
    public void prepare(Path folder) throws Exception {
        StepsShape shape = what.shape;
        Cases.Random random = Cases.Random.of(5);
        Matrix decoder = gaussian(random, shape.latents);
        for (int i = 0; i < shape.latents; i++) {
            float[] row = decoder.row(i);
            float norm = (float) Math.sqrt(VectorOps.dot(row, 0, row, 0, row.length));
            for (int j = 0; j < row.length; j++) {
                row[j] /= norm;
            }
            decoder.setRow(i, row);
        }
        int count = shape.batch * shape.batches;
        Matrix rows = shape == StepsShape.GAUSSIAN || what.gpu()
                ? gaussian(random, count)
                : CapturedRows.read(arena, folder, count);
        for (int b = 0; b < shape.batches; b++) {
            batches[b] = rows.rows((long) b * shape.batch, (long) (b + 1) * shape.batch);
        }
        float threshold = 0;
        float shift = 0;
        if (what.whole()) {
            threshold = what.method.equals("jumprelu") ? 0.01f : 0;
        } else if (what.method.equals("jumprelu")) {
            threshold = above(decoder, 50);
        } else if (what.method.equals("relu")) {
            shift = -above(decoder, 300);
        }
        write(folder.resolve("decoder.npy"), decoder);
        write(folder.resolve("rows.npy"), rows);
        Map<String, Object> setup = new LinkedHashMap<>();
        setup.put("peer", what.peer);
        setup.put("method", what.method);
        setup.put("k", what.k());
        setup.put("device", what.gpu() ? "cuda" : "cpu");
        setup.put("l1", what.l1());
        setup.put("l0", what.l0());
        setup.put("threshold", threshold);
        setup.put("bandwidth", what.bandwidth());
        setup.put("bias", shift);
        setup.put("dead", what.dead());
        setup.put("batch", shape.batch);
        setup.put("steps", shape.steps);
        setup.put("restart", what.whole());
        setup.put("learning_rate", shape.rate);
        Files.writeString(folder.resolve("setup.json"), Json.line(setup));
        float[] bias = new float[shape.latents];
        Arrays.fill(bias, shift);
        float[] thresholds = new float[what.method.equals("jumprelu") ? shape.latents : 0];
        Arrays.fill(thresholds, threshold);
        TrainState state =
                TrainState.initial(new Parameters(decoder, decoder, bias, new float[shape.width], thresholds));
        for (int i = 0; what.dead() > 0 && i < shape.latents; i += shape.latents / what.dead()) {
            bias[i] = -50;
            state.sinceFired()[i] = 1 << 20;
        }
        start = state;
        SaeEngine by = what.engine();
        engine = by;
        session = by.open(state);
        for (Matrix batch : batches) {
            by.announce(batch); // as the peer's, they lie on the GPU before a step begins
        }
    }

    /** What so many latents of a row exceed at the start, on average. */
    private float above(Matrix decoder, int active) {
        Matrix sample = batches[0].rows(0, Math.min(64, batches[0].rows()));
        float[][] weights = new float[(int) decoder.rows()][];
        Arrays.setAll(weights, decoder::row);
        float[] all = new float[(int) sample.rows() * weights.length];
        Parallel.run((int) sample.rows(), r -> {
            float[] x = sample.row(r);
            for (int i = 0; i < weights.length; i++) {
                all[r * weights.length + i] = VectorOps.dot(x, 0, weights[i], 0, x.length);
            }
        });
        Arrays.sort(all);
        return all[all.length - 1 - active * (int) sample.rows()];
    }

    private Matrix gaussian(Cases.Random random, int rows) {
        Matrix m = Matrix.allocate(arena, rows, what.shape.width);
        for (int r = 0; r < rows; r++) {
            float[] row = new float[what.shape.width];
            for (int j = 0; j < row.length; j++) {
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
        AdamRule adam = new AdamRule(what.shape.rate, 0.9, 0.999, 1e-8);
        boolean lens = what.peer.equals("sae_lens");
        StepRule.Builder b = switch (what.method) {
            case "topk" -> StepRule.of(Selection.TOPK, adam).k(what.k()).aux(1.0 / 32, what.shape.width / 2);
            case "batchtopk" ->
                StepRule.of(Selection.BATCH_TOPK, adam).k(what.k()).aux(1.0 / 32, what.shape.width / 2);
            case "jumprelu" ->
                StepRule.of(Selection.THRESHOLD, adam)
                        .k(expected)
                        .sparsity(Sparsity.l0(what.l0(), 0))
                        .kernel(ThresholdKernel.RECTANGLE, what.bandwidth())
                        .unitDecoder(false);
            default ->
                StepRule.of(Selection.POSITIVE, adam)
                        .k(expected)
                        .sparsity(Sparsity.l1(what.l1()))
                        .unitDecoder(false);
        };
        if (lens) {
            b.unitDecoder(false); // its decoder rows are free; norms, by which it weighs its choice, stay near one here
        }
        return b.deadAfter(1 << 19)
                .clip(lens || what.peer.equals("dictionary_learning") ? 1 : 0)
                .build();
    }

    @Override
    public Measured run() throws IOException {
        if (what.whole()) {
            Objects.requireNonNull(session).close();
            session = what.engine().open(Objects.requireNonNull(start));
            before = new StepTimes(0, 0, 0, 0, 0);
            at = 0;
            expected = 0;
        }
        TrainSession s = Objects.requireNonNull(session);
        PeakMemory.forget();
        double loss = 0;
        long begin = System.nanoTime();
        for (int i = 0; i < what.shape.steps; i++) {
            Matrix batch = batches[at++ % batches.length];
            if (what.gpu() && i < what.shape.steps - 1) {
                s.advance(batch, batch, rule());
                continue;
            }
            StepMetrics m = s.step(batch, rule());
            expected = (int) Math.ceil(m.l0());
            loss = m.reconstruction();
            if (what.whole() && i == 0) {
                beside.add("first L0", m.l0());
            }
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        StepTimes t = s.times();
        double perThread = 1000.0 / (what.gpu() ? 1 : Parallel.threads()) / what.shape.steps;
        beside.add("product ms", (t.product() - before.product()) * perThread);
        beside.add("selection ms", (t.selection() - before.selection()) * perThread);
        beside.add("decode ms", (t.decode() - before.decode()) * perThread);
        beside.add("gradients ms", (t.gradients() - before.gradients()) * perThread);
        beside.add("adam ms", (t.adam() - before.adam()) * perThread);
        beside.add("step ms", seconds * 1000 / what.shape.steps);
        beside.add("L0", expected);
        beside.add(LoadBench.PEAK, ProcessMemory.peakBytes() / 1e6);
        if (what.gpu()) {
            beside.add(GPU, CudaMemory.peak(0) / 1e6);
        }
        before = t;
        return new Measured((double) what.shape.batch * what.shape.steps, seconds, loss);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {
        if (session != null) {
            session.close();
        }
        if (engine != null) {
            for (Matrix batch : batches) {
                engine.forget(batch);
            }
        }
        arena.close();
    }
}
