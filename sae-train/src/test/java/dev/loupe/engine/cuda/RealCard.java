package dev.loupe.engine.cuda;

import dev.loupe.engine.Precision;
import org.junit.jupiter.api.Assumptions;

/** The first GPU of this machine, for tests that run only there. */
public final class RealCard {
    /** Its number. */
    public static final int INDEX = 0;

    private RealCard() {}

    /** An engine that never takes dense products, which are not in float32 where the precision is not. */
    public static CudaEngine sparse(Precision precision) {
        return new CudaEngine(CudaDevice.open(INDEX), precision, CudaEngine.THREADS, 0);
    }

    /** Skips the test loudly where there is no GPU, or not all that work on one takes. */
    public static void require(String what) {
        for (CudaReport line : CudaReport.of(System.getenv())) {
            if (!line.there()) {
                String message = "SKIPPED: " + what + " on a GPU (" + line.name() + ": " + line.value() + ")";
                System.err.println(message);
                Assumptions.abort(message);
            }
        }
    }
}
