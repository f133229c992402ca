package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import dev.loupe.train.Method;
import dev.loupe.train.TrainConfig;
import dev.loupe.train.TrainJob;
import dev.loupe.train.TrainPreset;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * How much of a planted dictionary an SAE of twice its size finds at the true L0; the answer is MMCS over the features that
 * belong to no pair. The peer is SAELens on rows of the same distribution. One round is a whole training, so run it with
 * {@code --rounds 1 --warmups 0}.
 */
final class PlantedBench implements Benchmark {
    private static final int STEPS = 4_900;
    private static final int BATCH = 1_024;
    private static final double FOUND = 0.9;

    /** Twice the number of features: rare ones need latents that are still free when their turn comes. */
    private static final int LATENTS = Integer.getInteger("loupe.planted.latents", 2 * PlantedRows.FEATURES);

    /** Of both sides: the better of 1e-3 and 3e-3 for TopK; no other was tried. */
    private static final double RATE = 3e-3;

    /** Further settings for trials, {@code name=value,name=value}. */
    private static final String SET = System.getProperty("loupe.planted.set", "");

    private final Method method;
    private final PlantedRows rows = new PlantedRows(1);
    private final Beside beside = new Beside();

    PlantedBench(Method method) {
        this.method = method;
    }

    @Override
    public String name() {
        return "planted-" + method.id();
    }

    @Override
    public String setting() {
        return method.id() + ", " + PlantedRows.FEATURES + " planted features in " + PlantedRows.WIDTH + " dimensions, "
                + (long) STEPS * BATCH + " rows; the answer is MMCS over unpaired features, rows of the peer are others"
                + " of the same distribution";
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public double tolerance() {
        return Double.POSITIVE_INFINITY;
    }

    private double trueL0() {
        return rows.fill(-2, Matrix.copyOf(new float[20_000][PlantedRows.WIDTH]));
    }

    @Override
    public void prepare(Path folder) throws java.io.IOException {
        NpyFile.write(folder.resolve("directions.npy"), rows.directions);
        Json.write(
                folder.resolve("setup.json"),
                Map.of(
                        "latents",
                        LATENTS,
                        "rate",
                        RATE,
                        "rates",
                        rows.rates,
                        "steps",
                        STEPS,
                        "batch",
                        BATCH,
                        "l0",
                        trueL0(),
                        "method",
                        method.id()));
    }

    @Override
    public Measured run() {
        double l0 = trueL0();
        TrainConfig config = TrainPreset.DEMO
                .config(method, LATENTS)
                .with(Map.of("steps", STEPS, "batch", BATCH, "learning_rate", RATE))
                .with(method.choosesK() ? Map.of("k", Math.round(l0)) : Map.of("l0_target", l0));
        if (method.choosesK()) { // as the peer has it; with unit rows both of us find fewer rare features, see the
            // decisions
            config = config.with(Map.of("decoder", "free", "decoder_norm", 0.1));
        }
        for (String setting : SET.isEmpty() ? new String[0] : SET.split(",", -1)) {
            String[] pair = setting.split("=", 2);
            config = config.with(pair[0], pair[1]);
        }
        long begin = System.nanoTime();
        Sae sae = TrainJob.onRows(method.id(), rows, config, 0, Progress.silent());
        double seconds = (System.nanoTime() - begin) / 1e9;
        return new Measured((double) STEPS * BATCH, seconds, score(sae, l0));
    }

    private double score(Sae sae, double trueL0) {
        Matrix held = Matrix.copyOf(new float[20_000][PlantedRows.WIDTH]);
        rows.fill(-3, held);
        SparseCodes codes = sae.encode(held);
        boolean[] alive = new boolean[sae.dSae()];
        for (int e = 0; e < codes.size(); e++) {
            alive[codes.ids()[e]] = true;
        }
        double[] ofFeature = new double[PlantedRows.FEATURES];
        double[] ofLatent = new double[sae.dSae()];
        for (int i = 0; i < sae.dSae(); i++) {
            float[] d = sae.decoderRows().row(i);
            for (int f = 0; f < ofFeature.length; f++) {
                double cosine = VectorOps.dot(rows.directions[f], 0, d, 0, d.length)
                        / Math.sqrt(VectorOps.dot(d, 0, d, 0, d.length));
                ofLatent[i] = Math.max(ofLatent[i], cosine);
                if (alive[i]) {
                    ofFeature[f] = Math.max(ofFeature[f], cosine);
                }
            }
        }
        int living = 0;
        int precise = 0;
        double back = 0;
        for (int i = 0; i < alive.length; i++) {
            living += alive[i] ? 1 : 0;
            precise += alive[i] && ofLatent[i] >= FOUND ? 1 : 0;
            back += alive[i] ? ofLatent[i] : 0;
        }
        double mmcs = IntStream.range(0, ofFeature.length)
                .filter(f -> !PlantedRows.paired(f))
                .mapToDouble(f -> ofFeature[f])
                .average()
                .orElseThrow();
        beside.add("MMCS", mmcs);
        beside.add("L0", codes.l0());
        beside.add("true L0", trueL0);
        beside.add("MMCS back", back / living);
        beside.add("precision", (double) precise / living);
        beside.add("recall", recall(ofFeature, f -> true));
        beside.add("recall of pairs", recall(ofFeature, PlantedRows::paired));
        beside.add("alive", living);
        Integer[] order = IntStream.range(0, ofFeature.length).boxed().toArray(Integer[]::new);
        Arrays.sort(order, Comparator.comparingDouble(f -> rows.rates[f]));
        for (int decile = 0; decile < 10; decile++) {
            int from = decile * order.length / 10;
            int to = (decile + 1) * order.length / 10;
            List<Integer> some = List.of(order).subList(from, to);
            beside.add("recall " + (decile + 1) + "/10", recall(ofFeature, some::contains));
        }
        return mmcs;
    }

    private static double recall(double[] ofFeature, java.util.function.IntPredicate which) {
        return IntStream.range(0, ofFeature.length)
                .filter(which)
                .mapToDouble(f -> ofFeature[f] >= FOUND ? 1 : 0)
                .average()
                .orElseThrow();
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {}
}
