package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.engine.AdamRule;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
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

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void everyArchitectureLearnsPlantedDirections(Architecture a) {
        TrainConfig config = Runs.config(a).with(Map.of("steps", 600, "batch", 200));
        TrainResult result = Runs.train(Runs.request(dir, config, 0L), 0, Progress.silent());
        Sae sae = Sae.open(result.folder());
        PlantedSource data = new PlantedSource(20, 12345);
        Matrix held = Matrix.copyOf(new float[500][20]);
        data.batch(-7, held);
        SparseCodes codes = sae.encode(held);
        double fvu = fvu(sae, held, codes);
        System.out.printf("%s: L0 %.2f, FVU %.4f%n", a, codes.l0(), fvu);
        assertThat(codes.l0()).isBetween(2.5, 6.0);
        assertThat(fvu).isLessThan(a == Architecture.RELU ? 0.35 : 0.1);
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
        for (Architecture a : Architecture.values()) {
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
                dev.loupe.sae.SaeConfig c = new dev.loupe.sae.SaeConfig(a, config.k(), true, "", "", Map.of());
                dev.loupe.sae.SaeProvenance none = dev.loupe.sae.SaeProvenance.unknown();
                Sae inside = new Sae("in", c, end.parameters(), none);
                Sae folded = new Sae("out", c, TrainJob.folded(end.parameters(), run.scale()), none);
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
        TrainConfig config = Runs.config(Architecture.TOPK).with(Map.of("aux", aux, "steps", 400));
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
                last = session.step(batch, objective.rule(step, new AdamRule(1e-2, 0.9, 0.999, 1e-8)));
            }
        }
        return last == null ? -1 : last.dead();
    }

    @Test
    void thresholdsMoveUntilL0IsWhereItShallBe() {
        TrainConfig config = Runs.config(Architecture.JUMPRELU).with(Map.of("steps", 400, "threshold", 0.01));
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
    void seedsChangeTheInitialWeightsAndNothingElse() {
        TrainConfig config = Runs.config(Architecture.TOPK);
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
        TrainRequest request = Runs.request(dir, Runs.config(Architecture.TOPK).with("steps", 5), 0L, 3L);
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
    void warmUpAndDecayAreSharesOfTheRun() {
        Schedule s = new Schedule(200, 0.05, 0.2);
        assertThat(s.at(0)).isCloseTo(0.1, within(1e-12));
        assertThat(s.at(9)).isEqualTo(1);
        assertThat(s.at(159)).isEqualTo(1);
        assertThat(s.at(180)).isCloseTo(0.5, within(1e-12));
        assertThat(s.at(199)).isCloseTo(0.025, within(1e-12));
        assertThat(TrainPreset.DEMO.config(Architecture.TOPK, 2048).deadAfter()).isEqualTo(100);
    }

    @Test
    void wrongSettingsAreNamed() {
        TrainConfig config = Runs.config(Architecture.TOPK);
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
        TrainConfig huge = Runs.config(Architecture.TOPK).with("d_sae", 1 << 30);
        assertThatThrownBy(() -> MemoryNeed.check(huge, 4096))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("d_sae 1073741824")
                .hasMessageContaining("smaller d_sae");
        MemoryNeed.check(TrainPreset.DEMO.config(Architecture.TOPK, 2048), 192, 4L << 30, 1L << 30);
    }
}
