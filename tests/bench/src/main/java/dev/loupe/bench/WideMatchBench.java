package dev.loupe.bench;

import dev.loupe.base.Fmt;
import dev.loupe.base.ProcessMemory;
import dev.loupe.base.Progress;
import dev.loupe.compare.SaeMatcher;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Cosines and one assignment of two dictionaries of 768 dimensions: half of the rows have a partner at cosine 0.8, the
 * others are random, or copies of one direction with noise. The peer is NumPy's product with SciPy's
 * linear_sum_assignment; it holds all cosines in double.
 */
final class WideMatchBench implements Benchmark {
    private static final int WIDTH = 768;

    private final String name;
    private final int latents;
    private final boolean duplicates;
    private @Nullable Matrix a;
    private @Nullable Matrix b;
    private String found = "";

    WideMatchBench(String name, int latents, boolean duplicates) {
        this.name = name;
        this.latents = latents;
        this.duplicates = duplicates;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String setting() {
        return latents + " against " + latents + " rows of " + WIDTH + ", half planted at 0.8, half "
                + (duplicates ? "near copies of one direction against random" : "random") + found;
    }

    @Override
    public String unit() {
        return "rows/s";
    }

    @Override
    public double tolerance() {
        return 1.01 * SaeMatcher.TOLERANCE;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        float[][] rowsA = new float[latents][];
        float[][] rowsB = new float[latents][];
        Cases.Random random = Cases.Random.of(7);
        float[] centre = unit(random);
        int[] order = random.permutation(latents);
        for (int i = 0; i < latents; i++) {
            float[] x = unit(random);
            float[] y = unit(random);
            if (i % 2 == 0) {
                y = sum(x, 0.8f, y, 0.6f);
            } else if (duplicates) {
                x = sum(centre, 1, x, 0.3f);
            }
            rowsA[i] = x;
            rowsB[order[i]] = y;
        }
        NpyFile.write(folder.resolve("a.npy"), rowsA);
        NpyFile.write(folder.resolve("b.npy"), rowsB);
        a = Matrix.copyOf(rowsA);
        b = Matrix.copyOf(rowsB);
    }

    private static float[] unit(Cases.Random random) {
        float[] x = random.floats(WIDTH);
        double squares = 0;
        for (float v : x) {
            squares += (double) v * v;
        }
        return sum(x, (float) (1 / Math.sqrt(squares)), x, 0);
    }

    private static float[] sum(float[] x, float f, float[] y, float g) {
        float[] z = new float[x.length];
        for (int c = 0; c < z.length; c++) {
            z[c] = f * x[c] + g * y[c];
        }
        return z;
    }

    @Override
    public Measured run() {
        long start = System.nanoTime();
        SaeMatcher.Pairing pairing =
                SaeMatcher.pair(Objects.requireNonNull(a), Objects.requireNonNull(b), Progress.silent());
        double seconds = (System.nanoTime() - start) / 1e9;
        double total = 0;
        for (float c : pairing.cosine()) {
            total += c;
        }
        found = String.format(
                java.util.Locale.ROOT,
                "; %.1f s, gap %.2g, peak memory of the process with its data %s",
                seconds,
                pairing.gap(),
                Fmt.bytes(ProcessMemory.peakBytes()));
        return new Measured(latents, seconds, total);
    }

    @Override
    public void close() {}
}
