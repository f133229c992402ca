package dev.loupe.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.engine.cuda.CudaEngine;
import dev.loupe.engine.cuda.RealCard;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The contract of engines on the GPU of this machine; where there is none, {@link CudaContractTest} has the same on paper. */
class CudaCardTest {
    private static final int CASES = 25;

    @BeforeAll
    static void find() {
        RealCard.require("the CUDA engine was not run");
    }

    private static CudaEngine engine(Precision precision) {
        return new CudaEngine(0, precision);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void stepsAgreeWithTheReferenceAtAwkwardSizes(Kind kind) {
        EngineContractTest.agree(kind, engine(Precision.FP32), CASES);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void stepsOnNumbersOfFewBitsAgreeWithTheReferenceInFewerBits(Kind kind) {
        EngineContractTest.agreeOnFewBits(kind, RealCard.sparse(Precision.BF16), 6);
        EngineContractTest.agreeOnFewBits(kind, RealCard.sparse(Precision.TF32), 6);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void theSameStepsGiveTheSameBitsAlsoAfterARestart(Kind kind) {
        EngineContractTest.unchanged(kind, engine(Precision.FP32), 2);
        CudaContractTest.restarted(kind, engine(Precision.BF16));
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aBatchThatIsNoNumberStopsTrainingBeforeItSpoilsTheParameters(Kind kind) {
        CudaContractTest.noNumber(kind, engine(Precision.FP32));
    }

    @Test
    void whatIsChosenIsWhatTheReferenceChooses() {
        CudaContractTest.largest(engine(Precision.FP32));
        CudaContractTest.batches(engine(Precision.FP32));
        EngineContractTest.recycled(engine(Precision.FP32));
        CudaContractTest.unread(engine(Precision.BF16));
        CudaContractTest.unseen(engine(Precision.FP32));
        assertThat(engine(Precision.FP32).describe()).contains("sm_");
    }
}
