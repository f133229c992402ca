package dev.loupe.compare;

import dev.loupe.base.Progress;
import java.util.Arrays;

/**
 * The assignment of all rows of A to rows of B with the largest total cosine, without ever holding all cosines: an exact
 * solution on the largest cosines of every row and column, then a proof over <em>all</em> pairs ({@link Pricing}). Pairs
 * that the proof finds missing are added and the problem is solved again, until the proven gap is small enough. So the
 * result is never approximate without saying by how much.
 *
 * @param columnOf the partner of every row of A
 * @param cosine of the two
 * @param total of all cosines
 * @param bound no assignment has a larger total
 * @param rounds of solving and proving
 * @param pairs listed at the end
 * @param candidates the lists of the first pass, for nearest partners
 */
record CertifiedAssignment(
        int[] columnOf, float[] cosine, double total, double bound, int rounds, long pairs, Candidates candidates) {

    /** Listed partners of each row and of each column in the first pass. */
    static final int LISTED = 32;

    /** Missing pairs that a round adds per row and per column. */
    private static final int ADDED = 8;

    /** What a row is thought to be worth without a partner, below its least listed cosine. */
    private static final double ALONE = 0.2;

    /** The proven gap, as a share of the bound. */
    double gap() {
        return gap(total, bound);
    }

    /** Relative to the bound; a total of nothing is exact up to rounding. */
    static double gap(double total, double bound) {
        return Math.max(0, (bound - total) / Math.max(Math.abs(bound), 1e-6));
    }

    /**
     * Solves.
     *
     * @param a at most as many rows as b
     * @param tolerance largest gap allowed; 0 for an optimal result
     */
    static CertifiedAssignment solve(
            UnitRows a, UnitRows b, int listed, double tolerance, CandidateFile kept, Progress progress) {
        int n = a.size();
        int m = b.size();
        if (n > m) {
            throw new IllegalArgumentException(n + " rows for " + m + " columns");
        }
        Candidates candidates = Candidates.of(a, b, Math.min(listed, m), kept, progress);
        EdgeList list = new EdgeList();
        candidates.addTo(list);
        EdgeList.ByRow edges = list.arrange(n, m);
        SparseAssignment solved = new SparseAssignment(edges, m, alone(edges), new double[m], fill(new int[n], -1));
        progress.stage("assign", n, "latents");
        solved.solve(done(progress));
        EdgeList.ByRow completion = Completion.of(a, b, solved, listed, progress);
        double[] never = new double[n];
        Arrays.fill(never, Double.NEGATIVE_INFINITY);
        for (int round = 1; ; round++) {
            if (completion.columns().length > 0) {
                EdgeList more = EdgeList.of(edges);
                more.addAll(completion);
                int before = edges.columns().length;
                edges = more.arrange(n, m);
                if (round > 1 && edges.columns().length == before) {
                    throw new IllegalStateException("a proof found pairs missing that are listed");
                }
                // a column without a row must cost nothing: prices are kept only where every column gets a row
                boolean square = n == m;
                solved = new SparseAssignment(
                        edges,
                        m,
                        never,
                        square ? solved.w : new double[m],
                        square ? solved.columnOf : fill(new int[n], -1));
                progress.stage("assign, round " + round, n, "latents");
                solved.solve(done(progress));
            }
            float[] cosine = chosen(edges, solved.columnOf);
            double total = sum(cosine);
            Pricing.Bound bound = new Pricing(a, b, candidates, solved.u, solved.w, ADDED)
                    .bound(x -> gap(total, x) <= tolerance, progress);
            if (gap(total, bound.bound()) <= tolerance || bound.found().columns().length == 0) {
                return new CertifiedAssignment(
                        solved.columnOf, cosine, total, bound.bound(), round, edges.columns().length, candidates);
            }
            completion = bound.found();
        }
    }

    private static java.util.function.IntConsumer done(Progress progress) {
        return i -> {
            progress.check();
            progress.advance(i);
        };
    }

    static double[] alone(EdgeList.ByRow edges) {
        double[] alone = new double[edges.rows()];
        for (int i = 0; i < alone.length; i++) {
            double least = 0;
            for (int e = edges.start()[i]; e < edges.start()[i + 1]; e++) {
                least = Math.min(least, edges.values()[e]);
            }
            alone[i] = least - ALONE;
        }
        return alone;
    }

    private static double sum(float[] values) {
        double sum = 0;
        for (float v : values) {
            sum += v;
        }
        return sum;
    }

    private static float[] chosen(EdgeList.ByRow edges, int[] columnOf) {
        float[] cosine = new float[columnOf.length];
        for (int i = 0; i < cosine.length; i++) {
            for (int e = edges.start()[i]; e < edges.start()[i + 1]; e++) {
                if (edges.columns()[e] == columnOf[i]) {
                    cosine[i] = edges.values()[e];
                }
            }
        }
        return cosine;
    }

    private static int[] fill(int[] array, int value) {
        Arrays.fill(array, value);
        return array;
    }
}
