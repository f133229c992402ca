package dev.loupe.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.sae.SparseCodes;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToyModel;
import dev.loupe.toy.ToyStore;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class ReconstructionMetricsTest {
    @TempDir
    Path folder;

    @Test
    void theWorkedExampleOfThePaperHasFvuOne() {
        ReconstructionMetrics m = of(new float[][] {{1, 0}, {3, 2}}, new float[][] {{2, 1}, {4, 3}});
        assertThat(m.fvu()).isEqualTo(1);
        assertThat(m.explainedVariance()).isEqualTo(1); // the error is constant, which this formula forgives
    }

    @Test
    void aPerfectReconstructionHasNoError() {
        float[][] x = {{1, 5}, {-2, 3}, {4, 4}};
        ReconstructionMetrics m = of(x, x);
        assertThat(m.fvu()).isZero();
        assertThat(m.explainedVariance()).isEqualTo(1);
        assertThat(m.cosine()).isCloseTo(1, within(1e-12));
        assertThat(m.l2Ratio()).isEqualTo(1);
        assertThat(m.shrinkage()).isEqualTo(1);
    }

    @Test
    void figuresEqualThoseOfNumpy() throws Exception {
        JsonNode golden = golden();
        ReconstructionMetrics m = of(matrix(golden, "x"), matrix(golden, "x_hat"));
        assertClose(m.fvu(), golden, "fvu");
        assertClose(m.explainedVariance(), golden, "explained_variance");
        assertClose(m.mse(), golden, "mse");
        assertClose(m.cosine(), golden, "cosine");
        assertClose(m.l2Ratio(), golden, "l2_ratio");
        assertClose(m.shrinkage(), golden, "shrinkage");
        FiringCounts firing = new FiringCounts(11);
        firing.add(codes(matrix(golden, "codes")));
        assertClose(firing.l0(), golden, "l0");
        assertThat(firing.dead()).isEqualTo(golden.get("dead").asInt());
    }

    @Test
    void pcaOnHeldOutRowsEqualsThatOfNumpy() throws Exception {
        JsonNode golden = golden();
        float[][] train = matrix(golden, "train");
        float[][] x = matrix(golden, "x");
        int rank = golden.get("pca_rank").asInt();
        // one sequence per document: BOS, then as many tokens as rows
        List<ToyStore.Doc> docs = List.of(
                new ToyStore.Doc("train", "", false, List.of(new int[train.length + 1])),
                new ToyStore.Doc("held out", "", true, List.of(new int[x.length + 1])));
        for (ToyStore.Doc doc : docs) {
            java.util.Arrays.fill(doc.sequences().getFirst(), 1, train.length + 1, 1);
        }
        int[] turn = {0};
        try (ActivationStore store = ToyStore.write(folder.resolve("s"), 7, docs, s -> {
            List<float[]> rows = new ArrayList<>(List.of(turn[0]++ == 0 ? train : x));
            rows.addFirst(new float[7]);
            return rows.toArray(float[][]::new);
        })) {
            Rows trainRows = new Rows(store.reader(ToyModel.HOOK.name()), store.trainRowIds(), 0);
            Rows heldOut = new Rows(store.reader(ToyModel.HOOK.name()), store.heldOutRowIds(), 0);
            double variance = of(x, x).variance();
            PcaBaseline pca = PcaBaseline.fit(trainRows, Progress.silent());
            PcaBaseline.Measured measured = pca.measure(heldOut, Progress.silent());
            assertThat(measured.fvu(rank, variance))
                    .isCloseTo(golden.get("pca_fvu").asDouble(), within(1e-5));
            assertThat(measured.fvu(7, variance)).isCloseTo(0, within(1e-5));
        }
    }

    @Test
    void aLargeMeanCostsNoDigits() {
        Cases.check(30, random -> {
            int n = 2 + random.nextInt(50);
            float[][] x = random.matrix(n, 4);
            float[][] p = random.matrix(n, 4);
            float[][] farX = shifted(x, 4096);
            float[][] farP = shifted(p, 4096);
            // what float32 itself loses at 4096 is in both
            ReconstructionMetrics near = of(shifted(farX, -4096), shifted(farP, -4096));
            ReconstructionMetrics far = of(farX, farP);
            assertThat(far.fvu()).isCloseTo(near.fvu(), within(1e-9 * near.fvu()));
            assertThat(far.explainedVariance()).isCloseTo(near.explainedVariance(), within(1e-9 * near.fvu()));
        });
    }

    @Test
    void theDensityHistogramCountsEveryLatentOnce() {
        FiringCounts firing = new FiringCounts(4);
        float[][] codes = new float[100][4];
        for (int r = 0; r < 100; r++) {
            codes[r] = new float[] {1, r < 10 ? 1 : 0, r == 7 ? 1 : 0, 0};
        }
        firing.add(codes(codes));
        SaeReport.Density d = firing.density();
        assertThat(d.never()).isEqualTo(1);
        assertThat(java.util.Arrays.stream(d.counts()).sum()).isEqualTo(3);
        assertThat(d.counts()[d.counts().length - 1]).isEqualTo(1); // always: rate 1 is in the last bin
        assertThat(d.edges()[d.edges().length - 1]).isZero();
        assertThat(firing.dense(0.1)).isEqualTo(1); // more than 10 %
        assertThat(firing.l0()).isEqualTo(1.11);
    }

    private static ReconstructionMetrics of(float[][] x, float[][] predicted) {
        double[] mean = new double[x[0].length];
        for (float[] row : x) {
            for (int j = 0; j < mean.length; j++) {
                mean[j] += (double) row[j] / x.length;
            }
        }
        ReconstructionMetrics m = new ReconstructionMetrics(mean);
        for (int r = 0; r < x.length; r++) {
            m.add(x[r], predicted[r]);
        }
        return m;
    }

    private static float[][] shifted(float[][] x, float by) {
        float[][] y = new float[x.length][];
        for (int r = 0; r < x.length; r++) {
            y[r] = x[r].clone();
            for (int j = 0; j < y[r].length; j++) {
                y[r][j] += by;
            }
        }
        return y;
    }

    private static SparseCodes codes(float[][] dense) {
        int[] offsets = new int[dense.length + 1];
        List<Integer> ids = new ArrayList<>();
        List<Float> values = new ArrayList<>();
        for (int r = 0; r < dense.length; r++) {
            for (int i = 0; i < dense[r].length; i++) {
                if (dense[r][i] > 0) {
                    ids.add(i);
                    values.add(dense[r][i]);
                }
            }
            offsets[r + 1] = ids.size();
        }
        float[] v = new float[values.size()];
        for (int e = 0; e < v.length; e++) {
            v[e] = values.get(e);
        }
        return new SparseCodes(offsets, ids.stream().mapToInt(Integer::intValue).toArray(), v);
    }

    private static void assertClose(double actual, JsonNode golden, String key) {
        double expected = golden.get(key).asDouble();
        assertThat(actual).as(key).isCloseTo(expected, within(1e-10 * Math.abs(expected)));
    }

    private static JsonNode golden() throws Exception {
        try (InputStream in = ReconstructionMetricsTest.class.getResourceAsStream("reconstruction.json")) {
            return Json.MAPPER.readTree(in);
        }
    }

    private static float[][] matrix(JsonNode golden, String key) {
        return Json.MAPPER.treeToValue(golden.get(key), float[][].class);
    }
}
