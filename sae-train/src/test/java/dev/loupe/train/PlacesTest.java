package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import dev.loupe.sae.TranscoderSet;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Shuffle;
import dev.loupe.toy.ToyStore;
import dev.loupe.toy.ToyTokenizer;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Crosscoders, transcoder sets and cross-layer transcoders on a small store of three layers. */
class PlacesTest {
    private static final int D = 8;
    private static final int TOKENS = 40;
    private static final int LAYERS = 3;

    @TempDir
    Path dir;

    private Path folder;

    /**
     * x_l = a vector of the token, as large as 20^l; y_m = what the tokens of place 0 before it say through a random map. So
     * the output of every layer depends on x_0 alone, and a layer's own x says nothing about it.
     */
    @BeforeEach
    void write() {
        Cases.Random random = Cases.Random.of(47); // the bounds below are of this data
        float[][] tokens = random.matrix(TOKENS, D);
        Map<String, ToyStore.Source> sources = new LinkedHashMap<>();
        for (int l = 0; l < LAYERS; l++) {
            float size = (float) Math.pow(20, l);
            float[][] out = random.matrix(TOKENS, D);
            boolean first = l == 0;
            sources.put(
                    "blocks." + l + ".hook_mlp_in",
                    ids -> rows(ids, p -> scaled(tokens[first ? ids[p] : 1 + p % 5], size)));
            sources.put("blocks." + l + ".hook_mlp_out", ids -> rows(ids, p -> scaled(out[ids[p]], size)));
        }
        List<ToyStore.Doc> docs = new ArrayList<>();
        for (int d = 0; d < 60; d++) {
            int[] ids = random.ints(30, 1, TOKENS);
            ids[0] = ToyTokenizer.BOS;
            docs.add(new ToyStore.Doc("doc " + d, "en", d % 6 == 0, List.of(ids)));
        }
        folder = dir.resolve("store");
        ToyStore.write(folder, D, docs, sources).close();
    }

    private interface Row {
        float[] at(int position);
    }

    private static float[][] rows(int[] ids, Row row) {
        float[][] x = new float[ids.length][];
        for (int p = 0; p < x.length; p++) {
            x[p] = row.at(p);
        }
        return x;
    }

    private static float[] scaled(float[] v, float by) {
        float[] s = v.clone();
        for (int j = 0; j < s.length; j++) {
            s[j] *= by;
        }
        return s;
    }

    private static TrainConfig config(Method method) {
        return Runs.config(method)
                .with(Map.of("steps", 500, "batch", 200, "apply_b_dec_to_input", false, "learning_rate", 5e-3));
    }

    private List<TrainResult> train(String name, String in, String out, TrainConfig config, Progress progress) {
        return TrainJob.run(
                new TrainRequest(
                        name, new TrainRequest.Rows.Stored(folder, Shuffle.FULL), dir, in, out, config, List.of(3L)),
                progress);
    }

    @ParameterizedTest
    @CsvSource({"RELU,free", "PANNEAL,free", "TOPK,unit", "BATCHTOPK,unit", "MATRYOSHKA,unit", "JUMPRELU,unit"})
    void aCrosscoderReconstructsEveryPlaceHoweverLargeItIs(Method method, String decoder) {
        TrainConfig config = config(method).with("decoder", decoder);
        TrainResult result = train("cross", "blocks.*.hook_mlp_out", "", config, Progress.silent())
                .getFirst();
        Sae sae = Sae.open(result.folder());
        assertThat(sae.hooksIn())
                .containsExactly("blocks.0.hook_mlp_out", "blocks.1.hook_mlp_out", "blocks.2.hook_mlp_out");
        assertThat(sae.hooksOut()).isEqualTo(sae.hooksIn());
        assertThat(sae.dIn()).isEqualTo(LAYERS * D);
        try (ActivationStore store = ActivationStore.open(folder)) {
            Matrix x = heldOut(store, sae.hookName());
            Matrix predicted = sae.reconstruct(x, Arena.ofAuto());
            for (int l = 0; l < LAYERS; l++) { // without a scale for each place only the largest would be learned
                double fvu = fvu(x, predicted, l * D, (l + 1) * D);
                assertThat(fvu).as("%s at place %d", method, l).isLessThan(0.25);
            }
            assertThat(result.metrics().get("l0")).isCloseTo(sae.encode(x).l0(), within(1.0));
        }
        assertThat(train("cross", "blocks.*.hook_mlp_out", "", config, Progress.silent())
                        .getFirst()
                        .kept())
                .isTrue();
        assertThatThrownBy(() -> sae.requireSae("steer")).hasMessageContaining("crosscoder of blocks.0");
    }

