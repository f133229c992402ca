package dev.loupe.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.engine.cuda.CudaEngine;
import dev.loupe.engine.cuda.FakeCuda;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole steps of the CUDA engine against the scalar reference, its kernels compiled for the processor. */
class CudaContractTest {
    private static final int WARP = 32;
    private static final boolean NIGHT = Integer.getInteger("loupe.fuzz.cases", 0) > 10_000;

    @AfterEach
    void nothingWasWrittenBesideItsMemoryAndAllWasGivenBack() {
        assertThat(FakeCuda.damaged()).isZero();
        assertThat(FakeCuda.used()).isZero();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void stepsAgreeWithTheReferenceAtAwkwardSizes(Kind kind) {
        EngineContractTest.agree(kind, FakeCuda.engine(Precision.FP32, WARP), NIGHT ? 20 : 2);
        if (NIGHT) {
            EngineContractTest.agree(kind, FakeCuda.engine(Precision.FP32, 256), 10);
        }
    }

    /** Numbers of few bits have exact products in bfloat16, so everything behind the choice must agree as in float32. */
    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"TOPK", "BATCH_TOPK", "JUMP_FREQUENCY", "GATED", "STATISTICAL", "RELU_FREE"})
    void aStepInBfloat16AgreesWithTheReferenceOnNumbersOfFewBits(Kind kind) {
        EngineContractTest.agreeOnFewBits(kind, FakeCuda.engine(Precision.BF16, WARP), 1);
    }

    /** Dense products in place of sums over pairs, neither, and either as it pays: what decides must not matter. */
    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {
                "RELU",
                "RELU_FREE",
                "PANNEAL",
                "JUMP_TARGET",
                "JUMP_TANH_FREE",
                "JUMP_FREQUENCY",
                "JUMP_MATRYOSHKA",
                "GATED",
                "SKIP_TRANSCODER",
                "CROSSCODER",
                "CROSS_LAYER_TANH"
            })
    void stepsWithDenseProductsAndWithoutAnyAgreeWithTheReference(Kind kind) {
        EngineContractTest.agree(kind, FakeCuda.engineWithDenseProducts(Precision.FP32, WARP, Integer.MAX_VALUE), 2);
        EngineContractTest.agree(kind, FakeCuda.engineWithDenseProducts(Precision.TF32, WARP, Integer.MAX_VALUE), 1);
        EngineContractTest.agree(kind, FakeCuda.engineWithDenseProducts(Precision.FP32, WARP, 0), 1);
    }

    /** Latents in more than one range, rows in more than one part, and more active ones than there was room for. */
    @Test
    void denseProductsTakeTheirPlaceWhereTheMeasuredDensityPays() {
        Cases.Random random = Cases.random();
        TrainState start = States.random(random, Kind.JUMP_TARGET, 2100, 3);
        java.util.Arrays.fill(start.parameters().bEnc(), 2); // nearly all are active, with room for few
        StepRule rule = Kind.JUMP_TARGET.rule(2100, 3, 0, 100, 1e-8);
        Matrix batch = Matrix.copyOf(random.matrix(140, 3));
        for (int sparse : new int[] {12, 0}) {
            CudaEngine engine = FakeCuda.engineWithDenseProducts(Precision.FP32, WARP, sparse);
            try (TrainSession fast = engine.open(start);
                    TrainSession reference = SaeEngine.scalar().open(start)) {
                for (int i = 0; i < 2; i++) {
                    long before = FakeCuda.launched("dense_activate");
                    StepMetrics f = fast.step(batch, rule);
                    StepMetrics r = reference.step(batch, rule);
                    assertThat(FakeCuda.launched("dense_activate") > before).isEqualTo(sparse > 0);
                    assertThat(f.l0()).isGreaterThan(64).isCloseTo(r.l0(), within(1.0));
                    assertThat(f.loss()).isCloseTo(r.loss(), within(1e-4 * r.loss()));
                }
                assertThat(fast.sinceFired()).containsExactly(reference.sinceFired());
                Floats.assertClose(
                        fast.parameters().bEnc(), reference.parameters().bEnc(), 1e-3);
            }
        }
    }

    /** A missing barrier, or a sum in the order of arrival, would show as other bits. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void theOrderInWhichThreadsAndBlocksRunChangesNoBit(Kind kind) {
        Cases.Random random = Cases.random();
        TrainState start = States.random(random, kind, 40, 9);
        StepRule rule = kind.rule(40, 9, 5, 1, 1e-8);
        Matrix[] batches = new Matrix[2];
        Matrix[] targets = new Matrix[2];
        for (int b = 0; b < batches.length; b++) {
            batches[b] = Matrix.copyOf(random.matrix(20, 9));
            targets[b] = States.target(random, start, kind, batches[b]);
        }
        for (int sparse : new int[] {0, Integer.MAX_VALUE}) {
            TrainState first = null;
            for (long seed = 0; seed < (sparse == 0 ? 3 : 2); seed++) {
                CudaEngine engine = FakeCuda.engineWithDenseProducts(Precision.FP32, 64, sparse);
                FakeCuda.seed(seed);
                try (TrainSession session = engine.open(start)) {
                    for (int b = 0; b < batches.length; b++) {
                        session.step(batches[b], targets[b], rule);
                    }
                    TrainState end = session.snapshot();
                    first = first == null ? end : first;
                    EngineContractTest.identical(end.parameters(), first.parameters());
                    EngineContractTest.identical(end.v(), first.v());
                    assertThat(end.activity()).containsExactly(first.activity());
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"TOPK_CLIPPED_AVERAGED", "MATRYOSHKA", "SKIP_TRANSCODER", "GATED"})
    void aRestartChangesNoBit(Kind kind) {
        restarted(kind, FakeCuda.engine(Precision.BF16, WARP));
    }

    static void restarted(Kind kind, CudaEngine engine) {
        Cases.Random random = Cases.random();
        TrainState start = States.random(random, kind, 40, 11);
        StepRule rule = kind.rule(40, 11, 5, 1, 1e-8);
        Matrix batch = Matrix.copyOf(random.matrix(50, 11));
        Matrix target = States.target(random, start, kind, batch);
        TrainState half;
        TrainState alone;
        try (TrainSession one = engine.open(start)) {
            one.step(batch, target, rule);
            half = one.snapshot();
            one.step(batch, target, rule);
            alone = one.snapshot();
        }
        try (TrainSession other = engine.open(half)) {
            other.step(batch, target, rule);
            TrainState end = other.snapshot();
            EngineContractTest.identical(end.parameters(), alone.parameters());
            EngineContractTest.identical(end.m(), alone.m());
            EngineContractTest.identical(end.result(), alone.result());
            assertThat(end.sinceFired()).containsExactly(alone.sinceFired());
            assertThat(end.step()).isEqualTo(2);
        }
    }

    /** Rows that do not fit on the chip take the way through memory. */
    @Test
    void gradientsTooLongForTheChipGoThroughMemory() {
        for (Kind kind : new Kind[] {Kind.TOPK, Kind.CROSSCODER_BATCH_TOPK, Kind.JUMP_TARGET}) {
            CudaEngine engine = FakeCuda.engineWithSharedBytes(Precision.FP32, WARP, 8 << 10);
            EngineContractTest.agree(kind, engine, 1);
        }
    }

    /** Enough latents for the bound of the threads' maxima, so many equal ones that they overflow the chip, and none. */
    @Test
    void theLargestOfManyAreThoseOfTheReferenceEvenWhereManyAreEqual() {
        largest(FakeCuda.engine(Precision.FP32, WARP));
    }

    static void largest(CudaEngine engine) {
        for (int kinds : new int[] {1, 3, 100_000}) {
            Cases.Random random = Cases.random();
            TrainState start = States.random(random, Kind.TOPK, 2500, 3);
            for (int i = 0; i < 2500; i++) { // pre-activations are b_enc alone, of so many different values
                start.parameters().encoderRows().setRow(i, new float[3]);
                start.parameters().bEnc()[i] = random.nextInt(kinds) / (float) kinds + 0.5f;
            }
            StepRule rule = Kind.TOPK.rule(2500, 3, 14, 100, 1);
            Matrix batch = Matrix.copyOf(random.matrix(1, 3));
            try (TrainSession fast = engine.open(start);
                    TrainSession reference = SaeEngine.scalar().open(start)) {
                fast.step(batch, rule);
                reference.step(batch, rule);
                assertThat(fast.sinceFired()).containsExactly(reference.sinceFired());
                Floats.assertClose(fast.rowErrors(), reference.rowErrors(), 1e-4);
            }
        }
    }

    /** The bound guessed from the last step may be far too high, or far too low. */
    @Test
    void whatABatchKeepsDoesNotDependOnTheBatchesBeforeIt() {
        batches(FakeCuda.engine(Precision.FP32, WARP));
    }

    static void batches(CudaEngine engine) {
        Cases.Random random = Cases.random();
        TrainState start = States.random(random, Kind.BATCH_TOPK, 60, 12);
        java.util.Arrays.fill(start.parameters().bEnc(), 0);
        java.util.Arrays.fill(start.parameters().bDec(), 0);
        AdamRule still = new AdamRule(0, 0.9, 0.999, 1);
        StepRule rule = StepRule.of(Selection.BATCH_TOPK, still).k(4).build();
        try (TrainSession fast = engine.open(start);
                TrainSession reference = SaeEngine.scalar().open(start)) {
            for (float scale : new float[] {1, 1e-3f, 1000, 1, 1e-6f, 0, 1}) {
                float[][] rows = random.matrix(70, 12);
                for (float[] row : rows) {
                    for (int j = 0; j < row.length; j++) {
                        row[j] *= scale;
                    }
                }
                Matrix batch = Matrix.copyOf(rows);
                StepMetrics f = fast.step(batch, rule);
                StepMetrics r = reference.step(batch, rule);
                assertThat(f.l0()).isEqualTo(r.l0());
                assertThat(f.smallest()).isCloseTo(r.smallest(), within(1e-4 * r.smallest()));
            }
        }
    }

    @Test
    void recycledLatentsBeginAgain() {
        EngineContractTest.recycled(FakeCuda.engine(Precision.FP32, WARP));
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aBatchThatIsNoNumberStopsTrainingBeforeItSpoilsTheParameters(Kind kind) {
        noNumber(kind, FakeCuda.engine(Precision.FP32, WARP));
    }

    static void noNumber(Kind kind, CudaEngine engine) {
        Cases.Random random = Cases.random();
        TrainState start = States.random(random, kind, 20, 8);
        try (TrainSession session = engine.open(start)) {
            Matrix good = Matrix.copyOf(random.matrix(10, 8));
            StepRule rule = kind.rule(20, 8, 4, 3, 1e-8);
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                Matrix batch = Matrix.copyOf(random.matrix(10, 8));
                batch.set(3, 3, bad);
                Matrix target = States.target(random, start, kind, batch);
                TrainState before = session.snapshot();
                assertThatThrownBy(() -> session.step(batch, target, rule))
                        .isInstanceOf(LoupeException.class)
                        .hasMessageContaining("diverged");
                TrainState after = session.snapshot();
                EngineContractTest.identical(after.parameters(), before.parameters());
                EngineContractTest.identical(after.m(), before.m());
                assertThat(after.average() == null).isEqualTo(before.average() == null);
                assertThat(after.step()).isEqualTo(before.step());
            }
            assertThat(session.step(good, States.target(random, start, kind, good), rule)
                            .loss())
                    .isFinite();
        }
    }

    /** Steps that nobody waits for, through both places of a batch, on rows that change under them. */
    @Test
    void stepsWhoseNumbersNobodyReadsEndWithTheSameBits() {
        unread(FakeCuda.engine(Precision.FP32, WARP));
        unread(FakeCuda.engine(Precision.BF16, WARP));
    }

    static void unread(CudaEngine engine) {
        Cases.Random random = Cases.random();
        for (Kind kind : new Kind[] {Kind.TOPK, Kind.TOPK_CLIPPED_AVERAGED, Kind.BATCH_TOPK, Kind.TRANSCODER}) {
            TrainState start = States.random(random, kind, 40, 9);
            StepRule rule = kind.rule(40, 9, 5, 3, 1e-8);
            float[][][] rows = new float[21][][];
            for (int b = 0; b < rows.length; b++) {
                rows[b] = random.matrix(b == 7 ? 30 : 20, 9); // one is larger
            }
            StepMetrics[] last = new StepMetrics[2];
            TrainState[] end = new TrainState[2];
            float[][] errors = new float[2][];
            for (int way = 0; way < 2; way++) {
                Cases.Random targets = Cases.Random.of(3);
                try (TrainSession session = engine.open(start)) {
                    for (int b = 0; b < rows.length; b++) {
                        Matrix batch = Matrix.copyOf(rows[b]);
                        Matrix target = States.target(targets, start, kind, batch);
                        if (way == 0 || b == rows.length - 1) {
                            last[way] = session.step(batch, target, rule);
                        } else {
                            session.advance(batch, target, rule);
                            batch.set(0, 0, Float.NaN); // the memory is the caller's again
                        }
                    }
                    end[way] = session.snapshot();
                    errors[way] = session.rowErrors();
                }
            }
            assertThat(last[1]).isEqualTo(last[0]);
            EngineContractTest.identical(end[1].parameters(), end[0].parameters());
            EngineContractTest.identical(end[1].v(), end[0].v());
            EngineContractTest.identical(end[1].result(), end[0].result());
            assertThat(end[1].sinceFired()).containsExactly(end[0].sinceFired());
            assertThat(end[1].step()).isEqualTo(21);
            Floats.assertIdentical(errors[1], errors[0]);
        }
    }

    /** A loss that is no number is told with its step when somebody looks, and nothing behind it was done. */
    @Test
    void aStepThatDivergedUnseenIsToldLater() {
        unseen(FakeCuda.engine(Precision.FP32, WARP));
    }

    static void unseen(CudaEngine engine) {
        Cases.Random random = Cases.random();
        for (int good : new int[] {0, 3}) {
            TrainState start = States.random(random, Kind.TOPK_CLIPPED_AVERAGED, 30, 8);
            StepRule rule = Kind.TOPK_CLIPPED_AVERAGED.rule(30, 8, 4, 3, 1e-8);
            Matrix batch = Matrix.copyOf(random.matrix(10, 8));
            Matrix bad = Matrix.copyOf(random.matrix(10, 8));
            bad.set(2, 2, Float.NaN);
            try (TrainSession session = engine.open(start)) {
                for (int i = 0; i < good; i++) {
                    session.advance(batch, batch, rule);
                }
                TrainState before = session.snapshot();
                session.advance(bad, bad, rule);
                session.advance(batch, batch, rule);
                assertThatThrownBy(session::snapshot)
                        .isInstanceOfSatisfying(
                                Diverged.class, e -> assertThat(e.step()).isEqualTo(good + 1));
                TrainState after = session.snapshot();
                EngineContractTest.identical(after.parameters(), before.parameters());
                EngineContractTest.identical(after.m(), before.m());
                assertThat(after.average() == null).isEqualTo(before.average() == null);
                assertThat(after.step()).isEqualTo(good);
                session.advance(bad, bad, rule);
                assertThatThrownBy(() -> session.step(batch, rule)).isInstanceOf(Diverged.class);
                assertThat(session.step(batch, rule).loss()).isFinite();
                session.advance(bad, bad, rule);
                assertThatThrownBy(() -> {
                            for (int i = 0; i < 40; i++) { // it does not go on for ever without looking
                                session.advance(batch, batch, rule);
                            }
                        })
                        .isInstanceOf(Diverged.class);
            }
        }
    }

    @Test
    void tooLittleMemoryIsASentenceThatSaysWhatToLower() {
        CudaEngine engine = FakeCuda.engine(Precision.FP32, WARP);
        TrainState start = States.random(Cases.random(), Kind.TOPK, 200, 40);
        for (long bytes : new long[] {100_000, 40L << 20}) { // for the state, for a step
            FakeCuda.memory(bytes);
            assertThatThrownBy(() -> {
                        try (TrainSession session = engine.open(start)) {
                            session.step(
                                    Matrix.copyOf(Cases.random().matrix(30_000, 40)), Kind.TOPK.rule(200, 40, 5, 3, 1));
                        }
                    })
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("cuda:0 (Paper GPU")
                    .hasMessageContaining("lower d_sae or batch");
        }
    }
}
