package dev.loupe.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.SaeWeights;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole steps of the fast engine against the scalar reference. */
class EngineContractTest {
    private static final double TOLERANCE = 2e-4;

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void stepsAgreeWithTheReferenceAtAwkwardSizes(Architecture a) {
        Cases.check(40, random -> {
            int n = 1 + random.size(90);
            int d = random.size(70);
            int k = random.nextInt(1, n + 1);
            TrainState start = States.random(random, a, n, d);
            for (int i = 0; i < n; i++) {
                start.sinceFired()[i] = random.nextInt(4);
            }
            // a large epsilon keeps Adam smooth, so that parameters can be compared as strictly as gradients
            StepRule rule = States.rule(a, k, 3, 1);
            try (TrainSession fast = SaeEngine.best().open(start);
                    TrainSession reference = SaeEngine.scalar().open(start)) {
                for (int step = 0; step < 3; step++) {
                    Matrix batch = States.batchAwayFromTies(random, reference.snapshot(), rule, random.size(110));
                    StepMetrics f = fast.step(batch, rule);
                    StepMetrics r = reference.step(batch, rule);
                    assertThat(f.l0()).isEqualTo(r.l0());
                    assertThat(f.dead()).isEqualTo(r.dead());
                    assertThat(f.loss()).isCloseTo(r.loss(), within(TOLERANCE * Math.abs(r.loss())));
                    assertThat(f.reconstruction())
                            .isCloseTo(r.reconstruction(), within(TOLERANCE * r.reconstruction()));
                    assertThat(f.penalty()).isCloseTo(r.penalty(), within(TOLERANCE * Math.abs(r.penalty()) + 1e-12));
                    assertThat(f.aux()).isCloseTo(r.aux(), within(TOLERANCE * r.aux() + 1e-12));
                    assertThat(f.l1()).isCloseTo(r.l1(), within(TOLERANCE * r.l1() + 1e-12));
                    if (batch.rows() > 3) { // of fewer rows the variance is too small to divide by
                        assertThat(f.fvu()).isCloseTo(r.fvu(), within(TOLERANCE * r.fvu()));
                    }
                }
                TrainState f = fast.snapshot();
                TrainState r = reference.snapshot();
                compare(f.parameters(), r.parameters());
                compare(f.m(), r.m());
                compare(f.v(), r.v());
                assertThat(f.sinceFired()).containsExactly(r.sinceFired());
                assertThat(f.step()).isEqualTo(3);
            }
        });
    }

    private static void compare(SaeWeights fast, SaeWeights reference) {
        Floats.assertClose(fast.encoderRows().segment(), values(reference.encoderRows()), TOLERANCE);
        Floats.assertClose(fast.decoderRows().segment(), values(reference.decoderRows()), TOLERANCE);
        Floats.assertClose(fast.bEnc(), reference.bEnc(), TOLERANCE);
        Floats.assertClose(fast.bDec(), reference.bDec(), TOLERANCE);
        Floats.assertClose(fast.threshold(), reference.threshold(), TOLERANCE);
    }

    private static float[] values(Matrix m) {
        return m.segment().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void decoderRowsKeepNormOneAndThresholdsStayAboveZero(Architecture a) {
        Cases.check(5, random -> {
            TrainState start = States.random(random, a, 40, 17);
            try (TrainSession session = SaeEngine.best().open(start)) {
                for (int step = 0; step < 20; step++) {
                    session.step(Matrix.copyOf(random.matrix(64, 17)), States.rule(a, 5, 3, 1e-8));
                }
                SaeWeights p = session.snapshot().parameters();
                for (int i = 0; i < 40; i++) {
                    double norm = 0;
                    for (float v : p.decoderRows().row(i)) {
                        norm += (double) v * v;
                    }
                    assertThat(Math.sqrt(norm)).isCloseTo(1, within(1e-5));
                }
                for (float theta : p.threshold()) {
                    assertThat(theta).isGreaterThanOrEqualTo(0);
                }
            }
        });
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void neitherThreadsNorARestartChangeABit(Architecture a) {
        Cases.check(3, random -> {
            TrainState start = States.random(random, a, 150, 37);
            StepRule rule = States.rule(a, 9, 1, 1e-8);
            Matrix[] batches = new Matrix[4];
            for (int b = 0; b < batches.length; b++) {
                batches[b] = Matrix.copyOf(random.matrix(333, 37));
            }
            int before = Parallel.threads();
            TrainState alone;
            TrainState restarted;
            try {
                Parallel.setThreads(1);
                try (TrainSession one = SaeEngine.best().open(start)) {
                    for (Matrix b : batches) {
                        one.step(b, rule);
                    }
                    alone = one.snapshot();
                }
                Parallel.setThreads(3);
                TrainState half;
                try (TrainSession first = SaeEngine.best().open(start)) {
                    first.step(batches[0], rule);
                    first.step(batches[1], rule);
                    half = first.snapshot();
                    first.step(batches[0], rule); // must not reach into the snapshot
                }
                try (TrainSession second = SaeEngine.best().open(half)) {
                    second.step(batches[2], rule);
                    second.step(batches[3], rule);
                    restarted = second.snapshot();
                }
            } finally {
                Parallel.setThreads(before);
            }
            Floats.assertIdentical(
                    values(restarted.parameters().encoderRows()),
                    values(alone.parameters().encoderRows()));
            Floats.assertIdentical(
                    values(restarted.parameters().decoderRows()),
                    values(alone.parameters().decoderRows()));
            Floats.assertIdentical(
                    restarted.parameters().bEnc(), alone.parameters().bEnc());
            Floats.assertIdentical(
                    restarted.parameters().bDec(), alone.parameters().bDec());
            Floats.assertIdentical(
                    restarted.parameters().threshold(), alone.parameters().threshold());
            Floats.assertIdentical(
                    values(restarted.v().encoderRows()), values(alone.v().encoderRows()));
            assertThat(restarted.sinceFired()).containsExactly(alone.sinceFired());
        });
    }

    @Test
    void aBatchThatIsNoNumberStopsTrainingBeforeItSpoilsTheParameters() {
        Cases.Random random = Cases.random();
        for (Architecture a : Architecture.values()) {
            try (TrainSession session = SaeEngine.best().open(States.random(random, a, 20, 8))) {
                Matrix batch = Matrix.copyOf(random.matrix(10, 8));
                batch.set(3, 3, Float.NaN);
                float[] before = values(session.snapshot().parameters().encoderRows());
                assertThatThrownBy(() -> session.step(batch, States.rule(a, 4, 3, 1e-8)))
                        .isInstanceOf(LoupeException.class)
                        .hasMessageContaining("diverged");
                Floats.assertIdentical(values(session.snapshot().parameters().encoderRows()), before);
            }
        }
    }
}
