package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights that are handed out make what the model makes of them, in plain loops. */
class ProjectionsTest {
    @TempDir
    Path folder;

    /** Gemma normalises what attention and MLP give before it is added; the others add it as it is. None of these has biases. */
    @ParameterizedTest
    @CsvSource({"tiny-llama3,false", "tiny-qwen3,false", "tiny-gemma2,true", "tiny-gemma3,true"})
    void what_a_block_adds_is_the_product_normed_and_scaled_by_its_gains(String name, boolean normed) {
        try (LanguageModel model = LanguageModels.open(Golden.tiny(name, folder), ModelOptions.defaults())) {
            int[] ids = {7, 31, 5, 12, 28, 3};
            for (Projection which : new Projection[] {Projection.O, Projection.MLP_OUT}) {
                ProjectionWeights w = model.projection(1, which);
                assertThat(w.outGain()).hasSize(model.config().dModel());
                assertThat(ones(w.outGain())).isEqualTo(!normed);
                HookPoint added = which == Projection.O ? HookPoint.attnOut(1) : HookPoint.mlpOut(1);
                Forward run = model.forward(TokenBatch.of(ids), Taps.read(w.input(), added), Want.NOTHING);
                for (int p = 0; p < ids.length; p++) {
                    double[] y = product(w, run.activation(w.input()).row(0, p));
                    float[] found = run.activation(added).row(0, p);
                    double rms = normed ? rms(y, model.config().normEps()) : 1;
                    for (int j = 0; j < y.length; j++) {
                        assertThat((double) found[j])
                                .isCloseTo(y[j] / rms * w.outGain()[j], within(1e-5 * (1 + Math.abs(y[j] / rms))));
                    }
                }
            }
            assertThat(ones(model.projection(1, Projection.MLP_IN).outGain())).isTrue();
        }
    }

    private static double[] product(ProjectionWeights w, float[] x) {
        double[] y = new double[Math.toIntExact(w.weight().rows())];
        for (int j = 0; j < y.length; j++) {
            for (int i = 0; i < x.length; i++) {
                y[j] += (double) w.weight().get(j, i) * w.gain()[i] * x[i];
            }
        }
        return y;
    }

    private static double rms(double[] y, double eps) {
        double squares = 0;
        for (double v : y) {
            squares += v * v;
        }
        return Math.sqrt(squares / y.length + eps);
    }

    /** Whether every gain is 1. */
    private static boolean ones(float[] gain) {
        for (float g : gain) {
            if (g != 1) {
                return false;
            }
        }
        return true;
    }
}
