package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeWeights;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How training begins: presets, other SAEs, subspaces, measured thresholds; and latents that begin anew. */
class StartTest {
    @TempDir
    Path dir;

    @ParameterizedTest
    @EnumSource(TrainPreset.class)
    void everyPresetIsAValidRecipeForEachOfItsMethodsAndTravelsAsJson(TrainPreset preset) {
        assertThat(TrainPreset.of(preset.id())).isEqualTo(preset);
        for (Method m : Method.values()) {
            if (preset.methods().contains(m)) {
                TrainConfig c = preset.config(m, 256);
                assertThat(c.recipe()).isEqualTo(preset.id());
                assertThat(Json.MAPPER.convertValue(c.settings(), TrainConfig.class))
                        .isEqualTo(c);
            } else {
                assertThatThrownBy(() -> preset.config(m, 256))
                        .isInstanceOf(UsageException.class)
                        .hasMessageContaining(m.id());
            }
        }
    }

    @Test
    void aMistypedPresetIsAnsweredWithTheNearest() {
        assertThatThrownBy(() -> TrainPreset.of("gema-scope"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("did you mean gemma-scope");
    }

    @Test
    void settingsOfAnEarlierVersionGetTheDefaultsOfWhatWasAdded() {
        Map<String, Object> old = Runs.config(Method.JUMPRELU).settings();
        old.keySet().removeAll(List.of("init_from", "init_subspace", "recycle"));
        assertThat(Json.MAPPER.convertValue(old, TrainConfig.class)).isEqualTo(Runs.config(Method.JUMPRELU));
    }

    /** Fine-tuning for no step at all would give back the SAE: here for one step that changes next to nothing. */
    @ParameterizedTest
    @EnumSource(Method.class)
    void fineTuningBeginsWithTheFunctionOfTheOtherSae(Method m) {
        Path first = Runs.train(
                        new TrainRequest("first", dir, dir, "", Runs.config(m), List.of(0L)), 0, Progress.silent())
                .folder();
        TrainConfig tuned = Runs.config(m)
                .with(Map.of(
                        "init_from",
                        "first",
                        "steps",
                        1,
                        "learning_rate",
                        1e-12,
                        "input_scale",
                        "none",
                        "apply_b_dec_to_input",
                        false));
        Path second = Runs.train(new TrainRequest("second", dir, dir, "", tuned, List.of(9L)), 9, Progress.silent())
                .folder();
        Sae a = Sae.open(first);
        Sae b = Sae.open(second);
        Matrix rows = Matrix.copyOf(new float[50][20]);
        new PlantedSource(20, 3).batch(0, rows);
        boolean batchwise = m == Method.BATCHTOPK || m == Method.MATRYOSHKA; // these measure their threshold anew
        for (int r = 0; r < 50 && !batchwise; r++) {
            float[] x = rows.row(r);
            float[] expected = a.reconstruct(Matrix.copyOf(new float[][] {x}), Arena.ofAuto())
                    .row(0);
            float[] actual = b.reconstruct(Matrix.copyOf(new float[][] {x}), Arena.ofAuto())
                    .row(0);
            for (int j = 0; j < 20; j++) {
                assertThat(actual[j]).isCloseTo(expected[j], within(2e-3f));
            }
        }
        for (int i = 0; i < a.dSae(); i++) {
            for (int j = 0; j < 20; j++) {
                assertThat(b.decoderRows().get(i, j)).isCloseTo(a.decoderRows().get(i, j), within(1e-5f));
            }
        }
        assertThat(b.provenance().settings()).containsEntry("init_from", "first");
    }

    @Test
    void anSaeOfAnotherShapeCannotBeTheStart() {
        Runs.train(
                new TrainRequest("first", dir, dir, "", Runs.config(Method.TOPK), List.of(0L)), 0, Progress.silent());
        TrainConfig wide = Runs.config(Method.TOPK).with(Map.of("init_from", "first", "d_sae", 70));
        assertThatThrownBy(() -> Runs.train(Runs.request(dir, wide, 0L), 0, Progress.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContainingAll("64", "70");
    }

    @Test
    void latentsStartInsideTheSubspaceThatHoldsTheVariance() {
        // rows vary in 5 of 20 dimensions, plus a little of everything
        float[][] rows = new float[2000][20];
        Random random = new Random(4);
        float[][] axes = new float[5][20];
        for (float[] axis : axes) {
            for (int j = 0; j < 20; j++) {
                axis[j] = (float) random.nextGaussian();
            }
        }
        for (float[] row : rows) {
            Arrays.fill(row, 3);
            for (float[] axis : axes) {
                VectorOps.axpy((float) random.nextGaussian(), axis, 0, row, 0, 20);
            }
            for (int j = 0; j < 20; j++) {
                row[j] += 0.001f * (float) random.nextGaussian();
            }
        }
        assertThat(ActiveSubspace.of(rows, 0.999).size()).isEqualTo(5);
        assertThat(ActiveSubspace.of(rows, 3).size()).isEqualTo(3);
        ActiveSubspace space = ActiveSubspace.of(rows, 5);
        float[] v = new float[20];
        space.direction(java.util.random.RandomGenerator.of("L64X128MixRandom"), v);
        assertThat(VectorOps.dot(v, 0, v, 0, 20)).isCloseTo(1, within(1e-5f));
        // what least squares over the axes leaves of it is nothing
        float[] rest = v.clone();
        for (int round = 0; round < 2000; round++) {
            for (float[] axis : axes) {
                float along = VectorOps.dot(rest, 0, axis, 0, 20) / VectorOps.dot(axis, 0, axis, 0, 20);
                VectorOps.axpy(-along, axis, 0, rest, 0, 20);
            }
        }
        assertThat(VectorOps.dot(rest, 0, rest, 0, 20)).isLessThan(1e-4f);
    }

    @Test
    void aRunThatBeginsInASubspaceLearnsAsWellAsAnyOther() {
        TrainConfig c = Runs.config(Method.TOPK).with(Map.of("init_subspace", 0.9));
        TrainResult inside = Runs.train(Runs.request(dir.resolve("inside"), c, 1L), 1, Progress.silent());
        TrainResult other =
                Runs.train(Runs.request(dir.resolve("other"), c.with("init_subspace", 0), 1L), 1, Progress.silent());
        System.out.printf(
                "FVU from a subspace %s, else %s%n",
                inside.metrics().get("fvu"), other.metrics().get("fvu"));
        assertThat(inside.metrics().get("fvu")).isLessThan(1.3 * other.metrics().get("fvu"));
        assertThat(Sae.open(inside.folder()).decoderRows().row(0))
                .isNotEqualTo(Sae.open(other.folder()).decoderRows().row(0));
        assertThat(Sae.open(inside.folder()).provenance().settings()).containsEntry("init_subspace", 0.9);
    }

    @Test
    void measuredThresholdsLetEveryLatentFireAtTheAskedRate() {
        TrainConfig c = Runs.config(Method.JUMPRELU).with(Map.of("jumprelu.start", "measured", "jumprelu.start_l0", 2));
        BatchSource data = new PlantedSource(20, 0);
        double scale = SeedRun.factor(c, data);
        TrainState start = Initializer.initial(c, data, scale, 1);
        Parameters p = start.parameters();
        Matrix rows = Matrix.copyOf(new float[4000][20]);
        data.batch(77, rows);
        double active = 0;
        for (int r = 0; r < 4000; r++) {
            float[] x = rows.row(r);
            for (int j = 0; j < 20; j++) {
                x[j] = (float) (x[j] * scale - p.bDec()[j]);
            }
            for (int i = 0; i < 64; i++) {
                float pi = VectorOps.dot(
                                x, 0, p.encoderRows().segment(), p.encoderRows().offset(i), 20)
                        + p.bEnc()[i];
                active += pi > p.threshold()[i] ? 1 : 0;
            }
        }
        assertThat(active / 4000).isCloseTo(8, within(1.0)); // twice the target of 4
    }

    /** One row in 500 is a hundred times as long as the others and lies in one direction. */
    private static BatchSource massive() {
        PlantedSource plain = new PlantedSource(20, 0);
        return new MassiveSource(plain);
    }

    @Test
    void usualActivationsStartAtTheFixedThreshold() {
        TrainConfig c = Runs.config(Method.JUMPRELU);
        BatchSource data = new PlantedSource(20, 0);
        assertThat(c.jumprelu().start()).isEqualTo("auto");
        assertThat(Initializer.initial(c, data, SeedRun.factor(c, data), 1)
                        .parameters()
                        .threshold())
                .containsOnly(0.2f);
    }

    @Test
    void massiveActivationsNeedMeasuredThresholds() {
        double fixed = deadWith(Map.of("jumprelu.start", "fixed"));
        double measured = deadWith(Map.of("jumprelu.start", "auto"));
        System.out.printf("dead with a fixed start %.2f, with a measured one %.2f%n", fixed, measured);
        assertThat(fixed).isGreaterThan(0.4);
        assertThat(measured).isLessThan(0.35);
    }

    private double deadWith(Map<String, Object> changes) {
        TrainConfig c = Runs.config(Method.JUMPRELU)
                .with(Map.of("steps", 400, "batch", 200, "aux", 0))
                .with(changes);
        BatchSource data = massive();
        SeedRun run = new SeedRun(SaeEngine.best(), c, 1, data, data, dir.resolve("none"), 1e9);
        run.run(Progress.silent(), "");
        return run.curves().last().get("dead") / 64;
    }

    @Test
    void recyclingRevivesDeadLatentsAndGoesOnWithTheSameBitsAfterAStop() throws Exception {
        for (String policy : List.of("resample", "redo")) {
            Map<String, Object> changes = Map.of(
                    "recycle.policy", policy, "recycle.every", "20 steps", "aux", 0, "k", 2, "dead_window", "15 steps");
            TrainConfig c = Runs.config(Method.TOPK).with(changes);
            List<String> said = new ArrayList<>();
            Path whole = Runs.train(Runs.request(dir.resolve(policy), c, 1L), 1, Runs.listening(said))
                    .folder();
            assertThat(said).as(policy).anyMatch(m -> m.contains("latents began anew"));
            TrainRequest broken = Runs.request(dir.resolve(policy + "-broken"), c, 1L);
            assertThatThrownBy(() -> Runs.train(broken, 1, Runs.stoppingAfter(50)))
                    .isInstanceOf(CancelledException.class);
            Path resumed = Runs.train(broken, 1, Progress.silent()).folder();
            assertThat(Files.mismatch(
                            whole.resolve("sae_weights.safetensors"), resumed.resolve("sae_weights.safetensors")))
                    .as(policy)
                    .isEqualTo(-1);
        }
    }

    @Test
    void aRecycledLatentHasNewWeightsAndNoMoments() {
        TrainConfig c = Runs.config(Method.TOPK)
                .with(Map.of(
                        "recycle.policy", "resample", "recycle.every", "1 steps", "dead_window", "1 steps", "k", 1));
        BatchSource data = new PlantedSource(20, 0);
        double scale = SeedRun.factor(c, data);
        TrainState start = Initializer.initial(c, data, scale, 1);
        for (int i = 0; i < 10; i++) {
            start.parameters().bEnc()[i] = -100; // never chosen
        }
        try (TrainSession session = SaeEngine.best().open(start)) {
            Matrix batch = Matrix.copyOf(new float[100][20]);
            Objective objective = Objective.of(c, 20);
            for (int step = 0; step < 2; step++) {
                data.batch(step, batch);
                for (int r = 0; r < 100; r++) {
                    VectorOps.scale((float) scale, batch.segment(), batch.offset(r), 20);
                }
                session.step(
                        batch,
                        objective
                                .rule(step, new dev.loupe.engine.AdamRule(1e-3, 0.9, 0.999, 1e-8))
                                .build());
            }
            int recycled = new Recycler(c, 1).run(session, 1, batch, true);
            assertThat(recycled).isGreaterThanOrEqualTo(10);
            TrainState now = session.snapshot();
            for (int i = 0; i < 10; i++) {
                assertThat(now.parameters().bEnc()[i]).isZero();
                assertThat(now.m().bEnc()[i]).isZero();
                assertThat(now.sinceFired()[i]).isZero();
                float[] decoder = now.parameters().decoderRows().row(i);
                float[] encoder = now.parameters().encoderRows().row(i);
                double cosine = VectorOps.dot(decoder, 0, encoder, 0, 20)
                        / Math.sqrt(VectorOps.dot(encoder, 0, encoder, 0, 20));
                assertThat(cosine).isCloseTo(1, within(1e-5));
            }
        }
    }

    /** The mean of unit vectors is shorter than one; the finished SAE has unit rows and the function of the mean. */
    @ParameterizedTest
    @EnumSource(value = Method.class, names = "TOPK", mode = EnumSource.Mode.EXCLUDE)
    void averagedWeightsEndWithUnitRowsAndTheSameFunction(Method m) {
        TrainConfig c = Runs.config(m).with(Map.of("average", 0.98, "learning_rate", 2e-2));
        BatchSource data = new PlantedSource(20, 0);
        SeedRun run = new SeedRun(SaeEngine.best(), c, 1, data, data, dir.resolve("none"), 1e9);
        TrainState end = run.run(Progress.silent(), "");
        SaeWeights w = run.finished(end);
        Parameters mean = java.util.Objects.requireNonNull(end.average());
        double shortest = 1;
        for (int i = 0; i < w.dSae(); i++) {
            float[] row = w.decoderRows().row(i);
            assertThat(VectorOps.dot(row, 0, row, 0, 20)).isCloseTo(1, within(1e-5f));
            float[] before = mean.decoderRows().row(i);
            shortest = Math.min(shortest, VectorOps.dot(before, 0, before, 0, 20));
            double ratio = Math.sqrt(VectorOps.dot(before, 0, before, 0, 20));
            if (m.result() == Architecture.RELU) { // others are made into thresholds before
                assertThat(w.encoderRows().get(i, 3))
                        .isCloseTo((float) (mean.encoderRows().get(i, 3) * ratio), within(1e-5f));
            }
        }
        assertThat(shortest).isLessThan(0.99);
    }

    @Test
    void theDormancyScoreIsRelativeToTheMean() {
        assertThat(Recycler.dormant(new double[] {10, 0.2, 0.3, 0, 29.5}, 0.025))
                .containsExactly(false, true, false, true, false);
    }
}
