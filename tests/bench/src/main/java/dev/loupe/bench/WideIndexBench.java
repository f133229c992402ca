package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureIndexer;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.feature.IndexOptions;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Dtype;
import dev.loupe.store.RowReader;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.StoreSpec;
import dev.loupe.store.StoreWriter;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What an index of a wide SAE costs beside its encoder: every run encodes a store, then indexes it and one of half the
 * rows. What each further row costs and what every index costs once gives the ratio at a million tokens. No logit lens: the
 * rows are made up, and so wide as no embedded model is.
 */
final class WideIndexBench implements LoneBenchmark {
    private static final int ROWS = Integer.getInteger("loupe.bench.rows", 32_768);
    private static final int LATENTS = 16_384;
    private static final int WIDTH = 768;
    private static final int K = 32;
    private static final int SEQUENCE = 128;
    private static final String HOOK = "blocks.3.hook_resid_post";

    private final Beside beside = new Beside();
    private @Nullable LanguageModel model;
    private @Nullable Sae sae;
    private @Nullable ActivationStore whole;
    private @Nullable ActivationStore half;
    private @Nullable Path folder;

    @Override
    public String name() {
        return "index-wide";
    }

    @Override
    public String setting() {
        return ROWS + " made-up rows of width " + WIDTH + ", TopK of " + K + " among " + LATENTS
                + " latents; \"at 1M\" is (fixed + slope x 1M) / (encoder's seconds a row x 1M)";
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void prepare(Path where) throws Exception {
        folder = where;
        model = Builtin.open(where, Map.of());
        float[][] d = Cases.Random.of(1).matrix(LATENTS, WIDTH);
        for (float[] row : d) {
            double norm = 0;
            for (float v : row) {
                norm += (double) v * v;
            }
            for (int j = 0; j < WIDTH; j++) {
                row[j] /= (float) Math.sqrt(norm);
            }
        }
        sae = new Sae(
                "wide",
                new SaeConfig(Architecture.TOPK, K, false, "builtin", HOOK, Map.of()),
                new SaeWeights(Matrix.copyOf(d), Matrix.copyOf(d), new float[LATENTS], new float[WIDTH], new float[0]),
                SaeProvenance.unknown());
        half = store(where.resolve("half"), d, ROWS / 2);
        whole = store(where.resolve("whole"), d, ROWS);
    }

    /** Rows that are sums of sixteen directions; the token says which is strongest. */
    private ActivationStore store(Path target, float[][] d, int rows) {
        LanguageModel m = Objects.requireNonNull(model);
        Map<String, StoreSpec.HookSpec> hooks = Map.of(HOOK, new StoreSpec.HookSpec(WIDTH, Dtype.FLOAT32));
        StoreSpec spec = new StoreSpec(
                "bench",
                new StoreManifest.Model(m.id(), m.weightsChecksum(), "none", "raw"),
                new StoreManifest.Sequence(SEQUENCE, false, "bench", List.of()),
                new StoreManifest.Corpus("bench", "bench", "text", "bench", "none", "none"),
                0,
                new LinkedHashMap<>(hooks),
                Map.of());
        Cases.Random random = Cases.Random.of(2);
        try (StoreWriter writer = StoreWriter.create(target, spec);
                ShardBuffer buffer = writer.buffer(16_384)) {
            for (int row = 0; row < rows; ) {
                int[] tokens = new int[SEQUENCE];
                float[][] x = new float[SEQUENCE][WIDTH];
                for (int i = 0; i < SEQUENCE; i++) {
                    for (int c = 0; c < 16; c++) {
                        int id = (int) (LATENTS * Math.pow(random.nextFloat(), 2)); // some far more often than others
                        tokens[i] = c == 0 ? 1 + id % (m.config().dVocab() - 1) : tokens[i];
                        float weight = (c == 0 ? 3 : 1) + random.nextFloat();
                        for (int j = 0; j < WIDTH; j++) {
                            x[i][j] += weight * d[id][j];
                        }
                    }
                }
                int first = buffer.add(writer.addDocument("d" + row, "", 0, row / SEQUENCE % 10 == 0), tokens);
                for (int i = 0; i < SEQUENCE; i++, row++) {
                    buffer.activations(HOOK).setRow(first + i, x[i]);
                }
                if (buffer.rows() + SEQUENCE > buffer.capacity() || row >= rows) {
                    writer.write(buffer);
                    buffer.clear();
                }
            }
            writer.finish();
        }
        return ActivationStore.open(target);
    }

    @Override
    public Measured run() throws Exception {
        Sae s = Objects.requireNonNull(sae);
        double encode = encode(s, Objects.requireNonNull(whole));
        double[] one = index(s, Objects.requireNonNull(half));
        double[] two = index(s, Objects.requireNonNull(whole));
        double slope = (two[0] - one[0]) / (ROWS - ROWS / 2);
        double fixed = Math.max(0, two[0] - slope * ROWS);
        beside.add("encoder seconds", encode);
        beside.add("index seconds", two[0]);
        beside.add("a further row, x encoder", slope * ROWS / encode);
        beside.add("once, seconds", fixed);
        beside.add("at 1M tokens, x encoder", (fixed + slope * 1e6) / (encode / ROWS * 1e6));
        return new Measured(ROWS, two[0], two[1]);
    }

    private static double encode(Sae s, ActivationStore store) {
        long start = System.nanoTime();
        RowReader reader = store.reader(HOOK);
        try (Arena arena = Arena.ofShared()) {
            Matrix memory = Matrix.allocate(arena, 8192, WIDTH);
            for (long row = 0; row < store.rows(); row += 8192) {
                int n = (int) Math.min(8192, store.rows() - row);
                Matrix x = memory.rows(0, n);
                reader.read(row, n, x);
                s.encode(x);
            }
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private double[] index(Sae s, ActivationStore store) throws Exception {
        Path features = Objects.requireNonNull(folder).resolve("features");
        long start = System.nanoTime();
        FeatureIndex index = FeatureIndexer.build(
                s, store, Objects.requireNonNull(model), IndexOptions.standard(), features, Progress.silent());
        double seconds = (System.nanoTime() - start) / 1e9;
        double fired = index.all().stream().mapToLong(FeatureSummary::fired).sum();
        AtomicFiles.deleteTree(features);
        return new double[] {seconds, fired};
    }

    @Override
    public void close() {
        for (ActivationStore s : new ActivationStore[] {whole, half}) {
            if (s != null) {
                s.close();
            }
        }
        if (model != null) {
            model.close();
        }
    }
}
