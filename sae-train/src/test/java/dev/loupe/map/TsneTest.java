package dev.loupe.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import java.nio.file.Path;
import java.util.concurrent.ForkJoinPool;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The map against a plain reference: every pair of points, formulas as van der Maaten and Hinton (2008) write them. */
class TsneTest {
    @TempDir
    Path folder;

    private static Affinities affinities(Matrix rows, double perplexity) {
        return Affinities.ofDirections(rows, perplexity, Progress.silent());
    }

    /** p(i, j) as a full matrix; both entries of mutual neighbours added. */
    private static double[][] dense(Affinities a) {
        int n = a.start().length - 1;
        double[][] p = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int e = a.start()[i]; e < a.start()[i + 1]; e++) {
                p[i][a.other()[e]] += a.p()[e];
            }
        }
        return p;
    }

    /** KL(P ‖ Q), no tree, no sparse rows. */
    private static double kl(double[][] p, double[] y) {
        int n = p.length;
        double z = 0;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                z += i == j ? 0 : q(y, i, j);
            }
        }
        double kl = 0;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                kl += p[i][j] > 0 ? p[i][j] * Math.log(p[i][j] / (q(y, i, j) / z)) : 0;
            }
        }
        return kl;
    }

    private static double q(double[] y, int i, int j) {
        double dx = y[2 * i] - y[2 * j];
        double dz = y[2 * i + 1] - y[2 * j + 1];
        return 1 / (1 + dx * dx + dz * dz);
    }

    private static double[] places(int n, double size) {
        Cases.Random random = Cases.Random.of(5);
        double[] y = new double[2 * n];
        for (int c = 0; c < y.length; c++) {
            y[c] = size * random.nextGaussian();
        }
        return y;
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 33, 150})
    void the_gradient_without_approximation_is_that_of_the_divergence(int n) {
        Affinities near = affinities(Matrix.copyOf(Cases.Random.of(n).matrix(n, 12)), Math.min(10, (n - 1) / 3.0));
        double[][] p = dense(near);
        double[] y = places(n, 2);
        double[] gradient = new double[2 * n];
        Tsne tsne = new Tsne(near, y);
        tsne.gradient(1, 0, gradient);
        assertThat(tsne.divergence(0)).isCloseTo(kl(p, y), within(1e-9));
        double h = 1e-5;
        for (int c = 0; c < 2 * n; c += 1 + n / 16) {
            double[] up = y.clone();
            double[] down = y.clone();
            up[c] += h;
            down[c] -= h;
            double slope = (kl(p, up) - kl(p, down)) / (2 * h);
            assertThat(gradient[c]).as("coordinate %d", c).isCloseTo(slope, within(1e-8 + 1e-5 * Math.abs(slope)));
        }
    }

    @Test
    void far_cells_taken_together_change_forces_little() {
        int n = 700;
        Affinities near = affinities(Matrix.copyOf(Cases.Random.of(3).matrix(n, 16)), 30);
        double[] y = places(n, 10);
        double[] exact = new double[2 * n];
        double[] near05 = new double[2 * n];
        new Tsne(near, y).gradient(1, 0, exact);
        new Tsne(near, y).gradient(1, 0.5, near05);
        double wrong = 0;
        double all = 0;
        for (int c = 0; c < 2 * n; c++) {
            wrong += (exact[c] - near05[c]) * (exact[c] - near05[c]);
            all += exact[c] * exact[c];
        }
        assertThat(Math.sqrt(wrong / all)).isLessThan(0.03);
    }

    @Test
    void points_at_one_place_and_on_a_line_do_not_stop_it() {
        double[] y = {1, 1, 1, 1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1, 6, 1, 7, 1};
        Affinities near = affinities(Matrix.copyOf(Cases.Random.of(1).matrix(9, 4)), 2);
        double[] gradient = new double[18];
        new Tsne(near, y).gradient(1, 0, gradient);
        double[][] p = dense(near);
        assertThat(new Tsne(near, y).divergence(0)).isCloseTo(kl(p, y), within(1e-9));
        assertThat(gradient).doesNotContain(Double.NaN);
    }

    @Test
    void affinities_have_the_wanted_perplexity_and_sum_to_one() {
        double[] squares = {0.1, 0.2, 0.25, 0.9, 1.1, 1.9, 0.3, 0.7};
        double[] p = Affinities.calibrated(squares, 4);
        double entropy = 0;
        double sum = 0;
        for (double v : p) {
            entropy -= v * Math.log(v);
            sum += v;
        }
        assertThat(sum).isCloseTo(1, within(1e-12));
        assertThat(Math.exp(entropy)).isCloseTo(4, within(1e-5));
        double all = 0;
        for (double[] row : dense(affinities(Matrix.copyOf(Cases.Random.of(2).matrix(60, 8)), 10))) {
            for (double v : row) {
                all += v;
            }
        }
        assertThat(all).isCloseTo(1, within(1e-9));
    }

    @Test
    void clusters_stay_together_and_the_bits_do_not_depend_on_threads() throws Exception {
        int n = 160;
        Cases.Random random = Cases.Random.of(8);
        float[][] centres = random.matrix(4, 20);
        float[][] rows = random.matrix(n, 20);
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < 20; c++) {
                rows[i][c] = 4 * centres[i % 4][c] + 0.4f * rows[i][c];
            }
        }
        Matrix m = Matrix.copyOf(rows);
        double[] start = PrincipalPlane.of(m);
        double[] y = new Tsne(affinities(m, 15), start).run(Progress.silent());
        int own = 0;
        for (int i = 0; i < n; i++) {
            int nearest = -1;
            for (int j = 0; j < n; j++) {
                if (j != i && (nearest < 0 || q(y, i, j) > q(y, i, nearest))) {
                    nearest = j;
                }
            }
            own += nearest % 4 == i % 4 ? 1 : 0;
        }
        assertThat(own).isEqualTo(n);
        try (ForkJoinPool one = new ForkJoinPool(1)) {
            double[] again = one.submit(() -> new Tsne(affinities(m, 15), start).run(Progress.silent()))
                    .get();
            assertThat(again).containsExactly(y);
        }
    }

    @Test
    void a_map_is_read_as_it_was_written_and_damage_is_said() throws Exception {
        DecoderMap map = new DecoderMap("abc", 30, 1.25, new float[] {1, 2, 3}, new float[] {4, 5, 6});
        Path file = folder.resolve(DecoderMap.FILE);
        map.save(file);
        DecoderMap read = DecoderMap.open(file);
        assertThat(read.saeChecksum()).isEqualTo("abc");
        assertThat(read.divergence()).isEqualTo(1.25);
        assertThat(read.x()).containsExactly(1, 2, 3);
        assertThat(read.y()).containsExactly(4, 5, 6);
        byte[] bytes = java.nio.file.Files.readAllBytes(file);
        java.nio.file.Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length / 2));
        org.assertj.core.api.Assertions.assertThatThrownBy(() -> DecoderMap.open(file))
                .hasMessageContaining("damaged");
    }
}
