package dev.loupe.bench;

import dev.loupe.base.Progress;
import dev.loupe.compare.Matching;
import dev.loupe.compare.SaeMatcher;
import dev.loupe.sae.Sae;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Matching two SAEs by decoder and by encoder; the peer is NumPy's product with SciPy's linear_sum_assignment. */
final class MatchBench implements Benchmark {
    private static final double THRESHOLD = 0.7;

    private @Nullable Sae a;
    private @Nullable Sae b;

    @Override
    public String name() {
        return "match";
    }

    @Override
    public String setting() {
        return SaeData.LATENTS + " against " + SaeData.LATENTS + " latents of width " + SaeData.WIDTH
                + ", two optimal assignments";
    }

    @Override
    public String unit() {
        return "latents/s";
    }

    @Override
    public double tolerance() {
        return 0;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        float[][] decA = SaeData.directions(1, SaeData.LATENTS, 0.6);
        float[][] decB = SaeData.directions(2, SaeData.LATENTS, 0.6);
        float[][] encA = SaeData.directions(1, SaeData.LATENTS, 0.5);
        float[][] encB = SaeData.directions(2, SaeData.LATENTS, 0.5);
        NpyFile.write(folder.resolve("dec_a.npy"), decA);
        NpyFile.write(folder.resolve("dec_b.npy"), decB);
        NpyFile.write(folder.resolve("enc_a.npy"), encA);
        NpyFile.write(folder.resolve("enc_b.npy"), encB);
        a = SaeData.topk("a", encA, decA);
        b = SaeData.topk("b", encB, decB);
    }

    @Override
    public Measured run() {
        long start = System.nanoTime();
        Matching m =
                SaeMatcher.match(Objects.requireNonNull(a), Objects.requireNonNull(b), THRESHOLD, Progress.silent());
        double seconds = (System.nanoTime() - start) / 1e9;
        return new Measured(SaeData.LATENTS, seconds, m.shared());
    }

    @Override
    public void close() {}
}
