package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.Precision;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.engine.cuda.FakeCuda;
import dev.loupe.math.Matrix;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which recipes need the numbers of each step, and that the others' reports are the same without. */
class UnreadStepsTest {
    /** A session that does what another one does, and reads the numbers of every step. */
    private static class Each implements TrainSession {
        private final TrainSession session;

        Each(TrainSession session) {
            this.session = session;
        }

        @Override
        public StepMetrics step(Matrix input, Matrix target, StepRule rule) {
            return session.step(input, target, rule);
        }

        @Override
        public float[] rowErrors() {
            return session.rowErrors();
        }

        @Override
        public double[] activity() {
            return session.activity();
        }

        @Override
        public int[] sinceFired() {
            return session.sinceFired();
        }

        @Override
        public Parameters parameters() {
            return session.parameters();
        }

        @Override
        public void recycle(List<Replacement> replacements) {
            session.recycle(replacements);
        }

        @Override
        public TrainState snapshot() {
            return session.snapshot();
        }

        @Override
        public void restore(TrainState state) {
            session.restore(state);
        }

        @Override
        public void close() {
            session.close();
        }
    }

    /** Counts steps whose numbers are read, and those whose are not. */
    private static final class Counting implements SaeEngine {
        private final SaeEngine engine = SaeEngine.best();
        private int read;
        private int unread;

        @Override
        public String describe() {
            return engine.describe();
        }

        @Override
        public TrainSession open(TrainState initial) {
            TrainSession session = engine.open(initial);
            return new Each(session) {
                @Override
                public StepMetrics step(Matrix input, Matrix target, StepRule rule) {
                    read++;
                    return session.step(input, target, rule);
                }

                @Override
                public void advance(Matrix input, Matrix target, StepRule rule) {
                    unread++;
                    session.advance(input, target, rule);
                }
            };
        }
    }

    private static TrainConfig config(Method method, int steps) {
        return Runs.config(method).with(Map.of("steps", steps, "batch", 8, "d_sae", 10));
    }

    private static SeedRun run(SaeEngine engine, TrainConfig config) {
        BatchSource data = new PlantedSource(8, config.dataSeed());
        return new SeedRun(engine, config, 1, data, data, Path.of("none"), 1e9);
    }

    /** An L0 that is followed and a threshold that is learned need each step; the k largest need none. */
    @ParameterizedTest
    @EnumSource(Method.class)
    void onlyRecipesThatLearnFromAStepReadEach(Method method) {
        Counting engine = new Counting();
        try (SeedRun run = run(engine, config(method, 1200))) {
            run.run(Progress.silent(), "");
            if (method == Method.TOPK) {
                assertThat(engine.unread).isEqualTo(1200 - 401); // every third is a point of the curves, and the last
                assertThat(engine.read).isEqualTo(401);
                assertThat(run.curves().points()).hasSize(401);
            } else {
                assertThat(engine.unread).isZero();
            }
        }
    }

    /** The curves on a GPU (of paper) that is asked at their points alone are those of one that is asked at each step. */
    @Test
    void reportsAreTheSameNumbersWhoeverReadsTheOthers() {
        TrainConfig config = config(Method.TOPK, 820);
        List<double[]> seldom;
        try (SeedRun run = run(FakeCuda.engine(Precision.FP32, 32), config)) {
            run.run(Progress.silent(), "");
            seldom = run.curves().points();
        }
        SaeEngine cuda = FakeCuda.engine(Precision.FP32, 32);
        SaeEngine each = new SaeEngine() {
            @Override
            public String describe() {
                return cuda.describe();
            }

            @Override
            public TrainSession open(TrainState initial) {
                return new Each(cuda.open(initial));
            }
        };
        try (SeedRun run = run(each, config)) {
            run.run(Progress.silent(), "");
            assertThat(seldom).hasSameSizeAs(run.curves().points());
            for (int p = 0; p < seldom.size(); p++) {
                assertThat(seldom.get(p)).containsExactly(run.curves().points().get(p));
            }
        }
    }

    /** A batch of no numbers between two points is told with its own step, late. */
    @Test
    void aTrainingThatDivergesBetweenTwoPointsSaysAtWhichStep() {
        TrainConfig config = config(Method.TOPK, 2000); // a point every five steps
        try (SeedRun run = run(FakeCuda.engine(Precision.FP32, 32), config)) {
            run.open(Progress.silent());
            Matrix good = Matrix.copyOf(new float[8][8]);
            for (int r = 0; r < 8; r++) {
                good.set(r, r, 1);
            }
            Matrix bad = Matrix.copyOf(new float[8][8]);
            bad.set(1, 1, Float.NaN);
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 20; i++) {
                            run.step(i == 7 ? bad : good, i == 7 ? bad : good, Progress.silent(), "");
                        }
                    })
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContainingAll("step 8 is no longer a number", "a row of its batch", "store verify");
            assertThat(run.snapshot().step()).isEqualTo(7);
        }
    }
}
