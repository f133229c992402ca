package dev.loupe.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.sae.SparseCodes;
import dev.loupe.sae.TranscoderSet;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToyModel;
import dev.loupe.toy.ToySaes;
import dev.loupe.toy.ToyStore;
import dev.loupe.toy.ToyTokenizer;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class EvaluationTest {
    private static final int D = 6;
    private static final int VOCABULARY = 9;

    @TempDir
    Path folder;

    @Test
    void everyFigureIsThatOfHeldOutTokensCountedByHand() {
        Cases.check(6, random -> {
            ToyModel model = model(random);
            List<ToyStore.Doc> docs = docs(random);
            Path place = folder.resolve("case-" + random.index());
            Architecture architecture = Architecture.values()[random.index() % 3];
            Sae sae = ToySaes.random("sae", random, architecture, D, 10);
            sae.save(place.resolve("saes/sae"));
            Sae saved = Sae.open(place.resolve("saes/sae"));
            try (ActivationStore store = ToyStore.write(place.resolve("store"), D, docs, model::activations)) {
                SaeReport report = Evaluation.run(saved, store, model, null, EvalOptions.standard(), Progress.silent());
                Naive naive = naive(model, sae, docs, store.mean(ToyModel.HOOK.name()));
                assertThat(report.tokens()).isEqualTo(naive.rows).isEqualTo(store.heldOutRows());
                assertThat(report.l0()).isCloseTo(naive.l0, within(1e-12));
                assertThat(report.fvu()).isCloseTo(naive.fvu, within(1e-5 * naive.fvu));
                assertThat(report.dead()).isEqualTo(naive.dead);
                SaeReport.Loss loss = report.loss();
                assertThat(loss).isNotNull();
                assertThat(loss.tokens()).isEqualTo(naive.predictions);
                assertThat(loss.ceClean()).isCloseTo(naive.clean, within(1e-5));
                assertThat(loss.ceSpliced()).isCloseTo(naive.spliced, within(1e-4));
                assertThat(loss.ceZero()).isCloseTo(Math.log(VOCABULARY), within(1e-5)); // all logits 0
                assertThat(loss.ceMean()).isCloseTo(naive.mean, within(1e-4));
                assertThat(loss.deltaCe()).isCloseTo(loss.ceSpliced() - loss.ceClean(), within(1e-12));
                assertThat(loss.lossRecoveredZero())
                        .isCloseTo((loss.ceZero() - loss.ceSpliced()) / (loss.ceZero() - loss.ceClean()), within(1e-9));
                assertThat(loss.spliceIdentityError()).isZero();
                assertThat(Evaluation.isCurrent(saved, store)).isTrue();
                JsonNode json = Json.tree(place.resolve("saes/sae/report.json"));
                assertThat(json.get("fvu").asDouble()).isEqualTo(report.fvu());
                assertThat(json.get("loss").get("delta_ce").asDouble()).isEqualTo(loss.deltaCe());
                assertThat(Evaluation.saved(place.resolve("saes/sae")).orElseThrow())
                        .usingRecursiveComparison()
                        .isEqualTo(report);
                Files.writeString(place.resolve("saes/sae/report.json"), "{\"fvu\": ");
                assertThatThrownBy(() -> Evaluation.saved(place.resolve("saes/sae")))
                        .hasMessageContaining("report.json is damaged")
                        .hasMessageEndingWith("Make it again: loupe eval sae.");
                assertThat(Evaluation.isCurrent(saved, store)).isFalse();
                SaeReport again = Evaluation.run(saved, store, model, null, EvalOptions.standard(), Progress.silent());
                assertThat(again.fvu()).isEqualTo(report.fvu());
                assertThat(Evaluation.isCurrent(saved, store)).isTrue();
                assertThat(report.summary())
                        .containsKeys("l0", "fvu", "explained_variance", "delta_ce", "loss_recovered", "dead_fraction");
            }
        });
    }

    @Test
    void transcodersAreJudgedByWhatTheyWriteAndCrosscodersAtEachPlace() {
        Cases.check(4, random -> {
            ToyModel model = model(random);
            List<ToyStore.Doc> docs = docs(random);
            String in = ToyModel.HOOK.name();
            String out = ToyModel.NORMALIZED.name();
            Map<String, ToyStore.Source> sources = new LinkedHashMap<>();
            sources.put(in, model::activations);
            sources.put(out, model::activations);
            Path place = folder.resolve("places-" + random.index());
            try (ActivationStore store = ToyStore.write(place, D, docs, sources)) {
                Sae sae = twoPlaces(random, in, out, D, D, Matrix.copyOf(random.matrix(D, D)));
                SaeReport report = Evaluation.run(sae, store, model, null, EvalOptions.standard(), Progress.silent());
                Naive naive =
                        naive(model, x -> sae.reconstruct(x, Arena.ofAuto()).row(0), docs, sae);
                assertThat(report.hook()).isEqualTo(in);
                assertThat(report.hookOut()).isEqualTo(out);
                assertThat(report.fvu()).isCloseTo(naive.fvu, within(1e-5 * naive.fvu));
                assertThat(report.loss().ceSpliced()).isCloseTo(naive.spliced, within(1e-4));
                assertThat(report.loss().spliceIdentityError()).isZero();
                assertThat(report.places()).isNull();
                SetReport set = SetEvaluation.run(
                        new TranscoderSet("set", List.of(sae)),
                        store,
                        model,
                        EvalOptions.standard(),
                        Progress.silent());
                SetReport.Layer layer = set.layers().getFirst();
                assertThat(layer.fvu()).isCloseTo(report.fvu(), within(1e-9));
                assertThat(layer.l0()).isCloseTo(report.l0(), within(1e-9)).isCloseTo(set.l0(), within(1e-9));
                assertThat(layer.dead()).isEqualTo(report.dead());
                assertThat(layer.deltaCe()).isCloseTo(report.loss().deltaCe(), within(1e-6));
                assertThat(set.deltaCe()).isCloseTo(report.loss().deltaCe(), within(1e-6));
                assertThat(set.summary()).containsKeys("l0", "fvu", "delta_ce", "layers");
                theReportOfASetIsSavedBesideItsLayers(sae, folder.resolve("saes-" + random.index()), store, model, set);

                Sae both =
                        twoPlaces(random, in + "," + out, "", 2 * D, 2 * D, Matrix.allocate(Arena.ofAuto(), 0, 2 * D));
                report = Evaluation.run(both, store, model, null, EvalOptions.standard(), Progress.silent());
                assertThat(report.places()).extracting(SaeReport.Place::hook).containsExactly(in, out);
                for (int i = 0; i < 2; i++) { // at either place everything behind sees x̂ alone
                    int from = i * D;
                    naive = naive(
                            model,
                            x -> {
                                Matrix twice = Matrix.allocate(Arena.ofAuto(), 1, 2 * D);
                                x.copyInto(twice, 0);
                                x.copyInto(twice, D);
                                return both.reconstruct(twice, Arena.ofAuto())
                                        .columns(from, from + D, Arena.ofAuto())
                                        .row(0);
                            },
                            docs,
                            both);
                    SaeReport.Place p = report.places().get(i);
                    assertThat(p.fvu()).isCloseTo(naive.fvu, within(1e-5 * naive.fvu));
                    assertThat(p.deltaCe()).isCloseTo(naive.spliced - naive.clean, within(1e-4));
                }
            }
        });
    }

    private static void theReportOfASetIsSavedBesideItsLayers(
            Sae sae, Path saes, ActivationStore store, ToyModel model, SetReport inMemory) {
        sae.save(saes.resolve("set-l0"));
        assertThat(SetReport.file(saes, "set")).doesNotExist();
        SetReport report = SetEvaluation.run(
                TranscoderSet.open(saes, "set"), store, model, EvalOptions.standard(), Progress.silent());
        assertThat(Json.read(SetReport.file(saes, "set"), SetReport.class)).isEqualTo(report);
        assertThat(report.layers()).isEqualTo(inMemory.layers());
        assertThat(report.storeFingerprint()).isEqualTo(store.fingerprint());
        assertThat(report.layerChecksums()).hasSize(1).doesNotContain("");
        assertThat(inMemory.layerChecksums()).containsExactly("");
        assertThat(TranscoderSet.isSet(saes, "set")).isTrue();
    }

    private static Sae twoPlaces(Cases.Random random, String in, String out, int dIn, int dOut, Matrix skip) {
        return new Sae(
                "two",
                new SaeConfig(Architecture.RELU, 0, false, "toy", in, out, Map.of()),
                new SaeWeights(
                        Matrix.copyOf(random.matrix(10, dIn)),
                        Matrix.copyOf(random.matrix(10, dOut)),
                        random.floats(10),
                        random.floats(dOut),
                        new float[0],
                        skip),
                SaeProvenance.unknown());
    }

    @Test
    void withoutAModelTheLossesAreLeftOutAndTheReportDoesNotCountAsComplete() {
        Cases.Random random = Cases.random();
        ToyModel model = model(random);
        ToySaes.random("sae", random, Architecture.RELU, D, 10).save(folder.resolve("sae"));
        Sae sae = Sae.open(folder.resolve("sae"));
        try (ActivationStore store = ToyStore.write(folder.resolve("store"), D, docs(random), model::activations)) {
            SaeReport report = Evaluation.run(sae, store, null, null, EvalOptions.standard(), Progress.silent());
            assertThat(report.loss()).isNull();
            assertThat(report.summary()).doesNotContainKey("delta_ce");
            assertThat(Evaluation.isCurrent(sae, store)).isFalse();
        }
    }

    @Test
    void aStoreWithoutHeldOutRowsAndAnSaeOfAnotherWidthAreRefusedInOneSentence() {
        Cases.Random random = Cases.random();
        ToyModel model = model(random);
        List<ToyStore.Doc> docs = List.of(new ToyStore.Doc("d", "en", false, List.of(new int[] {0, 1, 2})));
        try (ActivationStore store = ToyStore.write(folder.resolve("store"), D, docs, model::activations)) {
            Sae sae = ToySaes.random("sae", random, Architecture.RELU, D, 10);
            assertThatThrownBy(() -> Evaluation.run(sae, store, null, null, EvalOptions.standard(), Progress.silent()))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("no held-out row");
            Sae wide = ToySaes.random("wide", random, Architecture.RELU, D + 1, 10);
            assertThatThrownBy(() -> Evaluation.run(wide, store, null, null, EvalOptions.standard(), Progress.silent()))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("trained on another model");
        }
    }

    private record Naive(
            long rows, double l0, double fvu, int dead, long predictions, double clean, double spliced, double mean) {}

    private static Naive naive(
            ToyModel model, Function<Matrix, float[]> reconstruction, List<ToyStore.Doc> docs, Sae sae) {
        return naive(model, sae, reconstruction, docs, new float[D]);
    }

    private static Naive naive(ToyModel model, Sae sae, List<ToyStore.Doc> docs, float[] trainMean) {
        return naive(model, sae, x -> sae.reconstruct(x, Arena.ofAuto()).row(0), docs, trainMean);
    }

    private static Naive naive(
            ToyModel model,
            Sae sae,
            Function<Matrix, float[]> reconstruction,
            List<ToyStore.Doc> docs,
            float[] trainMean) {
        List<float[]> x = new ArrayList<>();
        List<float[]> predicted = new ArrayList<>();
        boolean[] alive = new boolean[sae.dSae()];
        long active = 0;
        long predictions = 0;
        double clean = 0;
        double spliced = 0;
        double ablated = 0;
        for (ToyStore.Doc doc : docs) {
            for (int[] ids : doc.heldOut() ? doc.sequences() : List.<int[]>of()) {
                float[][] rows = model.activations(ids);
                for (int p = 0; p < ids.length; p++) {
                    if (ids[p] == ToyTokenizer.BOS) {
                        continue;
                    }
                    float[] out = reconstruction.apply(Matrix.copyOf(new float[][] {rows[p]}));
                    SparseCodes codes = sae.dIn() == D
                            ? sae.encode(Matrix.copyOf(new float[][] {rows[p]}))
                            : new SparseCodes(new int[2], new int[0], new float[0]);
                    x.add(rows[p]);
                    predicted.add(out);
                    active += codes.size();
                    for (int e = 0; e < codes.size(); e++) {
                        alive[codes.ids()[e]] = true;
                    }
                    if (p + 1 < ids.length) {
                        predictions++;
                        clean += ToyModel.loss(model.logits(rows[p]), ids[p + 1]);
                        spliced += ToyModel.loss(model.logits(out), ids[p + 1]);
                        ablated += ToyModel.loss(model.logits(trainMean), ids[p + 1]);
                    }
                }
            }
        }
        double[] mean = new double[D];
        x.forEach(row -> Arrays.setAll(mean, j -> mean[j] + (double) row[j] / x.size()));
        double error = 0;
        double variance = 0;
        for (int r = 0; r < x.size(); r++) {
            for (int j = 0; j < D; j++) {
                error += Math.pow((double) x.get(r)[j] - predicted.get(r)[j], 2);
                variance += Math.pow(x.get(r)[j] - mean[j], 2);
            }
        }
        int dead = 0;
        for (boolean a : alive) {
            dead += a ? 0 : 1;
        }
        return new Naive(
                x.size(),
                (double) active / x.size(),
                error / variance,
                dead,
                predictions,
                clean / predictions,
                spliced / predictions,
                ablated / predictions);
    }

    private static ToyModel model(Cases.Random random) {
        List<String> texts = new ArrayList<>();
        for (int t = 1; t < VOCABULARY; t++) {
            texts.add(" w" + t);
        }
        float[][] embed = random.matrix(VOCABULARY, D);
        for (float[] row : embed) {
            row[2] += 30; // a large mean, as residual streams have
        }
        return new ToyModel(new ToyTokenizer(texts), embed, random.matrix(VOCABULARY, D), random.floats(D));
    }

    private static List<ToyStore.Doc> docs(Cases.Random random) {
        List<ToyStore.Doc> docs = new ArrayList<>();
        for (int d = 0; d < 14; d++) {
            List<int[]> sequences = new ArrayList<>();
            for (int s = random.nextInt(1, 3); s > 0; s--) {
                int[] ids = random.ints(random.nextInt(3, 20), 1, VOCABULARY);
                ids[0] = ToyTokenizer.BOS;
                sequences.add(ids);
            }
            docs.add(new ToyStore.Doc("doc " + d, "en", d % 3 == 0, sequences));
        }
        return docs;
    }
}
