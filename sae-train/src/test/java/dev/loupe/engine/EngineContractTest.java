package dev.loupe.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.kernel.PanelType;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole steps of the fast engine against the scalar reference. */
class EngineContractTest {
    private static final double TOLERANCE = 2e-4;
    /** Dense products wherever there is a pair. */
    private static final int DENSE = Integer.MAX_VALUE;
    /** Bytes of encoder rows at a time: a few latents. */
    private static final int SOME = 10_000;

    @ParameterizedTest
    @EnumSource(Kind.class)
    void stepsAgreeWithTheReferenceAtAwkwardSizes(Kind kind) {
        agree(kind, SaeEngine.best(), 40);
    }

    /** The product of integers may only exclude latents that float32 would not choose. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void stepsWithAProductOfIntegersAgreeWithTheReference(Kind kind) {
        agree(kind, new SimdEngine(Precision.FP32, PanelType.INT16, DenseStep.SPARSE, SOME), 5);
        agree(kind, new SimdEngine(Precision.FP32, PanelType.INT8, DenseStep.SPARSE, SOME), 20);
    }

    /** 16-bit integers exclude by a certain bound; 8-bit ones must leave over the same latents, on uneven rows, too. */
    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"TOPK", "BATCH_TOPK", "JUMP_FREQUENCY"})
    void eightBitsExcludeNothingThatSixteenBitsLeaveOver(Kind kind) {
        Cases.check(4, random -> {
            int n = 1500;
            int d = 200;
            TrainState start = States.random(random, kind, n, d);
            StepRule rule = kind.rule(n, d, 12, 3, 1e-3);
            float[][] rows = random.matrix(700, d);
            for (int r = 0; r < rows.length; r += 3) { // a few values far above the rest, as residual streams have them
                rows[r][r % d] *= (float) Math.pow(10, 1 + random.nextInt(3));
                rows[r][7] = 80;
            }
            Matrix x = Matrix.copyOf(rows);
            Matrix target = States.target(random, start, kind, x);
            try (TrainSession wide = new SimdEngine(Precision.FP32, PanelType.INT16, 0, SOME).open(start);
                    TrainSession narrow = new SimdEngine(Precision.FP32, PanelType.INT8, 0).open(start)) {
                for (int step = 0; step < 3; step++) {
                    assertThat(narrow.step(x, target, rule).loss())
                            .isEqualTo(wide.step(x, target, rule).loss());
                }
                assertThat(narrow.parameters().encoderRows().row(n / 2))
                        .isEqualTo(wide.parameters().encoderRows().row(n / 2));
            }
        });
    }

    /** Dense products in place of sums over pairs, and neither: what decides between them must not matter. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void stepsWithDenseProductsAndWithoutAnyAgreeWithTheReference(Kind kind) {
        agree(kind, new SimdEngine(Precision.FP32, null, DENSE, SOME), 20);
        agree(kind, new SimdEngine(Precision.FP32, null, 0, SOME), 5);
        agree(kind, new SimdEngine(Precision.FP32, null, 3, SOME), 5);
    }

    /** In bfloat16 many active latents mean dense products, too, which are float32: no number need be of few bits. */
    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"RELU", "RELU_FREE", "JUMP_TARGET", "JUMP_TANH_FREE"})
    void denseStepsOfASessionInBfloat16AreFloat32(Kind kind) {
        agree(kind, new SimdEngine(Precision.BF16, null, DENSE), 10);
    }

    /** What the number of active latents of the first rows or of the rule decides changes from step to step. */
    @Test
    void stepsThatGoToAndFroBetweenDenseAndSparseAreThoseOfTheReference() {
        Cases.check(3, random -> {
            int n = 128;
            int d = 24;
            TrainState start = States.random(random, Kind.RELU, n, d);
            try (TrainSession fast = new SimdEngine(Precision.BF16, null, 20).open(start);
                    TrainSession reference = new SimdEngine(Precision.FP32, null, 0).open(start)) {
                for (int step = 0; step < 6; step++) {
                    StepRule rule = StepRule.of(Selection.POSITIVE, new AdamRule(1e-3, 0.9, 0.999, 1e-8))
                            .k(step % 3 == 0 ? 0 : n / 2) // 0: the first rows tell
                            .sparsity(Sparsity.l1(0.01))
                            .build();
                    Matrix x = Matrix.copyOf(random.matrix(60, d));
                    StepMetrics f = fast.step(x, rule);
                    StepMetrics r = reference.step(x, rule);
                    assertThat(f.l0()).isEqualTo(r.l0());
                    assertThat(f.loss()).isCloseTo(r.loss(), within(TOLERANCE * r.loss()));
                }
            }
        });
    }

    /** Numbers of few bits have exact products in bfloat16, so everything behind the choice must agree as in float32. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void aStepInBfloat16AgreesWithTheReferenceOnNumbersOfFewBits(Kind kind) {
        agreeOnFewBits(kind, SaeEngine.best(Precision.BF16), 4);
    }

    static void agreeOnFewBits(Kind kind, SaeEngine engine, int cases) {
        Cases.check(cases, random -> {
            int n = 1 + random.size(90);
            int d = random.size(40);
            TrainState start = States.random(random, kind, n, d);
            Matrix encoder = start.parameters().encoderRows();
            for (int i = 0; i < n; i++) {
                encoder.setRow(i, few(encoder.row(i)));
            }
            java.util.Arrays.fill(start.parameters().bDec(), 0);
            StepRule rule = kind.rule(n, d, random.nextInt(1, n + 1), 3, 1);
            Matrix batch;
            do { // rounding may bring ties back
                float[][] rows = new float[random.size(100)][];
                for (int r = 0; r < rows.length; r++) {
                    rows[r] = awayFromTies(random, start, rule, d);
                }
                batch = Matrix.copyOf(rows);
            } while (rule.selection() == Selection.BATCH_TOPK && tied(start, batch, rule));
            Matrix target = States.target(random, start, kind, batch);
            try (TrainSession fast = engine.open(start);
                    TrainSession reference = SaeEngine.scalar().open(start)) {
                StepMetrics f = fast.step(batch, target, rule);
                StepMetrics r = reference.step(batch, target, rule);
                assertThat(f.l0()).isEqualTo(r.l0());
                assertThat(f.loss()).isCloseTo(r.loss(), within(TOLERANCE * Math.abs(r.loss())));
                compare(fast.snapshot().parameters(), reference.snapshot().parameters(), 1e-3);
            }
        });
    }

    static float[] few(float[] row) {
        float[] rounded = new float[row.length];
        for (int j = 0; j < row.length; j++) {
            rounded[j] = Math.round(row[j] * 16) / 16f;
        }
        return rounded;
    }

    static float[] awayFromTies(Cases.Random random, TrainState state, StepRule rule, int d) {
        ScalarValues p = ScalarValues.of(state.parameters());
        while (true) {
            float[] x = few(random.floats(d));
            if (!States.nearTie(p, States.preActivations(p, ScalarValues.widen(x), rule), rule, 1e-5)) {
                return x;
            }
        }
    }

    static boolean tied(TrainState state, Matrix batch, StepRule rule) {
        ScalarValues p = ScalarValues.of(state.parameters());
        List<double[]> pis = new java.util.ArrayList<>();
        for (int r = 0; r < batch.rows(); r++) {
            pis.add(States.preActivations(p, ScalarValues.widen(batch.row(r)), rule));
        }
        return States.batchTie(pis, rule.k(), 1e-6);
    }

    static void agree(Kind kind, SaeEngine engine, int cases) {
        Cases.check(cases, random -> {
            int n = 1 + random.size(90);
            int d = random.size(70);
            int k = random.nextInt(1, n + 1);
            TrainState start = States.random(random, kind, n, d);
            for (int i = 0; i < n; i++) {
                start.sinceFired()[i] = random.nextInt(4);
            }
            double tolerance =
                    kind.transcodes() ? 1e-3 : TOLERANCE; // their targets are unrelated and errors stay large
            // a large epsilon keeps Adam smooth, so that parameters can be compared as strictly as gradients
            StepRule rule = kind.rule(n, d, k, 3, 1);
            try (TrainSession fast = engine.open(start);
                    TrainSession reference = SaeEngine.scalar().open(start)) {
                for (int step = 0; step < 3; step++) {
                    Matrix batch = States.batchAwayFromTies(random, reference.snapshot(), rule, random.size(110));
                    Matrix target = States.target(random, start, kind, batch);
                    StepMetrics f = fast.step(batch, target, rule);
                    StepMetrics r = reference.step(batch, target, rule);
                    assertThat(f.l0()).isEqualTo(r.l0());
                    assertThat(f.dead()).isEqualTo(r.dead());
                    assertThat(f.loss()).isCloseTo(r.loss(), within(tolerance * Math.abs(r.loss())));
                    assertThat(f.reconstruction())
                            .isCloseTo(r.reconstruction(), within(tolerance * r.reconstruction()));
                    assertThat(f.penalty()).isCloseTo(r.penalty(), within(tolerance * Math.abs(r.penalty()) + 1e-12));
                    assertThat(f.aux()).isCloseTo(r.aux(), within(tolerance * r.aux() + 1e-12));
                    assertThat(f.smallest()).isCloseTo(r.smallest(), within(5e-4)); // one number of many that cancel
                    close(f.power(), r.power());
                    close(f.powerNext(), r.powerNext());
                    close(f.gradientNorm(), r.gradientNorm());
                    assertThat(f.l1()).isCloseTo(r.l1(), within(tolerance * r.l1() + 1e-12));
                    Floats.assertClose(fast.rowErrors(), reference.rowErrors(), tolerance);
                    if (batch.rows() > 3) { // of fewer rows the variance is too small to divide by
                        assertThat(f.fvu()).isCloseTo(r.fvu(), within(tolerance * r.fvu()));
                    }
                }
                TrainState f = fast.snapshot();
                TrainState r = reference.snapshot();
                compare(f.parameters(), r.parameters(), tolerance);
                compare(f.m(), r.m(), tolerance);
                compare(f.v(), r.v(), tolerance);
                assertThat(f.average() != null).isEqualTo(rule.average() > 0);
                if (f.average() != null && r.average() != null) {
                    compare(f.average(), r.average(), tolerance);
                }
                for (int i = 0; i < n; i++) {
                    close(f.activity()[i], r.activity()[i]);
                }
                assertThat(f.sinceFired()).containsExactly(r.sinceFired());
                assertThat(f.step()).isEqualTo(3);
            }
        });
    }

    private static void close(double fast, double reference) {
        // a small activation keeps the absolute error of its pre-activation, whose terms are of the order of 1
        assertThat(fast).isCloseTo(reference, within(TOLERANCE * Math.abs(reference) + 1e-5));
    }

    static void compare(Parameters fast, Parameters reference, double tolerance) {
        Floats.assertClose(fast.encoderRows().segment(), values(reference.encoderRows()), tolerance);
        Floats.assertClose(fast.decoderRows().segment(), values(reference.decoderRows()), tolerance);
        Floats.assertClose(fast.skip().segment(), values(reference.skip()), tolerance);
        for (int v = 0; v < fast.vectors().size(); v++) {
            Floats.assertClose(fast.vectors().get(v), reference.vectors().get(v), tolerance);
        }
    }

    static float[] values(Matrix m) {
        return m.segment().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void decoderRowsKeepNormOneAndThresholdsStayAboveZero(Kind kind) {
        Cases.check(5, random -> {
            TrainState start = States.random(random, kind, 40, 17);
            try (TrainSession session = SaeEngine.best().open(start)) {
                for (int step = 0; step < 20; step++) {
                    Matrix batch = Matrix.copyOf(random.matrix(64, 17));
                    session.step(batch, States.target(random, start, kind, batch), kind.rule(40, 17, 5, 3, 1e-8));
                }
                Parameters p = session.snapshot().parameters();
                for (int i = 0; i < 40 && kind.unitDecoder(); i++) {
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
    @EnumSource(Kind.class)
    void neitherThreadsNorARestartChangeABit(Kind kind) {
        unchanged(kind, SaeEngine.best(), 3);
        unchanged(kind, SaeEngine.best(Precision.BF16), 1);
        unchanged(kind, new SimdEngine(Precision.FP32, PanelType.INT16, 0, SOME), 1);
        unchanged(kind, new SimdEngine(Precision.FP32, PanelType.INT8, 0, SOME), 1);
        unchanged(kind, new SimdEngine(Precision.FP32, null, DENSE, SOME), 2);
    }

    static void unchanged(Kind kind, SaeEngine engine, int cases) {
        Cases.check(cases, random -> {
            TrainState start = States.random(random, kind, 150, 37);
            StepRule rule = kind.rule(150, 37, 9, 1, 1e-8);
            Matrix[] batches = new Matrix[4];
            Matrix[] targets = new Matrix[4];
            for (int b = 0; b < batches.length; b++) {
                batches[b] = Matrix.copyOf(random.matrix(333, 37));
                targets[b] = States.target(random, start, kind, batches[b]);
            }
            int before = Parallel.threads();
            TrainState alone;
            TrainState restarted;
            try {
                Parallel.setThreads(1);
                try (TrainSession one = engine.open(start)) {
                    for (int b = 0; b < 4; b++) {
                        one.step(batches[b], targets[b], rule);
                    }
                    alone = one.snapshot();
                }
                Parallel.setThreads(3);
                TrainState half;
                try (TrainSession first = engine.open(start)) {
                    first.step(batches[0], targets[0], rule);
                    first.step(batches[1], targets[1], rule);
                    half = first.snapshot();
                    first.step(batches[0], targets[0], rule); // must not reach into the snapshot
                }
                try (TrainSession second = engine.open(half)) {
                    second.step(batches[2], targets[2], rule);
                    second.step(batches[3], targets[3], rule);
                    restarted = second.snapshot();
                }
            } finally {
                Parallel.setThreads(before);
            }
            identical(restarted.parameters(), alone.parameters());
            identical(restarted.v(), alone.v());
            identical(restarted.result(), alone.result());
            assertThat(restarted.activity()).containsExactly(alone.activity());
            assertThat(restarted.sinceFired()).containsExactly(alone.sinceFired());
        });
    }

    static void identical(Parameters a, Parameters b) {
        Floats.assertIdentical(values(a.encoderRows()), values(b.encoderRows()));
        Floats.assertIdentical(values(a.decoderRows()), values(b.decoderRows()));
        Floats.assertIdentical(values(a.skip()), values(b.skip()));
        for (int v = 0; v < a.vectors().size(); v++) {
            Floats.assertIdentical(a.vectors().get(v), b.vectors().get(v));
        }
    }

    @Test
    void recycledLatentsBeginAgainInBothEngines() {
        recycled(SaeEngine.best());
    }

    static void recycled(SaeEngine engine) {
        RecycledAverage.check(engine);
        Cases.Random random = Cases.random();
        TrainState start = States.random(random, Kind.BATCH_TOPK, 12, 7);
        start.parameters().bEnc()[4] = 20; // one that surely fires, to be told from the recycled one
        StepRule rule = Kind.BATCH_TOPK.rule(12, 7, 3, 2, 1);
        try (TrainSession fast = engine.open(start);
                TrainSession reference = SaeEngine.scalar().open(start)) {
            Matrix batch = States.batchAwayFromTies(random, start, rule, 40);
            List<TrainSession.Replacement> fresh =
                    List.of(new TrainSession.Replacement(5, random.floats(7), random.floats(7), 0.25f));
            for (TrainSession s : List.of(fast, reference)) {
                s.step(batch, rule);
                s.recycle(fresh);
                TrainState after = s.snapshot();
                Floats.assertIdentical(
                        after.parameters().encoderRows().row(5),
                        fresh.getFirst().encoderRow());
                assertThat(after.parameters().bEnc()[5]).isEqualTo(0.25f);
                assertThat(after.m().decoderRows().row(5)).containsOnly(0);
                assertThat(after.v().encoderRows().row(5)).containsOnly(0);
                assertThat(after.sinceFired()[5]).isZero();
                assertThat(after.activity()).containsOnly(0);
                assertThat(after.m().encoderRows().row(4)).isNotEqualTo(new float[7]);
            }
            compare(fast.snapshot().parameters(), reference.snapshot().parameters(), TOLERANCE);
        }
    }

    @Test
    void aBatchThatIsNoNumberStopsTrainingBeforeItSpoilsTheParameters() {
        Cases.Random random = Cases.random();
        for (Kind kind : Kind.values()) {
            TrainState start = States.random(random, kind, 20, 8);
            try (TrainSession session = SaeEngine.best().open(start)) {
                Matrix batch = Matrix.copyOf(random.matrix(10, 8));
                batch.set(3, 3, Float.NaN);
                float[] before = values(session.snapshot().parameters().encoderRows());
                Matrix target = States.target(random, start, kind, batch);
                assertThatThrownBy(() -> session.step(batch, target, kind.rule(20, 8, 4, 3, 1e-8)))
                        .isInstanceOf(LoupeException.class)
                        .hasMessageContaining("diverged");
                Floats.assertIdentical(values(session.snapshot().parameters().encoderRows()), before);
            }
        }
    }
}
