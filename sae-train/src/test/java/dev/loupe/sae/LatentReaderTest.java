package dev.loupe.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.math.StatisticalTopK;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A few latents read alone are those of the whole encoding. */
class LatentReaderTest {
    @Test
    void everyLatentIsWhatTheWholeEncodingGives() {
        int[] checked = new int[2];
        Cases.check(60, r -> {
            int width = 1 + r.nextInt(40);
            int n = 1 + r.nextInt(70);
            Architecture architecture = Architecture.values()[r.nextInt(3)];
            boolean statistical = architecture == Architecture.TOPK && r.nextInt(2) == 0;
            Sae sae = sae(r, architecture, width, n, 1 + r.nextInt(n), r.nextInt(2) == 0, statistical);
            float[][] x = r.matrix(5, width);
            SparseCodes codes = sae.encode(Matrix.copyOf(x));
            LatentReader all = sae.reader(IntStream.range(0, n).toArray());
            for (int row = 0; row < x.length; row++) {
                float[] values = all.read(x[row]);
                float[] pi = new float[n];
                for (int i = 0; i < n; i++) {
                    pi[i] = sae.preActivation(x[row], i);
                }
                for (int i = 0; i < n; i++) {
                    checked[0]++;
                    double limit = StatisticalTopK.threshold(pi, 0, n, sae.k());
                    if (nearAnother(pi, i) || (statistical && Math.abs(pi[i] - limit) < 1e-5) || near(sae, pi[i], i)) {
                        checked[1]++; // either answer is right within rounding
                        continue;
                    }
                    assertThat((double) values[i])
                            .as(architecture + " latent " + i)
                            .isCloseTo(codes.value(row, i), within(1e-5));
                }
            }
        });
        assertThat(checked[1]).isLessThan(checked[0] / 50);
    }

    @Test
    void ofEqualPreActivationsTheLowerNumberWins() {
        float[][] same = {{1}, {1}, {1}};
        SaeWeights w =
                new SaeWeights(Matrix.copyOf(same), Matrix.copyOf(same), new float[3], new float[1], new float[0]);
        Sae sae = new Sae(
                "ties", new SaeConfig(Architecture.TOPK, 2, false, "toy", "h", Map.of()), w, SaeProvenance.unknown());
        assertThat(sae.reader(0, 1, 2).read(new float[] {3})).containsExactly(3, 3, 0);
        assertThat(sae.reader(2, 0).read(new float[] {3})).containsExactly(0, 3);
        assertThat(sae.reader(2, 0).read(new float[] {-3})).containsExactly(0, 0);
    }

    @Test
    void whatCannotBeReadIsRefused() {
        Sae sae = sae(Cases.Random.of(3), Architecture.RELU, 4, 6, 0, true, false);
        assertThatThrownBy(() -> sae.reader(6))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("0 to 5");
        assertThatThrownBy(() -> sae.reader(1).read(new float[3])).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> sae.reader(1).read(new float[] {1, Float.NaN, 0, 0}))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("NaN");
    }

    private static boolean nearAnother(float[] pi, int i) {
        for (int j = 0; j < pi.length; j++) {
            if (j != i && Math.abs(pi[j] - pi[i]) < 1e-5) {
                return true;
            }
        }
        return false;
    }

    private static boolean near(Sae sae, float pi, int i) {
        return sae.threshold().length > 0 && Math.abs(pi - sae.threshold()[i]) < 1e-5;
    }

    private static Sae sae(
            Cases.Random r, Architecture architecture, int width, int n, int k, boolean subtract, boolean statistical) {
        float[] threshold = architecture == Architecture.JUMPRELU ? new float[n] : new float[0];
        Arrays.fill(threshold, 0.4f);
        SaeWeights w = new SaeWeights(
                Matrix.copyOf(r.matrix(n, width)),
                Matrix.copyOf(r.matrix(n, width)),
                r.floats(n),
                r.floats(width),
                threshold);
        return new Sae(
                "r",
                new SaeConfig(
                        architecture,
                        architecture == Architecture.TOPK ? k : 0,
                        subtract,
                        "toy",
                        "h",
                        SaeConfig.selection(statistical, Map.of())),
                w,
                SaeProvenance.unknown());
    }
}
