package dev.loupe.compare;

import dev.loupe.base.Fmt;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeProvenance;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/** Matches the latents of two SAEs, exactly; see {@link Matching} for what is computed. */
public final class SaeMatcher {
    private static final int CURVE_STEPS = 100;

    private SaeMatcher() {}

    /**
     * Matches two SAEs that read and write vectors of the same widths; their numbers of latents may differ.
     *
     * @param threshold least cosine of a shared pair, 0 to 1
     * @throws UsageException if the widths differ, or the matrices of cosines do not fit into memory
     */
    public static Matching match(Sae a, Sae b, double threshold, Progress progress) {
        if (a.dIn() != b.dIn() || a.dOut() != b.dOut()) {
            throw new UsageException("The SAEs " + a.name() + " and " + b.name() + " cannot be compared: one reads "
                    + a.dIn() + " and writes " + a.dOut() + " values per token, the other " + b.dIn() + " and "
                    + b.dOut() + ".");
        }
        if (!(threshold >= 0 && threshold <= 1)) {
            throw new UsageException("The threshold of a shared pair is a cosine from 0 to 1, not " + threshold + ".");
        }
        checkMemory(a, b);
        progress.stage("match " + a.name() + " with " + b.name(), 2L * Math.min(a.dSae(), b.dSae()), "pairs");
        AtomicInteger[] done = {new AtomicInteger(), new AtomicInteger()};
        Side[] sides = new Side[2];
        Parallel.run(
                2,
                s -> sides[s] = Side.of(
                        s == 0 ? a.decoderRows() : a.encoderRows(),
                        s == 0 ? b.decoderRows() : b.encoderRows(),
                        count -> {
                            progress.check();
                            done[s].set(count);
                            progress.advance((long) done[0].get() + done[1].get());
                        }));
        return assemble(a, b, threshold, sides[0], sides[1]);
    }

    private static void checkMemory(Sae a, Sae b) {
        long needed = 2L * Float.BYTES * a.dSae() * b.dSae();
        Runtime runtime = Runtime.getRuntime();
        long free = runtime.maxMemory() - (runtime.totalMemory() - runtime.freeMemory());
        if (needed > free - free / 8) {
            throw new UsageException("Matching " + a.dSae() + " with " + b.dSae() + " latents exactly needs "
                    + Fmt.bytes(needed) + " for the cosines, but " + Fmt.bytes(free)
                    + " are free: give Java more memory (-Xmx) or compare narrower SAEs.");
        }
    }

    /** Rows of one kind of both SAEs, assigned to each other. */
    private record Side(
            int[] match, float[] cosine, double gap, int[] nearestA, float[] cosineA, int[] nearestB, float[] cosineB) {

        static Side of(Matrix a, Matrix b, IntConsumer progress) {
            int n = Math.toIntExact(a.rows());
            int m = Math.toIntExact(b.rows());
            float[][] cosines = Cosines.all(a, b);
            int[] nearestA = new int[n];
            float[] cosineA = new float[n];
            int[] nearestB = new int[m];
            float[] cosineB = new float[m];
            Arrays.fill(cosineA, Float.NEGATIVE_INFINITY);
            Arrays.fill(cosineB, Float.NEGATIVE_INFINITY);
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < m; j++) {
                    float c = cosines[i][j];
                    if (c > cosineA[i]) {
                        cosineA[i] = c;
                        nearestA[i] = j;
                    }
                    if (c > cosineB[j]) {
                        cosineB[j] = c;
                        nearestB[j] = i;
                    }
                }
            }
            boolean flip = n > m;
            Assignment best = Assignment.maximise(flip ? transposed(cosines, m) : cosines, Math.max(n, m), progress);
            int[] match = new int[n];
            Arrays.fill(match, -1);
            int[] partner = best.columns();
            for (int i = 0; i < partner.length; i++) {
                match[flip ? partner[i] : i] = flip ? i : partner[i];
            }
            float[] cosine = new float[n];
            for (int i = 0; i < n; i++) {
                cosine[i] = match[i] < 0 ? 0 : cosines[i][match[i]];
            }
            return new Side(match, cosine, best.gap(), nearestA, cosineA, nearestB, cosineB);
        }

        private static float[][] transposed(float[][] x, int cols) {
            float[][] t = new float[cols][x.length];
            for (int i = 0; i < x.length; i++) {
                for (int j = 0; j < cols; j++) {
                    t[j][i] = x[i][j];
                }
            }
            return t;
        }

        double meanCosine() {
            double sum = 0;
            int pairs = 0;
            for (int i = 0; i < match.length; i++) {
                if (match[i] >= 0) {
                    sum += cosine[i];
                    pairs++;
                }
            }
            return sum / pairs;
        }
    }

    private static Matching assemble(Sae a, Sae b, double threshold, Side dec, Side enc) {
        int n = a.dSae();
        int pairs = Math.min(n, b.dSae());
        int agree = 0;
        for (int i = 0; i < n; i++) {
            agree += dec.match[i] >= 0 && dec.match[i] == enc.match[i] ? 1 : 0;
        }
        List<Matching.CurvePoint> curve = new ArrayList<>();
        for (int s = 0; s <= CURVE_STEPS; s++) {
            curve.add(point((double) s / CURVE_STEPS, dec, enc));
        }
        int shared = point(threshold, dec, enc).shared();
        return new Matching(
                Matching.FORMAT,
                a.name(),
                b.name(),
                threshold,
                shared,
                n - shared,
                b.dSae() - shared,
                Math.max(dec.gap, enc.gap),
                dec.match,
                dec.cosine,
                enc.match,
                enc.cosine,
                dec.nearestA,
                dec.cosineA,
                dec.nearestB,
                dec.cosineB,
                mean(dec.cosineA),
                mean(dec.cosineB),
                dec.meanCosine(),
                enc.meanCosine(),
                (double) agree / pairs,
                curve,
                notes(a.provenance(), b.provenance()));
    }

    private static Matching.CurvePoint point(double tau, Side dec, Side enc) {
        int shared = 0;
        int both = 0;
        int nearest = 0;
        for (int i = 0; i < dec.match.length; i++) {
            boolean cosines = dec.match[i] >= 0 && enc.match[i] >= 0 && dec.cosine[i] >= tau && enc.cosine[i] >= tau;
            both += cosines ? 1 : 0;
            shared += cosines && dec.match[i] == enc.match[i] ? 1 : 0;
            nearest += dec.cosineA[i] >= tau ? 1 : 0;
        }
        return new Matching.CurvePoint(tau, shared, both, nearest);
    }

    private static double mean(float[] values) {
        double sum = 0;
        for (float v : values) {
            sum += v;
        }
        return sum / values.length;
    }

    /** What the figures depend on: a seed comparison means equal data in equal order. */
    private static List<String> notes(SaeProvenance a, SaeProvenance b) {
        if (a.storeFingerprint() == null || b.storeFingerprint() == null) {
            return List.of("training data of at least one SAE unknown");
        }
        List<String> notes = new ArrayList<>();
        boolean sameData = a.storeFingerprint().equals(b.storeFingerprint());
        boolean sameHook = Objects.equals(a.hook(), b.hook());
        notes.add(!sameHook ? "different hook points" : sameData ? "same activations" : "different activations");
        if (sameData && sameHook) {
            notes.add(a.dataSeed() == b.dataSeed() && a.batch() == b.batch() ? "same data order" : "other data order");
        }
        notes.add(a.seed() == b.seed() ? "same seed of the initial weights" : "other initial weights");
        if (!Objects.equals(a.architecture(), b.architecture())) {
            notes.add("different architectures");
        }
        return notes;
    }
}
