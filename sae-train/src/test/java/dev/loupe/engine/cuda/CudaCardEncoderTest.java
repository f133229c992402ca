package dev.loupe.engine.cuda;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@link CudaEncoderTest} on the GPU of this machine. */
class CudaCardEncoderTest {
    @BeforeAll
    static void find() {
        RealCard.require("nothing was encoded");
    }

    @ParameterizedTest
    @EnumSource(CudaEncoderTest.Rule.class)
    void latentsAreThoseOfTheProcessor(CudaEncoderTest.Rule rule) {
        Cases.check(8, random -> {
            int d = 1 + random.nextInt(300);
            int n = 1 + random.nextInt(4000);
            Sae sae = CudaEncoderTest.sae(random, rule, d, n, random.nextBoolean());
            Matrix x = Matrix.copyOf(random.matrix(1 + random.nextInt(5000), d));
            try (CudaEncoder card = new CudaEncoder(RealCard.INDEX, CudaEncoderTest.weights(sae, rule))) {
                CudaEncoderTest.same(card.encode(x), sae.encode(x));
            }
        });
    }
}
