package dev.loupe.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToyModel;
import dev.loupe.toy.ToySaes;
import dev.loupe.toy.ToyStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ActivationOverlapTest {
    private static final int D = 6;

    @TempDir
    Path folder;

    private ActivationStore store(Cases.Random random, int documents) {
        List<ToyStore.Doc> docs = new ArrayList<>();
        for (int i = 0; i < documents; i++) {
            int[] sequence = random.ints(20, 2, 9);
            sequence[0] = dev.loupe.toy.ToyTokenizer.BOS;
            docs.add(new ToyStore.Doc("d" + i, "x", false, List.of(sequence)));
        }
        return ToyStore.write(folder.resolve("store"), D, docs, s -> random.matrix(s.length, D));
    }

    @Test
    void figuresAreThoseOfDenseCodes() {
        Cases.Random random = Cases.random();
        Sae a = ToySaes.random("a", random, Architecture.RELU, D, 11);
        Sae b = ToySaes.random("b", random, Architecture.TOPK, D, 8);
        Matching m = SaeMatcher.match(a, b, 0.2, Progress.silent());
        String hook = ToyModel.HOOK.name();
        try (ActivationStore store = store(random, 30)) {
            ActivationOverlap o = ActivationOverlap.of(a, b, m, store, hook, 0, Progress.silent());
            int rows = (int) store.rows();
            Matrix x = Matrix.copyOf(new float[rows * D], rows, D);
            store.reader(hook).read(0, rows, x);
            double[][] codesA = dense(a.encode(x), 11);
            double[][] codesB = dense(b.encode(x), 8);
            assertThat(o.tokens()).isEqualTo(rows);
            for (int i = 0; i < 11; i++) {
                int j = m.decoderMatch()[i];
                double[] p = column(codesA, i);
                double[] q = j < 0 ? new double[rows] : column(codesB, j);
                assertThat((double) o.correlation()[i]).isCloseTo(pearson(p, q), within(1e-4));
                assertThat((double) o.jaccard()[i]).isCloseTo(jaccard(p, q), within(1e-6));
            }
            assertThat(o.ckaTokens()).isEqualTo(rows);
            assertThat(o.cka()).isCloseTo(cka(codesA, codesB), within(1e-5));
            Matching self = SaeMatcher.match(a, a, 0.7, Progress.silent());
            ActivationOverlap same = ActivationOverlap.of(a, a, self, store, hook, 100, Progress.silent());
            assertThat(same.cka()).isCloseTo(1, within(1e-6));
            assertThat(same.tokens()).isEqualTo(100);
            assertThat(same.meanJaccardShared()).isCloseTo(1, within(1e-6));
            CodeCensus census = CodeCensus.of(a, store, hook, rows, Progress.silent());
            assertThat(census.living()).isEqualTo(o.aliveA());
            assertThat(census.l0()).isCloseTo(a.encode(x).l0(), within(1e-9));
            Sae other = ToySaes.random("c", random, Architecture.RELU, D + 1, 4);
            assertThatThrownBy(() -> ActivationOverlap.of(
                            other,
                            other,
                            SaeMatcher.match(other, other, 0.7, Progress.silent()),
                            store,
                            hook,
                            0,
                            Progress.silent()))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("reads 7 values");
        }
    }

    private static double[][] dense(SparseCodes codes, int n) {
        double[][] dense = new double[codes.rows()][n];
        for (int r = 0; r < codes.rows(); r++) {
            for (int e = codes.start(r); e < codes.end(r); e++) {
                dense[r][codes.ids()[e]] = codes.values()[e];
            }
        }
        return dense;
    }

    private static double[] column(double[][] x, int c) {
        double[] column = new double[x.length];
        for (int r = 0; r < x.length; r++) {
            column[r] = x[r][c];
        }
        return column;
    }

    private static double pearson(double[] x, double[] y) {
        double xy = 0;
        double xx = 0;
        double yy = 0;
        double mx = java.util.Arrays.stream(x).average().orElse(0);
        double my = java.util.Arrays.stream(y).average().orElse(0);
        for (int i = 0; i < x.length; i++) {
            xy += (x[i] - mx) * (y[i] - my);
            xx += (x[i] - mx) * (x[i] - mx);
            yy += (y[i] - my) * (y[i] - my);
        }
        double r = xy / Math.sqrt(xx * yy);
        return Double.isFinite(r) ? r : 0;
    }

    private static double jaccard(double[] x, double[] y) {
        int both = 0;
        int either = 0;
        for (int i = 0; i < x.length; i++) {
            both += x[i] > 0 && y[i] > 0 ? 1 : 0;
            either += x[i] > 0 || y[i] > 0 ? 1 : 0;
        }
        return either == 0 ? 0 : (double) both / either;
    }

    /** ‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖) with centred columns: the other form of linear CKA. */
    private static double cka(double[][] x, double[][] y) {
        return cross(x, y) / Math.sqrt(cross(x, x) * cross(y, y));
    }

    private static double cross(double[][] x, double[][] y) {
        double sum = 0;
        for (int i = 0; i < x[0].length; i++) {
            for (int j = 0; j < y[0].length; j++) {
                double[] p = column(x, i);
                double[] q = column(y, j);
                double mp = java.util.Arrays.stream(p).average().orElse(0);
                double mq = java.util.Arrays.stream(q).average().orElse(0);
                double dot = 0;
                for (int r = 0; r < p.length; r++) {
                    dot += (p[r] - mp) * (q[r] - mq);
                }
                sum += dot * dot;
            }
        }
        return sum;
    }
}