    @ParameterizedTest
    @CsvSource({"BATCHTOPK", "JUMPRELU", "RELU"})
    void aCrossLayerTranscoderExplainsWhatComesFromEarlierLayersAndASetDoesNot(Method method) {
        TrainConfig config = config(method).with(Map.of("decoder", "free", "decoder_norm", 0.1));
        List<TrainResult> layers =
                train("clt", "blocks.*.hook_mlp_in", "blocks.*+.hook_mlp_out", config, Progress.silent());
        assertThat(layers).hasSize(LAYERS).allSatisfy(r -> assertThat(r.kept()).isFalse());
        train("set", "blocks.*.hook_mlp_in", "blocks.*.hook_mlp_out", config, Progress.silent());
        TranscoderSet clt = TranscoderSet.open(dir, "clt");
        TranscoderSet set = TranscoderSet.open(dir, "set");
        assertThat(clt.crossLayer()).isTrue();
        assertThat(set.crossLayer()).isFalse();
        assertThat(clt.size()).isEqualTo(set.size()).isEqualTo(LAYERS);
        assertThat(clt.layer(1).hooksOut()).containsExactly("blocks.1.hook_mlp_out", "blocks.2.hook_mlp_out");
        assertThat(clt.dSae(2)).isEqualTo(config.dSae());
        // the layers of a set, stepped together, are what each is alone
        train("alone", "blocks.1.hook_mlp_in", "blocks.1.hook_mlp_out", config, Progress.silent());
        assertThat(set.layer(1).decoderRows().row(6))
                .containsExactly(Sae.open(dir.resolve("alone")).decoderRows().row(6));
        double[] cross = fvu(clt);
        double[] own = fvu(set);
        assertThat(cross[0]).isLessThan(0.3);
        assertThat(own[0]).isLessThan(0.3);
        for (int l = 1; l < LAYERS; l++) {
            assertThat(cross[l]).as("%s layer %d", method, l).isLessThan(0.4);
            assertThat(own[l]).as("%s layer %d", method, l).isGreaterThan(0.8);
        }
        assertThat(train("clt", "blocks.*.hook_mlp_in", "blocks.*+.hook_mlp_out", config, Progress.silent()))
                .allSatisfy(r -> assertThat(r.kept()).isTrue());
    }

    private double[] fvu(TranscoderSet set) {
        try (ActivationStore store = ActivationStore.open(folder)) {
            List<Matrix> x = new ArrayList<>();
            for (int l = 0; l < set.size(); l++) {
                x.add(heldOut(store, set.hookIn(l).name()));
            }
            List<Matrix> predicted = set.reconstruct(x, Arena.ofAuto());
            double[] fvu = new double[set.size()];
            for (int l = 0; l < set.size(); l++) {
                fvu[l] = fvu(heldOut(store, set.hookOut(l).name()), predicted.get(l), 0, D);
            }
            return fvu;
        }
    }

    @ParameterizedTest
    @CsvSource({"blocks.*+.hook_mlp_out", "blocks.*.hook_mlp_out"})
    void aStoppedRunEndsWithTheSameBits(String out) {
        TrainConfig config = config(Method.BATCHTOPK).with(Map.of("steps", 60, "decoder", "free"));
        String in = "blocks.*.hook_mlp_in";
        train("whole", in, out, config, Progress.silent());
        assertThatThrownBy(() -> train("part", in, out, config, Runs.stoppingAfter(25)))
                .isInstanceOf(CancelledException.class);
        assertThat(train("part", in, out, config, Progress.silent()).getFirst().resumedFrom())
                .isGreaterThan(20);
        for (int l = 0; l < LAYERS; l++) {
            Sae a = Sae.open(dir.resolve("whole-l" + l));
            Sae b = Sae.open(dir.resolve("part-l" + l));
            assertThat(b.decoderRows().row(5)).containsExactly(a.decoderRows().row(5));
            assertThat(b.encoderRows().row(7)).containsExactly(a.encoderRows().row(7));
            assertThat(b.threshold()).containsExactly(a.threshold());
        }
    }

