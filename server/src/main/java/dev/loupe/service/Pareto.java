package dev.loupe.service;

/** Which of several points cannot be bettered in one value without getting worse in the other; less is better in both. */
public final class Pareto {
    private Pareto() {}

    /** For each point whether no other one is at least as good in both and better in one; points with a NaN are not. */
    public static boolean[] front(double[] x, double[] y) {
        boolean[] front = new boolean[x.length];
        for (int i = 0; i < front.length; i++) {
            front[i] = Double.isFinite(x[i]) && Double.isFinite(y[i]);
            for (int j = 0; front[i] && j < front.length; j++) {
                // a comparison with NaN is false
                front[i] = !(x[j] <= x[i] && y[j] <= y[i] && (x[j] < x[i] || y[j] < y[i]));
            }
        }
        return front;
    }
}
