package dev.loupe.compare;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeDirections;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Matches the latents of two SAEs; see {@link Matching} for what is computed. Up to {@link #DENSE_WIDTH} latents the
 * assignments are optimal, above they are proven to lack at most {@link #TOLERANCE} of the total.
 */
public final class SaeMatcher {
    /** Up to this width all cosines are held and the assignment is optimal. */
    public static final int DENSE_WIDTH = 8192;

    /** Largest proven gap of wider ones, as a share of the total cosine. */
    public static final double TOLERANCE = 1e-4;

    private static final int CURVE_STEPS = 100;
    private static final double CHECKPOINT_SECONDS = 30;

    private SaeMatcher() {}

    /**
     * Matches two SAEs that read and write vectors of the same widths; their numbers of latents may differ.
     *
     * @param threshold least cosine of a shared pair, 0 to 1
     * @throws UsageException if the widths differ
     */
    public static Matching match(Sae a, Sae b, double threshold, Progress progress) {
        return match(a, b, threshold, null, progress);
    }

    /**
     * The same, keeping the finished part of a long pass over cosines in a folder, so that a killed match goes on from
     * there. It stays until {@link #forget}, which is for whoever has saved the result: until then it may be needed again.
     *
     * @param keep where; null to keep nothing
     */
    public static Matching match(Sae a, Sae b, double threshold, @Nullable Path keep, Progress progress) {
        return match(SaeDirections.of(a), SaeDirections.of(b), threshold, keep, progress);
    }

    /** The same of directions, which may lie on disk: above {@link #DENSE_WIDTH} they are read in blocks. */
    public static Matching match(
            SaeDirections a, SaeDirections b, double threshold, @Nullable Path keep, Progress progress) {
        Comparability.checkWidths(a, b);
        if (!(threshold >= 0 && threshold <= 1)) {
            throw new UsageException("The threshold of a shared pair is a cosine from 0 to 1, not " + threshold + ".");
        }
        Side[] sides = new Side[2];
        String names = a.name() + " with " + b.name();
        if (dense(a, b)) {
            progress.stage("match " + names, 2L * Math.min(a.dSae(), b.dSae()), "pairs");
            AtomicInteger[] done = {new AtomicInteger(), new AtomicInteger()};
            Parallel.run(
                    2,
                    s -> sides[s] = Side.dense(rows(a, s), rows(b, s), count -> {
                        progress.check();
                        done[s].set(count);
                        progress.advance((long) done[0].get() + done[1].get());
                    }));
        } else {
            double tolerance = narrow(a, b) ? 0 : TOLERANCE; // where only the memory is short, the result is as good
            for (int s = 0; s < 2; s++) {
                String stage = (s == 0 ? "decoders of " : "encoders of ") + names + ": ";
                CandidateCheckpoint kept = keep == null
                        ? null
                        : new CandidateCheckpoint(
                                kept(keep, a.name(), b.name(), s), rows(a, s), rows(b, s), CHECKPOINT_SECONDS);
                sides[s] = Side.certified(
                        rows(a, s),
                        rows(b, s),
                        tolerance,
                        kept == null ? CandidateFile.NONE : kept,
                        prefixed(progress, stage));
            }
        }
        return assemble(a, b, threshold, sides[0], sides[1]);
    }

    /**
     * Rows assigned to rows.
     *
     * @param match per row of A its partner, or −1
     * @param cosine of the two, 0 without a partner
     * @param gap proven bound on what the total lacks, as a share
     */
    public record Pairing(int[] match, float[] cosine, double gap) {}

    /** Assigns the rows of any two matrices of equal width, as {@link #match} does for decoders and for encoders. */
    public static Pairing pair(Matrix a, Matrix b, Progress progress) {
        if (a.cols() != b.cols()) {
            throw new UsageException("Rows of " + a.cols() + " and of " + b.cols() + " values have no cosine.");
        }
        boolean narrow = a.rows() * b.rows() <= (long) DENSE_WIDTH * DENSE_WIDTH;
        Side side = narrow
                ? Side.dense(a, b, count -> progress.check())
                : Side.certified(a, b, TOLERANCE, CandidateFile.NONE, progress);
        return new Pairing(side.match(), side.cosine(), side.gap());
    }

    /** Where the finished part of a pass over the cosines of a side is kept. */
    static Path kept(Path folder, String a, String b, int side) {
        return folder.resolve(".cosines-" + a + "--" + b + (side == 0 ? "-dec" : "-enc"));
    }

    /** Whether all cosines of a pair are listed in a folder already. */
    public static boolean isListed(Path folder, String a, String b) {
        return Files.isRegularFile(kept(folder, a, b, 0)) && Files.isRegularFile(kept(folder, a, b, 1));
    }

    /** The files of such lists. */
    public static List<Path> lists(Path folder, String a, String b) {
        return List.of(kept(folder, a, b, 0), kept(folder, a, b, 1));
    }

    /** Deletes such files, if there are any: the result of the pair is saved. */
    public static void forget(Path folder, String a, String b) {
        for (Path file : lists(folder, a, b)) {
            AtomicFiles.delete(file);
        }
    }

    static Matrix rows(SaeDirections sae, int side) {
        return side == 0 ? sae.decoderRows() : sae.encoderRows();
    }

    /** Whether all cosines of both sides are small enough to be held: then the result is optimal, not only nearly. */
    private static boolean dense(SaeDirections a, SaeDirections b) {
        Runtime runtime = Runtime.getRuntime();
        long free = runtime.maxMemory() - (runtime.totalMemory() - runtime.freeMemory());
        return narrow(a, b) && 2L * Float.BYTES * a.dSae() * b.dSae() <= free - free / 4;
    }

    private static boolean narrow(SaeDirections a, SaeDirections b) {
        return (long) a.dSae() * b.dSae() <= (long) DENSE_WIDTH * DENSE_WIDTH;
    }

    private static Progress prefixed(Progress progress, String prefix) {
        return new Progress() {
            @Override
            public void stage(String name, long total, String unit) {
                progress.stage(prefix + name, total, unit);
            }

            @Override
            public void advance(long done) {
                progress.advance(done);
            }

            @Override
            public boolean cancelled() {
                return progress.cancelled();
            }
        };
    }

    private static Matching assemble(SaeDirections a, SaeDirections b, double threshold, Side dec, Side enc) {
        int n = a.dSae();
        int pairs = Math.min(n, b.dSae());
        int agree = 0;
        for (int i = 0; i < n; i++) {
            agree += dec.match()[i] >= 0 && dec.match()[i] == enc.match()[i] ? 1 : 0;
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
                Math.max(dec.gap(), enc.gap()),
                dec.match(),
                dec.cosine(),
                enc.match(),
                enc.cosine(),
                dec.nearestA(),
                dec.cosineA(),
                dec.nearestB(),
                dec.cosineB(),
                mean(dec.cosineA()),
                mean(dec.cosineB()),
                dec.meanCosine(),
                enc.meanCosine(),
                (double) agree / pairs,
                curve,
                Comparability.notes(a, b));
    }

    private static Matching.CurvePoint point(double tau, Side dec, Side enc) {
        int shared = 0;
        int both = 0;
        int nearest = 0;
        for (int i = 0; i < dec.match().length; i++) {
            boolean cosines =
                    dec.match()[i] >= 0 && enc.match()[i] >= 0 && dec.cosine()[i] >= tau && enc.cosine()[i] >= tau;
            both += cosines ? 1 : 0;
            shared += cosines && dec.match()[i] == enc.match()[i] ? 1 : 0;
            nearest += dec.cosineA()[i] >= tau ? 1 : 0;
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
}