    @Test
    void whatCannotBeTrainedIsRefusedInOneSentence() {
        assertThatThrownBy(() -> train("a", "blocks.*.hook_z", "", config(Method.TOPK), Progress.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("blocks.*.hook_z")
                .hasMessageContaining("blocks.0.hook_mlp_in");
        assertThatThrownBy(() -> train(
                        "a",
                        "blocks.0.hook_mlp_in,blocks.1.hook_mlp_in",
                        "blocks.*.hook_mlp_out",
                        config(Method.TOPK),
                        Progress.silent()))
                .hasMessageContaining("2 are read and 3 written");
        assertThatThrownBy(() -> train(
                        "a", "blocks.*.hook_mlp_in", "blocks.*+.hook_mlp_out", config(Method.TOPK), Progress.silent()))
                .hasMessageContaining("batchtopk");
        assertThatThrownBy(() -> train(
                        "a",
                        "blocks.*.hook_mlp_in",
                        "blocks.*+.hook_mlp_out",
                        config(Method.MATRYOSHKA),
                        Progress.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("prefixes of matryoshka");
        for (String out : List.of("", "blocks.*+.hook_mlp_out")) {
            TrainConfig recycling = config(Method.BATCHTOPK).with("recycle.policy", "redo");
            assertThatThrownBy(() -> train("a", "blocks.*.hook_mlp_in", out, recycling, Progress.silent()))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("not to crosscoders and cross-layer transcoders");
        }
        assertThatThrownBy(() -> train(
                        "a", "blocks.0.hook_mlp_in,blocks.0.hook_mlp_in", "", config(Method.TOPK), Progress.silent()))
                .hasMessageContaining("twice");
        assertThatThrownBy(() -> TranscoderSet.open(dir, "none")).hasMessageContaining("none-l0");
        assertThat(TranscoderSet.setOf("set-l12")).isEqualTo("set");
        assertThat(TranscoderSet.setOf("set-lx")).isEqualTo("set-lx");
    }

    @Test
    void aSetBeginsWithAnotherOneLayerByLayerInASubspaceAndRecycles() {
        String in = "blocks.*.hook_mlp_in";
        String out = "blocks.*.hook_mlp_out";
        TrainConfig first = config(Method.TOPK)
                .with(Map.of("steps", 40, "init_subspace", 4, "recycle.policy", "redo", "recycle.every", "10 steps"));
        train("first", in, out, first, Progress.silent());
        TrainConfig tuned = config(Method.TOPK).with(Map.of("steps", 1, "learning_rate", 1e-12, "init_from", "first"));
        train("tuned", in, out, tuned, Progress.silent());
        for (int l = 0; l < LAYERS; l++) {
            Sae begin = Sae.open(dir.resolve("first-l" + l));
            Sae end = Sae.open(dir.resolve("tuned-l" + l));
            assertThat(end.provenance().settings()).containsEntry("init_from", "first-l" + l);
            for (int j = 0; j < D; j++) {
                assertThat(end.decoderRows().get(5, j))
                        .isCloseTo(begin.decoderRows().get(5, j), within(1e-4f));
            }
        }
        assertThat(train("tuned", in, out, tuned, Progress.silent()))
                .allSatisfy(r -> assertThat(r.kept()).isTrue());
    }

    private static Matrix heldOut(ActivationStore store, String hooks) {
        int n = (int) store.heldOutRows();
        long[] ids = new long[n];
        for (int i = 0; i < n; i++) {
            ids[i] = store.heldOutRowIds().get(i);
        }
        Matrix x = Matrix.allocate(Arena.ofAuto(), n, store.width(hooks));
        store.reader(hooks).gather(ids, 0, n, x);
        return x;
    }

    private static double fvu(Matrix wanted, Matrix actual, int from, int to) {
        double error = 0;
        double variance = 0;
        for (int j = from; j < to; j++) {
            double mean = 0;
            for (int r = 0; r < wanted.rows(); r++) {
                mean += wanted.get(r, j) / wanted.rows();
            }
            for (int r = 0; r < wanted.rows(); r++) {
                error += Math.pow(wanted.get(r, j) - actual.get(r, j), 2);
                variance += Math.pow(wanted.get(r, j) - mean, 2);
            }
        }
        return error / variance;
    }
}
