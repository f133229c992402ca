package dev.loupe.compare;

import dev.loupe.engine.cuda.ChosenCard;
import dev.loupe.engine.cuda.RealCard;
import dev.loupe.fixtures.Cases;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** {@link CardCandidatesTest} on the GPU of this machine. */
class CudaCardCandidatesTest {
    @BeforeAll
    static void find() {
        RealCard.require("no candidates of matching were looked for");
    }

    @AfterEach
    void onTheProcessorAgain() {
        ChosenCard.use(-1);
        System.clearProperty("loupe.cuda.least");
    }

    @Test
    void listsHaveTheBitsOfTheProcessor() {
        Cases.check(
                4,
                random -> CardCandidatesTest.same(
                        RealCard.INDEX,
                        random.matrix(1 + random.nextInt(3000), 67),
                        random.matrix(1 + random.nextInt(5000), 67),
                        32));
        CardCandidatesTest.equalRows(RealCard.INDEX);
    }
}
