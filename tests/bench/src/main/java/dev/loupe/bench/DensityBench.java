package dev.loupe.bench;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.Precision;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.Selection;
import dev.loupe.engine.Sparsity;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How long a ReLU step takes at a given number of active latents, from the last steps of a run (16 of 16,384) to the first
 * (half of all), with the encoder's product in float32 and in bfloat16. A run is one step at each; it must not fall off a
 * cliff where many are active. Around the limit both ways of a step are taken, sums over pairs and dense products: where
 * they cross is where the limit belongs.
 */
final class DensityBench implements Benchmark {
    private static final int ROWS = 4096;
    private static final int WIDTH = 768;
    private static final int LATENTS = 16_384;

    /** Standard deviations that so many latents of a Gaussian row exceed. */
    private static final Map<Integer, Double> BARS = bars();

    private final Arena arena = Arena.ofShared();
    private final Beside beside = new Beside();
    private @Nullable Matrix rows;
    private @Nullable Matrix decoder;

    private static Map<Integer, Double> bars() {
        Map<Integer, Double> bars = new LinkedHashMap<>();
        bars.put(16, 3.097);
        bars.put(64, 2.660);
        bars.put(150, 2.358);
        bars.put(300, 2.090);
        bars.put(600, 1.791);
        bars.put(1000, 1.546);
        bars.put(2000, 1.165);
        bars.put(4000, 0.695);
        bars.put(8000, 0.029);
        return bars;
    }

    /** Where both ways are tried: pairs of more would take gigabytes. */
    private static final List<Integer> BOTH = List.of(300, 600, 1000, 2000);

    @Override
    public String name() {
        return "train-step-density";
    }

    @Override
    public boolean hasPeer() {
        return false;
    }

    @Override
    public String setting() {
        return "a ReLU step of " + ROWS + " Gaussian rows, " + LATENTS + " latents of width " + WIDTH
                + ", free decoder, clipping, at each L0 of " + BARS.keySet()
                + ", encoder's product in fp32 and bf16; beside it sums"
                + " over pairs and dense products at " + BOTH;
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public double tolerance() {
        return Double.POSITIVE_INFINITY; // no peer
    }

    @Override
    public void prepare(Path folder) {
        Cases.Random random = Cases.Random.of(5);
        rows = gaussian(random, ROWS, 1);
        decoder = gaussian(random, LATENTS, 1 / Math.sqrt(WIDTH));
    }

    private Matrix gaussian(Cases.Random random, int count, double size) {
        Matrix m = Matrix.allocate(arena, count, WIDTH);
        float[] row = new float[WIDTH];
        for (int r = 0; r < count; r++) {
            for (int j = 0; j < WIDTH; j++) {
                row[j] = (float) (size * random.nextGaussian());
            }
            m.setRow(r, row);
        }
        return m;
    }

    @Override
    public Measured run() {
        Matrix x = Objects.requireNonNull(rows);
        Matrix d = Objects.requireNonNull(decoder);
        double seconds = 0;
        double loss = 0;
        for (Precision precision : List.of(Precision.FP32, Precision.BF16)) {
            for (int active : BARS.keySet()) {
                Measured one = step(x, d, active, SaeEngine.best(precision));
                seconds += one.seconds();
                loss = one.answer();
                beside.add(precision.id() + " ms at " + active, 1000 * one.seconds());
            }
            for (int active : BOTH) {
                beside.add(
                        precision.id() + " pairs ms at " + active,
                        1000
                                * step(x, d, active, SaeEngine.denseFrom(precision, 0))
                                        .seconds());
                beside.add(
                        precision.id() + " dense ms at " + active,
                        1000
                                * step(x, d, active, SaeEngine.denseFrom(precision, LATENTS))
                                        .seconds());
            }
        }
        return new Measured(2.0 * ROWS * BARS.size(), seconds, loss);
    }

    private Measured step(Matrix x, Matrix d, int active, SaeEngine engine) {
        float[] bias = new float[LATENTS];
        Arrays.fill(bias, (float) -Objects.requireNonNull(BARS.get(active)));
        StepRule rule = StepRule.of(Selection.POSITIVE, new AdamRule(1e-9, 0.9, 0.999, 1e-8)) // the weights stay
                .k(active)
                .sparsity(Sparsity.l1(0.01))
                .unitDecoder(false)
                .clip(1)
                .build();
        try (TrainSession session =
                engine.open(TrainState.initial(new Parameters(d, d, bias, new float[WIDTH], new float[0])))) {
            session.step(x, rule);
            long begin = System.nanoTime();
            StepMetrics m = session.step(x, rule);
            return new Measured(ROWS, (System.nanoTime() - begin) / 1e9, m.reconstruction());
        }
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {
        arena.close();
    }
}
