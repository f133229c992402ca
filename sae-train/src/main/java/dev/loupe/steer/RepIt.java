package dev.loupe.steer;

import dev.loupe.base.UsageException;
import dev.loupe.math.DoubleOps;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Isolates a steering vector from others (RepIt, arXiv 2509.13281): what it shares with the directions of concepts that
 * should stay as they are is taken out, in the metric in which those directions are white.
 *
 * <pre>
 * R_w = rows r_j / (‖r_j‖ + 1e-6)       C = R_wᵀ R_w / n + λ I,  λ = 1e-4 mean(R_w²) + 1e-12,  C = L Lᵀ
 * u = L⁻¹ v,  Q = orthonormal basis of the L⁻¹ r_j       u' = u − α Q Qᵀ u,  α = 1 − √(1 − ρ)       v' = L u'
 * </pre>
 *
 * A direction whose residual after those before it has a sine below {@value #REDUNDANT} is dropped: it adds noise only.
 */
public final class RepIt {
    /** The share of projected energy that is removed unless another is chosen. */
    public static final double RHO = 0.75;

    private static final double REDUNDANT = 0.25;
    private static final double SIDE_EFFECT = 0.101;

    private final double[][] chol;
    private final double[][] basis;
    private final List<Integer> dropped;
    private final double[] target;

    /**
     * An isolated vector.
     *
     * @param values v′
     * @param rho the share of projected energy that was removed
     * @param shared ‖QQᵀu‖² / ‖u‖² before: how much of the vector the others explained
     * @param dropped numbers of the other directions that were redundant
     * @param coordinates coordinates by how much the correction v′ − v changes them, those first that together carry 90 %
     *     of its square
     */
    public record Isolated(
            float[] values, double rho, double shared, List<Integer> dropped, List<Integer> coordinates) {}

    private RepIt(double[][] chol, double[][] basis, List<Integer> dropped, double[] target) {
        this.chol = chol;
        this.basis = basis;
        this.dropped = dropped;
        this.target = target;
    }

    /**
     * Prepares an isolation.
     *
     * @param target v {@code [d]}
     * @param others the directions to keep unchanged, at least one, each {@code [d]}
     * @throws UsageException if the widths differ, a number is not finite or nothing is to be kept
     */
    public static RepIt of(float[] target, List<float[]> others) {
        if (others.isEmpty()) {
            throw new UsageException("Isolating a vector needs at least one other that should stay unchanged.");
        }
        int d = target.length;
        double[][] rows = new double[others.size()][];
        for (int j = 0; j < rows.length; j++) {
            rows[j] = finite(others.get(j), d);
        }
        double[][] chol = cholesky(covariance(rows, d));
        List<double[]> basis = new ArrayList<>();
        List<Integer> dropped = new ArrayList<>();
        for (int j = 0; j < rows.length; j++) {
            double[] u = solveLower(chol, rows[j]);
            double before = norm(u);
            for (int twice = 0; twice < 2; twice++) { // once more for rounding
                for (double[] q : basis) {
                    axpy(-DoubleOps.dot(q, u), q, u);
                }
            }
            double after = norm(u);
            if (!(before > 0) || after / before < REDUNDANT) {
                dropped.add(j);
                continue;
            }
            double inverse = 1 / after;
            basis.add(IntStream.range(0, d).mapToDouble(i -> u[i] * inverse).toArray());
        }
        return new RepIt(chol, basis.toArray(new double[0][]), List.copyOf(dropped), finite(target, d));
    }

    /**
     * The vector with a share of what it has in common with the others removed.
     *
     * @param rho 0 (nothing changes) to 1 (nothing in common is left)
     */
    public Isolated isolate(double rho) {
        if (!(rho >= 0 && rho <= 1)) {
            throw new UsageException("rho is the share that is removed, 0 to 1, not " + rho + ".");
        }
        double[] u = solveLower(chol, target);
        double alpha = 1 - Math.sqrt(1 - rho);
        double[] left = u.clone();
        double shared = 0;
        for (double[] q : basis) {
            double along = DoubleOps.dot(q, u);
            shared += along * along;
            axpy(-alpha * along, q, left);
        }
        double[] back = rho == 0 ? target : multiplyLower(chol, left);
        float[] values = new float[back.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) back[i];
        }
        double all = DoubleOps.dot(u, u);
        return new Isolated(values, rho, all > 0 ? shared / all : 0, dropped, carriers(back));
    }

    /**
     * The share of a grid with the largest effect on the target whose effect on the others stays at most 0.1; if there is
     * none, the largest share.
     *
     * @param grid shares to try
     * @param onTarget effect of a vector on what it is for, more is better
     * @param onOthers its effect on what should stay, 0 to 1
     */
    public Isolated choose(double[] grid, ToDoubleFunction<float[]> onTarget, ToDoubleFunction<float[]> onOthers) {
        Isolated best = null;
        double effect = Double.NEGATIVE_INFINITY;
        Isolated last = isolate(0);
        for (double rho : grid) {
            Isolated tried = isolate(rho);
            last = rho >= last.rho() ? tried : last;
            double on = onTarget.applyAsDouble(tried.values());
            if (on > effect && onOthers.applyAsDouble(tried.values()) <= SIDE_EFFECT) {
                best = tried;
                effect = on;
            }
        }
        return best == null ? last : best;
    }

    /**
     * The cosine between a vector and the span of the others in the white metric, ‖QQᵀu‖ / ‖u‖. It is small where the
     * vector has much that none of the others have, because those dimensions weigh most there.
     */
    public double common(float[] vector) {
        double[] u = solveLower(chol, finite(vector, target.length));
        return Math.sqrt(projected(u) / DoubleOps.dot(u, u));
    }

    /** The energy ‖QQᵀu‖² of a vector along the others, as a share of that of the target: 1 − ρ for an isolated one. */
    public double left(float[] vector) {
        return projected(solveLower(chol, finite(vector, target.length))) / projected(solveLower(chol, target));
    }

    private double projected(double[] u) {
        double sum = 0;
        for (double[] q : basis) {
            sum += Math.pow(DoubleOps.dot(q, u), 2);
        }
        return sum;
    }

    private List<Integer> carriers(double[] values) {
        double[] change = new double[values.length];
        double all = 0;
        for (int i = 0; i < values.length; i++) {
            change[i] = Math.pow(values[i] - target[i], 2);
            all += change[i];
        }
        List<Integer> order = IntStream.range(0, values.length)
                .boxed()
                .sorted((a, b) -> Double.compare(change[b], change[a]))
                .toList();
        double sum = 0;
        int n = 0;
        while (n < order.size() && sum < 0.9 * all) {
            sum += change[order.get(n++)];
        }
        return List.copyOf(order.subList(0, n));
    }

    private static double[][] covariance(double[][] rows, int d) {
        double[][] c = new double[d][d];
        double squares = 0;
        for (double[] r : rows) {
            double w = 1 / (norm(r) + 1e-6);
            for (int i = 0; i < d; i++) {
                double wi = w * r[i];
                squares += wi * wi;
                for (int j = 0; j <= i; j++) {
                    c[i][j] += wi * w * r[j] / rows.length;
                }
            }
        }
        double ridge = 1e-4 * squares / ((double) rows.length * d) + 1e-12;
        for (int i = 0; i < d; i++) {
            c[i][i] += ridge;
        }
        return c;
    }

    /** The lower triangle L with L Lᵀ = c, in place; c is positive definite by its ridge. */
    private static double[][] cholesky(double[][] c) {
        for (int i = 0; i < c.length; i++) {
            for (int j = 0; j <= i; j++) {
                double sum = c[i][j];
                for (int k = 0; k < j; k++) {
                    sum -= c[i][k] * c[j][k];
                }
                c[i][j] = i == j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / c[j][j];
            }
        }
        return c;
    }

    private static double[] solveLower(double[][] l, double[] b) {
        double[] x = new double[b.length];
        for (int i = 0; i < b.length; i++) {
            double sum = b[i];
            for (int j = 0; j < i; j++) {
                sum -= l[i][j] * x[j];
            }
            x[i] = sum / l[i][i];
        }
        return x;
    }

    private static double[] multiplyLower(double[][] l, double[] x) {
        double[] b = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            for (int j = 0; j <= i; j++) {
                b[i] += l[i][j] * x[j];
            }
        }
        return b;
    }

    private static double[] finite(float[] v, int d) {
        if (v.length != d) {
            throw new UsageException(
                    "The vectors have " + d + " and " + v.length + " numbers; give vectors of one hook.");
        }
        double[] wide = new double[d];
        for (int i = 0; i < d; i++) {
            if (!Float.isFinite(v[i])) {
                throw new UsageException("A vector holds NaN or an infinity at " + i + ".");
            }
            wide[i] = v[i];
        }
        return wide;
    }

    private static double norm(double[] a) {
        return Math.sqrt(DoubleOps.dot(a, a));
    }

    private static void axpy(double by, double[] x, double[] y) {
        for (int i = 0; i < x.length; i++) {
            y[i] += by * x[i];
        }
    }
}
