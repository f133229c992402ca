package dev.loupe.engine.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Lists of the largest cosines on a GPU of paper against sorting all of them. */
class CudaCosinesTest {
    @AfterEach
    void nothingWasWrittenBesideItsMemoryAndAllWasGivenBack() {
        assertThat(FakeCuda.damaged()).isZero();
        assertThat(FakeCuda.used()).isZero();
    }

    @Test
    void listsAreThoseOfAllCosinesInWhateverTilesBlocksAndOrderTheyAreMade() {
        Cases.check(6, random -> {
            int n = 1 + random.nextInt(120);
            int m = 1 + random.nextInt(120);
            int d = 1 + random.nextInt(20);
            int listed = 1 + random.nextInt(12);
            float[][] a = random.matrix(n, d);
            float[][] b = random.matrix(m, d);
            byte[] deadA = dead(random, a);
            byte[] deadB = dead(random, b);
            CudaDevice device = FakeCuda.device();
            FakeCuda.seed(random.nextInt(100));
            int block = 1 + random.nextInt(m);
            int[][] columns = new int[m][];
            CudaCosines.Found rows;
            float[] cuts = new float[m];
            try (CudaCosines card = new CudaCosines(device, 32, n, d, block, listed, 32)) {
                card.rows(0, Matrix.copyOf(a), deadA);
                for (int from = 0; from < m; from += block) {
                    int end = Math.min(m, from + block);
                    CudaCosines.Found found = card.block(
                            from,
                            Matrix.copyOf(Arrays.copyOfRange(b, from, end)),
                            Arrays.copyOfRange(deadB, from, end));
                    for (int j = from; j < end; j++) {
                        columns[j] = Arrays.copyOfRange(found.ids(), (j - from) * listed, (j - from + 1) * listed);
                        cuts[j] = found.cuts()[j - from];
                    }
                }
                rows = card.rows();
            }
            for (int i = 0; i < n; i++) {
                int[] list = Arrays.copyOfRange(rows.ids(), i * listed, (i + 1) * listed);
                check(list, deadA[i] != 0 ? new byte[m] : null, a[i], b, new byte[m], rows.cuts()[i]);
            }
            for (int j = 0; j < m; j++) {
                check(columns[j], deadB[j] != 0 ? new byte[n] : null, b[j], a, deadA, cuts[j]);
            }
        });
    }

    @Test
    void whatACardDoesAtBestIsMeasured() {
        FakeCuda.install(6);
        CudaFloors floors = CudaFloors.measure(6, 32, 1 << 16);
        assertThat(floors.bfloat16()).isPositive();
        assertThat(floors.tf32()).isPositive();
        assertThat(floors.float32()).isPositive();
        assertThat(floors.memory()).isPositive();
    }

    /** Rows of zeros, here and there. */
    private static byte[] dead(Cases.Random random, float[][] rows) {
        byte[] dead = new byte[rows.length];
        for (int i = 0; i < rows.length; i++) {
            if (random.nextInt(10) == 0) {
                Arrays.fill(rows[i], 0);
                dead[i] = 1;
            }
        }
        return dead;
    }

    private static void check(int[] list, byte[] none, float[] x, float[][] others, byte[] left, float cut) {
        int there = 0;
        while (there < list.length && list[there] >= 0) {
            there++;
        }
        int possible = 0;
        for (byte l : left) {
            possible += l == 0 ? 1 : 0;
        }
        assertThat(there).isEqualTo(none != null ? 0 : Math.min(list.length, possible));
        double last = Double.POSITIVE_INFINITY;
        boolean[] named = new boolean[others.length];
        for (int e = 0; e < there; e++) {
            double value = dot(x, others[list[e]]);
            assertThat(value).as("descending").isLessThanOrEqualTo(last + 1e-5);
            assertThat(named[list[e]]).as("named once").isFalse();
            assertThat(left[list[e]]).as("dead").isZero();
            named[list[e]] = true;
            last = value;
        }
        for (int o = 0; none == null && o < others.length; o++) {
            if (!named[o] && left[o] == 0) {
                assertThat(dot(x, others[o])).isLessThanOrEqualTo(last + 1e-5).isLessThanOrEqualTo(cut + 1e-5);
            }
        }
    }

    private static double dot(float[] x, float[] y) {
        double sum = 0;
        for (int j = 0; j < x.length; j++) {
            sum += (double) x[j] * y[j];
        }
        return sum;
    }
}
