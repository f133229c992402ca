package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeWeights;
import dev.loupe.sae.SparseCodes;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TrainingTest {
    @TempDir
    Path dir;

    @Test
    void aStatisticalSelectionIsLearnedWithKeptAndNamedApproximate() {
        TrainConfig config =
                Runs.config(Method.TOPK).with(Map.of("steps", 600, "batch", 200, "topk.selection", "statistical"));
        TrainResult result = Runs.train(Runs.request(dir, config, 0L), 0, Progress.silent());
        Sae sae = Sae.open(result.folder());
        assertThat(sae.config().approximate()).isTrue();
        assertThat(sae.config().kind()).contains("approximate");
        assertThat(sae.config().metadata()).containsEntry("approximate", true).containsEntry("context_size", 128);
        PlantedSource data = new PlantedSource(20, 12345);
        Matrix held = Matrix.copyOf(new float[500][20]);
        data.batch(-7, held);
        SparseCodes codes = sae.encode(held);
        double fvu = fvu(sae, held, codes);
        System.out.printf("statistical topk: L0 %.2f, FVU %.4f%n", codes.l0(), fvu);
        assertThat(codes.l0()).isBetween(2.0, 9.0);
        assertThat(fvu).isLessThan(0.15);
        boolean varies = false;
        for (int r = 0; r < codes.rows(); r++) {
            varies |= codes.end(r) - codes.start(r) != config.k();
        }
        assertThat(varies).isTrue();
        assertThatThrownBy(() -> config.with("precision", "bf16")).hasMessageContaining("precision");
        assertThatThrownBy(() -> config.with("topk.selection", "guessed")).hasMessageContaining("statistical");
        assertThatThrownBy(() -> Runs.config(Method.BATCHTOPK).with("topk.selection", "statistical"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("topk.selection");
    }

    @ParameterizedTest
    @EnumSource(Method.class)
    void everyArchitectureLearnsPlantedDirections(Method a) {
        // the few latents of a short prefix must blend directions, so this test gives them room
        TrainConfig config =
                Runs.config(a).with(Map.of("steps", 600, "batch", 200, "matryoshka.prefixes", List.of(0.5, 1.0)));
        TrainResult result = Runs.train(Runs.request(dir, config, 0L), 0, Progress.silent());
        Sae sae = Sae.open(result.folder());
        PlantedSource data = new PlantedSource(20, 12345);
        Matrix held = Matrix.copyOf(new float[500][20]);
        data.batch(-7, held);
        SparseCodes codes = sae.encode(held);
        double fvu = fvu(sae, held, codes);
        double gamma = gamma(sae, held, codes);
        System.out.printf("%s: L0 %.2f, FVU %.4f, gamma %.3f%n", a, codes.l0(), fvu, gamma);
        if (a == Method.RELU) { // the known bias: its penalty shrinks what it reconstructs
            assertThat(gamma).isLessThan(0.9);
        } else if (a == Method.TOPK || a == Method.JUMPRELU) {
            assertThat(gamma).isCloseTo(1, within(0.04));
        }
        assertThat(codes.l0()).isBetween(2.5, 6.0);
        assertThat(fvu).isLessThan(a == Method.RELU ? 0.35 : a == Method.MATRYOSHKA ? 0.2 : 0.1);
        int recovered = 0;
        for (float[] planted : data.directions) {
            double best = 0;
            for (int i = 0; i < sae.dSae(); i++) {
                double cosine = 0;
                for (int j = 0; j < 20; j++) {
                    cosine += planted[j] * sae.decoderRows().get(i, j);
                }
                best = Math.max(best, cosine);
            }
            recovered += best > 0.9 ? 1 : 0;
        }
        assertThat(recovered).isGreaterThan(PlantedSource.FEATURES * 3 / 4);
        // the metrics of the last training batch are in training units, but FVU has none
        assertThat(result.metrics().get("fvu")).isCloseTo(fvu, within(0.05));
    }

    /** E‖x̂‖² / E[x·x̂] (arXiv 2404.16014): 1 is unbiased, below 1 is shrinkage. */
    private static double gamma(Sae sae, Matrix x, SparseCodes codes) {
        double size = 0;
        double along = 0;
        float[] out = new float[x.cols()];
        for (int r = 0; r < x.rows(); r++) {
            sae.decode(codes, r, out);
            for (int j = 0; j < x.cols(); j++) {
                size += (double) out[j] * out[j];
                along += (double) out[j] * x.get(r, j);
            }
        }
        return size / along;
    }

    private static double fvu(Sae sae, Matrix x, SparseCodes codes) {
        double[] mean = new double[x.cols()];
        for (int r = 0; r < x.rows(); r++) {
            for (int j = 0; j < x.cols(); j++) {
                mean[j] += x.get(r, j) / (double) x.rows();
            }
        }
        double error = 0;
        double variance = 0;
        float[] out = new float[x.cols()];
        for (int r = 0; r < x.rows(); r++) {
            sae.decode(codes, r, out);
            for (int j = 0; j < x.cols(); j++) {
                error += Math.pow(x.get(r, j) - out[j], 2);
                variance += Math.pow(x.get(r, j) - mean[j], 2);
            }
        }
        return error / variance;
    }

    @Test
    void foldingTheInputScaleChangesNothingButTheUnits() {
        for (Method a : Method.values()) {
            for (InputScale scale : InputScale.values()) {
                TrainConfig config = Runs.config(a).with(Map.of("input_scale", scale.id(), "steps", 20));
                SeedRun run = Runs.run(config, 1, dir.resolve("none"), 1e9);
                TrainState end = run.run(Progress.silent(), "");
                float s = (float) run.scale();
                Matrix raw = Matrix.copyOf(new float[50][20]);
                new PlantedSource(20, 0).batch(0, raw);
                Matrix scaled = Matrix.copyOf(new float[50][20]);
                for (int r = 0; r < 50; r++) {
                    for (int j = 0; j < 20; j++) {
                        scaled.set(r, j, s * raw.get(r, j));
                    }
                }
                dev.loupe.sae.SaeConfig c = new dev.loupe.sae.SaeConfig(
                        a.result(), a.result() == Architecture.TOPK ? config.k() : 0, true, "", "", Map.of());
                dev.loupe.sae.SaeProvenance none = dev.loupe.sae.SaeProvenance.unknown();
                SaeWeights trained = run.objective().finish(end.result());
                Sae inside = new Sae("in", c, trained, none);
                Sae folded = new Sae("out", c, Folding.finished(trained, config, run.scale(), run.scaleOut()), none);
                Matrix expected = inside.reconstruct(scaled, java.lang.foreign.Arena.ofAuto());
                Matrix actual = folded.reconstruct(raw, java.lang.foreign.Arena.ofAuto());
                for (int r = 0; r < 50; r++) {
                    for (int j = 0; j < 20; j++) {
                        assertThat(actual.get(r, j) * s).isCloseTo(expected.get(r, j), within(2e-4f * s * 20));
                    }
                }
            }
        }
    }

    @Test
    void theAuxiliaryLossRevivesDeadLatents() {
        assertThat(deadAtTheEnd(0)).isGreaterThanOrEqualTo(32); // without it they stay dead
        assertThat(deadAtTheEnd(1.0 / 32)).isLessThan(16);
    }

    private int deadAtTheEnd(double aux) {
        TrainConfig config = Runs.config(Method.TOPK).with(Map.of("aux", aux, "steps", 400));
        PlantedSource data = new PlantedSource(20, 0);
        TrainState start = Initializer.initial(config, data, 0.1, 5);
        for (int i = 0; i < 32; i++) {
            start.parameters().bEnc()[i] = -1; // far below anything that the top k could choose
        }
        Objective objective = Objective.of(config, 20);
        StepMetrics last = null;
        try (TrainSession session = SaeEngine.best().open(start)) {
            Matrix batch = Matrix.copyOf(new float[100][20]);
            for (int step = 0; step < 400; step++) {
                data.batch(step, batch);
                for (int r = 0; r < 100; r++) {
                    for (int j = 0; j < 20; j++) {
                        batch.set(r, j, 0.1f * batch.get(r, j));
                    }
                }
                last = session.step(
                        batch,
                        objective
                                .rule(step, new AdamRule(1e-2, 0.9, 0.999, 1e-8))
                                .build());
            }
        }
        return last == null ? -1 : last.dead();
    }

    @Test
    void thresholdsMoveUntilL0IsWhereItShallBe() {
        TrainConfig config = Runs.config(Method.JUMPRELU).with(Map.of("steps", 400, "threshold", 0.01));
        SeedRun run = Runs.run(config, 2, dir.resolve("none"), 1e9);
        TrainState end = run.run(Progress.silent(), "");
        int moved = 0;
        for (float theta : end.parameters().threshold()) {
            assertThat(theta).isGreaterThanOrEqualTo(0);
            moved += Math.abs(theta - 0.01) > 0.01 ? 1 : 0;
        }
        assertThat(moved).isGreaterThan(32);
        double first = run.curves().points().getFirst()[Curves.COLUMNS.indexOf("l0")];
        double last = run.curves().points().getLast()[Curves.COLUMNS.indexOf("l0")];
        assertThat(first).isGreaterThan(20);
        assertThat(last).isCloseTo(4, within(1.0));
    }

    @Test
    void batchTopKKeepsItsL0WhenItBecomesAThreshold() {
        for (Method m : List.of(Method.BATCHTOPK, Method.MATRYOSHKA)) {
            TrainConfig config =
                    Runs.config(m).with(Map.of("steps", 600, "batch", 500, "threshold_decay", 0.99, "k", 2));
            Sae sae = Sae.open(Runs.train(Runs.request(dir.resolve(m.id()), config, 0L), 0, Progress.silent())
                    .folder());
            Matrix fresh = Matrix.copyOf(new float[4_000][20]);
            new PlantedSource(20, 0).batch(100_000, fresh);
            assertThat(sae.encode(fresh).l0()).isCloseTo(2, within(2 * 0.05));
        }
    }

    @Test
    void everyOptionOfJumpReluFindsItsL0() {
        for (Map<String, ?> options : List.of(
                Map.of("jumprelu.penalty", "tanh", "l0_coefficient", 0.01),
                Map.of("jumprelu.penalty", "frequency", "l0_coefficient", 0.01),
                Map.of("jumprelu.kernel", "triangle", "jumprelu.pre_activation", 1e-3),
                Map.of("jumprelu.kernel", "epanechnikov", "clip", 1.0, "average", 0.99),
                Map.of("jumprelu.penalty", "tanh", "decoder", "free", "decoder_norm", 1, "l0_coefficient", 0.01))) {
            TrainConfig config = Runs.config(Method.JUMPRELU).with(options).with("steps", 800);
            SeedRun run = Runs.run(config, 3, dir.resolve("none"), 1e9);
            run.run(Progress.silent(), "");
            assertThat(run.curves().last().get("l0")).as("%s", options).isCloseTo(4, within(1.2));
            assertThat(run.curves().last().get("fvu")).as("%s", options).isLessThan(0.15);
        }
    }

    @Test
    void aGatedSaeDoesAsAJumpReluSaeWhatItsGatesDo() {
        TrainConfig config = Runs.config(Method.GATED).with("steps", 200);
        SeedRun run = Runs.run(config, 4, dir.resolve("none"), 1e9);
        Parameters p = run.run(Progress.silent(), "").parameters();
        SaeWeights w = run.objective().finish(p);
        Matrix x = Matrix.copyOf(new float[200][20]);
        new PlantedSource(20, 0).batch(77, x);
        for (int r = 0; r < 200; r++) {
            for (int i = 0; i < p.dSae(); i++) {
                double u = 0;
                for (int j = 0; j < 20; j++) {
                    u += p.encoderRows().get(i, j) * (0.1 * x.get(r, j) - p.bDec()[j]);
                }
                double gain = Math.exp(p.rMag()[i]);
                double gated = u + p.bEnc()[i] > 0 ? Math.max(0, gain * u + p.bMag()[i]) : 0;
                double pi = w.bEnc()[i] + gain * u;
                double jump = pi > w.threshold()[i] ? pi : 0;
                if (Math.abs(u + p.bEnc()[i]) > 1e-4) {
                    assertThat(jump).isCloseTo(gated, within(1e-5));
                }
            }
        }
    }

    @Test
    void seedsChangeTheInitialWeightsAndNothingElse() {
        TrainConfig config = Runs.config(Method.TOPK);
        PlantedSource data = new PlantedSource(20, 0);
        TrainState one = Initializer.initial(config, data, 1, 1);
        TrainState again = Initializer.initial(config, data, 1, 1);
        TrainState two = Initializer.initial(config, data, 1, 2);
        assertThat(one.parameters()
                        .encoderRows()
                        .segment()
                        .mismatch(again.parameters().encoderRows().segment()))
                .isEqualTo(-1);
        assertThat(one.parameters()
                        .encoderRows()
                        .segment()
                        .mismatch(two.parameters().encoderRows().segment()))
                .isNotEqualTo(-1);
        assertThat(one.parameters().bDec()).containsExactly(two.parameters().bDec());
    }

    @Test
    void severalSeedsBecomeSeveralNames() {
        TrainRequest request = Runs.request(dir, Runs.config(Method.TOPK).with("steps", 5), 0L, 3L);
        assertThat(request.nameOf(3)).isEqualTo("tiny-s3");
        assertThat(Runs.train(request, 3, Progress.silent()).name()).isEqualTo("tiny-s3");
        assertThat(Runs.request(dir, request.config(), 3L).nameOf(3)).isEqualTo("tiny");
        assertThatThrownBy(() -> Runs.request(dir, request.config(), 1L, 1L)).isInstanceOf(UsageException.class);
    }

    @Test
    void theGeometricMedianIgnoresOutliersAndTheMeanDoesNot() {
        Cases.Random random = Cases.random();
        float[][] rows = random.matrix(2_000, 3);
        for (int r = 0; r < 200; r++) {
            Arrays.fill(rows[r], 1e4f);
        }
        for (float v : Initializer.geometricMedian(rows)) {
            assertThat(v).isCloseTo(0, within(0.4f));
        }
    }

    @Test
    void warmUpAndDecayFollowTheirShapes() {
        Schedule s = new Schedule(200, 10, 40);
        assertThat(s.at(0)).isCloseTo(0.1, within(1e-12));
        assertThat(s.at(9)).isEqualTo(1);
        assertThat(s.at(159)).isEqualTo(1);
        assertThat(s.at(180)).isCloseTo(0.5, within(1e-12));
        assertThat(s.at(199)).isCloseTo(0.025, within(1e-12));
        Schedule gemma = new Schedule(200, 10, 0, Schedule.Shape.COSINE, 0.1, 0);
        assertThat(gemma.at(0)).isCloseTo(0.1 + 0.9 * (1 - Math.cos(Math.PI / 10)) / 2, within(1e-12));
        assertThat(gemma.at(4)).isCloseTo(0.55, within(1e-12)); // half of the way
        assertThat(gemma.at(9)).isCloseTo(1, within(1e-12));
        assertThat(gemma.at(199)).isEqualTo(1);
        assertThat(TrainPreset.DEMO.config(Method.TOPK, 2048).deadAfter()).isEqualTo(100);
    }

    @Test
    void spansAreSharesStepsOrTokens() {
        TrainConfig config = TrainPreset.DEMO.config(Method.TOPK, 2048); // 2,000 steps of 1,024
        assertThat(config.with("dead_window", "30 steps").deadAfter()).isEqualTo(30);
        assertThat(config.with("dead_window", "0.5M tokens").deadAfter()).isEqualTo(488);
        assertThat(config.with("dead_window", "10%").deadAfter()).isEqualTo(200);
        assertThat(config.with("dead_window", 0.25).deadAfter()).isEqualTo(500);
        TrainConfig kept = config.with("dead_window", "30 steps");
        assertThat(kept.settings()).containsEntry("dead_window", "30 steps");
        assertThat(kept.with("steps", 10).deadAfter()).isEqualTo(30); // stored as it was said
    }

    @Test
    void nestedSettingsAreReachedByDotsAndTheNearestNameIsSuggested() {
        TrainConfig config = TrainPreset.DEMO.config(Method.JUMPRELU, 64);
        TrainConfig changed = config.with(Map.of("jumprelu.penalty", "tanh", "jumprelu.tanh_scale", 2));
        assertThat(changed.jumprelu().penalty()).isEqualTo("tanh");
        assertThat(changed.jumprelu().tanhScale()).isEqualTo(2);
        assertThat(changed.jumprelu().kernel()).isEqualTo("rectangle");
        assertThat(config.with("matryoshka.prefixes", List.of(8, 16))
                        .matryoshka()
                        .ends(64))
                .containsExactly(8, 16, 64);
        assertThatThrownBy(() -> config.with("jumprelu.kernl", "triangle"))
                .hasMessageContaining("did you mean jumprelu.kernel?");
        assertThatThrownBy(() -> config.with("jumprelu", 1)).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> config.with("jumprelu.penalty", "l2")).hasMessageContaining("l0, tanh and frequency");
        assertThatThrownBy(
                        () -> TrainPreset.DEMO.config(Method.MATRYOSHKA, 64).with("matryoshka.prefixes", List.of(100)))
                .hasMessageContaining("100");
    }

    @Test
    void wrongSettingsAreNamed() {
        TrainConfig config = Runs.config(Method.TOPK);
        for (Map.Entry<String, ?> wrong : List.of(
                Map.entry("k", 65),
                Map.entry("d_sae", 0),
                Map.entry("batch", 0),
                Map.entry("learning_rate", -1),
                Map.entry("dead_window", 2),
                Map.entry("steps", 0),
                Map.entry("beta2", 1))) {
            assertThatThrownBy(() -> config.with(wrong.getKey(), wrong.getValue()))
                    .as(wrong.getKey())
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining(wrong.getKey());
        }
        assertThatThrownBy(() -> config.with("learning_rte", 1))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("learning_rate");
    }

    @Test
    void anSaeThatDoesNotFitIsRefusedBeforeAnythingIsAllocated() {
        TrainConfig huge = Runs.config(Method.TOPK).with("d_sae", 1 << 30);
        assertThatThrownBy(() -> MemoryNeed.check(huge, 4096))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("d_sae 1073741824")
                .hasMessageContaining("smaller d_sae");
        MemoryNeed.check(TrainPreset.DEMO.config(Method.TOPK, 2048), 192, 4L << 30, 1L << 30);
    }
}
