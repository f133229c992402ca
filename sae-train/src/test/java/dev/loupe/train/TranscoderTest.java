package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import dev.loupe.store.Shuffle;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TranscoderTest {
    private static final TrainJob.Origin ORIGIN = new TrainJob.Origin(
            "planted",
            "fingerprint",
            "blocks.0.hook_mlp_in",
            "blocks.0.hook_mlp_out",
            Runs.ORIGIN.order(),
            Runs.ORIGIN.model(),
            Map.of("context_size", 128),
            Map.of());

    private static final TrainRequest.Rows ROWS = new TrainRequest.Rows.Stored(Path.of("planted"), Shuffle.FULL);

    @TempDir
    Path dir;

    /** y = what is planted in x, read off along other directions of another width, plus a linear part of x. */
    private record Mapped(PlantedSource x, float linear) implements BatchSource {
        private static final int WIDTH = 13;

        @Override
        public int width() {
            return WIDTH;
        }

        @Override
        public void batch(long step, Matrix target) {
            Matrix in = Matrix.allocate(Arena.ofAuto(), target.rows(), 20);
            x.batch(step, in);
            float[] mean = x.mean();
            for (long r = 0; r < target.rows(); r++) {
                float[] row = new float[WIDTH];
                for (int f = 0; f < PlantedSource.FEATURES; f++) {
                    double along = -5;
                    for (int j = 0; j < 20; j++) {
                        along += x.directions[f][j] * (in.get(r, j) - mean[j]);
                    }
                    row[f % WIDTH] += (float) Math.max(0, along);
                }
                for (int j = 0; j < WIDTH; j++) {
                    row[j] += 4 + linear * in.get(r, j);
                }
                target.setRow(r, row);
            }
        }

        private double[] statistics() {
            Matrix sample = Matrix.allocate(Arena.ofAuto(), 500, WIDTH);
            batch(-1, sample);
            double[] s = new double[WIDTH + 2];
            for (int r = 0; r < 500; r++) {
                double squares = 0;
                for (int j = 0; j < WIDTH; j++) {
                    s[j] += sample.get(r, j) / 500;
                    squares += sample.get(r, j) * sample.get(r, j);
                }
                s[WIDTH] += squares / 500;
                s[WIDTH + 1] += Math.sqrt(squares) / 500;
            }
            return s;
        }

        @Override
        public float[] mean() {
            double[] s = statistics();
            float[] mean = new float[WIDTH];
            for (int j = 0; j < WIDTH; j++) {
                mean[j] = (float) s[j];
            }
            return mean;
        }

        @Override
        public double meanSquaredNorm() {
            return statistics()[WIDTH];
        }

        @Override
        public double meanNorm() {
            return statistics()[WIDTH + 1];
        }

        @Override
        public String fingerprint() {
            return "mapped " + linear;
        }

        @Override
        public void close() {}
    }

    @ParameterizedTest
    @CsvSource({
        "TOPK,false",
        "TOPK,true",
        "BATCHTOPK,true",
        "MATRYOSHKA,false",
        "JUMPRELU,false",
        "JUMPRELU,true",
        "RELU,true",
        "PANNEAL,false",
        "GATED,false"
    })
    void transcodersLearnWhatIsWrittenFromWhatIsRead(Method method, boolean skip) {
        TrainConfig config = Runs.config(method)
                .with(Map.of(
                        "apply_b_dec_to_input",
                        false,
                        "skip",
                        skip,
                        "steps",
                        600,
                        "batch",
                        200,
                        "decoder",
                        method == Method.GATED ? "unit" : "free",
                        "decoder_norm",
                        0.1));
        PlantedSource x = new PlantedSource(20, 0);
        Mapped y = new Mapped(x, skip ? 3 : 0);
        TrainRequest request =
                new TrainRequest("coder", ROWS, dir, ORIGIN.hook(), ORIGIN.hookOut(), config, List.of(1L));
        TrainResult result = TrainJob.one(request, 1, x, y, ORIGIN, Progress.silent(), 1e9);
        Sae sae = Sae.open(result.folder());
        assertThat(sae.isTranscoder()).isTrue();
        assertThat(sae.config().hookNameOut()).isEqualTo(ORIGIN.hookOut());
        assertThat(sae.dOut()).isEqualTo(13);
        assertThat(sae.weights().skips()).isEqualTo(skip);
        Matrix in = Matrix.copyOf(new float[400][20]);
        Matrix wanted = Matrix.copyOf(new float[400][13]);
        x.batch(10_000, in);
        y.batch(10_000, wanted);
        double fvu = fvu(wanted, sae.reconstruct(in, Arena.ofAuto()));
        System.out.printf(
                "%s skip %s: L0 %.2f FVU %.4f%n", method, skip, sae.encode(in).l0(), fvu);
        assertThat(fvu).isLessThan(0.35);
        // raw in, raw out: training saw both scaled, and its own measure must agree
        assertThat(result.metrics().get("fvu")).isCloseTo(fvu, within(0.1));
        // TopK chose without regard to norms: folding them would make it choose others
        for (int i = 0; i < sae.dSae() && method != Method.TOPK; i++) {
            double norm = 0;
            for (float v : sae.decoderRows().row(i)) {
                norm += v * v;
            }
            assertThat(norm).isCloseTo(1, within(1e-4));
        }
        assertThatThrownBy(() -> sae.requireSae("steer"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("transcoder from blocks.0.hook_mlp_in to blocks.0.hook_mlp_out");
        if (skip) { // without its skip connection it does not do what it learned
            assertThat(fvu(wanted, sae.decode(sae.encode(in), Arena.ofAuto()))).isGreaterThan(2 * fvu);
        }
    }

    private static double fvu(Matrix wanted, Matrix actual) {
        double error = 0;
        double variance = 0;
        for (int j = 0; j < wanted.cols(); j++) {
            double mean = 0;
            for (int r = 0; r < wanted.rows(); r++) {
                mean += wanted.get(r, j) / wanted.rows();
            }
            for (int r = 0; r < wanted.rows(); r++) {
                error += Math.pow(wanted.get(r, j) - actual.get(r, j), 2);
                variance += Math.pow(wanted.get(r, j) - mean, 2);
            }
        }
        return error / variance;
    }

    @Test
    void whatOnlyOneOfThemHasIsRefused() {
        TrainConfig config = Runs.config(Method.TOPK);
        assertThatThrownBy(() -> new TrainRequest("a", ROWS, dir, "x", "y", config, List.of(0L)))
                .hasMessageContaining("apply_b_dec_to_input");
        TrainConfig skip = config.with("skip", true);
        assertThatThrownBy(() -> new TrainRequest("a", dir, dir, "x", skip, List.of(0L)))
                .hasMessageContaining("transcoders");
    }
}
