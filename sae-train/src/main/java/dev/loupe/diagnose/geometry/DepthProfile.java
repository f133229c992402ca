package dev.loupe.diagnose.geometry;

import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Algebra;
import dev.loupe.diagnose.Covariance;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.ModelPass;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.DoubleOps;
import dev.loupe.model.HookPoint;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The residual stream as a path through depth (Fernando and Guitchounts, "Transformer Dynamics: A neuroscientific approach
 * to interpretability of large language models", arXiv 2502.12131).
 */
public final class DepthProfile implements Diagnostic {
    private static final long TOKENS = 16_384;

    @Override
    public About about() {
        return About.of(
                "depth-profile",
                Topic.GEOMETRY,
                "How does the residual stream travel from the first layer to the last?",
                "h_0, h_1, ...: the residual stream before attention and before the MLP of each block, and at the end."
                        + " Velocity: |h_l+1 − h_l| / |h_l|. Curvature: 1 − cos(h_l+1 − h_l, h_l+2 − h_l+1). Unit"
                        + " correlation: Pearson over tokens of one dimension in h_l and h_l+1, mean over dimensions."
                        + " Participation ratio of the covariance of h_l: (sum of eigenvalues)^2 / sum of their squares."
                        + " Path: the mean of h_l in the plane of its two main directions.",
                Set.of(Need.MODEL),
                Source.paper(
                                "Transformer Dynamics: A neuroscientific approach to interpretability of large language"
                                        + " models",
                                "arXiv 2502.12131")
                        .but("The paper's equations were not at hand; these forms of its quantities are defined"
                                + " above."));
    }

    /** The hook points of the path: before attention and before the MLP of every block, and the end. */
    static List<HookPoint> path(Subject subject) {
        List<HookPoint> all = new ArrayList<>();
        Set<String> there = new HashSet<>();
        subject.model().hooks().forEach(h -> there.add(h.name()));
        int n = subject.model().config().nLayers();
        for (int l = 0; l < n; l++) {
            all.add(HookPoint.residPre(l));
            if (there.contains(HookPoint.residMid(l).name())) { // blocks whose parts run side by side have none
                all.add(HookPoint.residMid(l));
            }
        }
        all.add(HookPoint.residPost(n - 1));
        return all;
    }

    @Override
    public Study begin(Subject subject) {
        return new Following(path(subject));
    }

    private static final class Following extends SinglePass {
        private final List<HookPoint> hooks;
        private final double[] velocity;
        private final double[] curvature;
        private final Covariance[] covariances;
        private final double[][] cross; // Σ x_l x_{l+1} around the first row, by depth and unit
        private final float[][] origin;
        private final double[][] sums;
        private final double[][] squares;
        private long tokens;

        Following(List<HookPoint> hooks) {
            this.hooks = hooks;
            int n = hooks.size();
            velocity = new double[n - 1];
            curvature = new double[Math.max(0, n - 2)];
            covariances = new Covariance[n];
            cross = new double[n - 1][];
            origin = new float[n][];
            sums = new double[n][];
            squares = new double[n][];
        }

        @Override
        protected Wants all() {
            return Wants.model(hooks).upTo(TOKENS);
        }

        @Override
        public void see(ModelPass pass) {
            List<float[]>[] states = states(pass);
            for (int t = 0; t < states[0].size(); t++) {
                float[] before = new float[0];
                for (int l = 0; l < states.length; l++) {
                    float[] h = states[l].get(t);
                    add(l, h);
                    if (l + 1 < states.length) {
                        float[] next = states[l + 1].get(t);
                        float[] step = minus(next, h);
                        double length = Numbers.norm(h);
                        velocity[l] += length == 0 ? 0 : Numbers.norm(step) / length;
                        correlate(l, h, next);
                        if (l > 0) {
                            double norms = Numbers.norm(before) * Numbers.norm(step);
                            curvature[l - 1] += norms == 0 ? 0 : 1 - DoubleOps.dot(before, step) / norms;
                        }
                        before = step;
                    }
                }
                tokens++;
            }
        }

        @SuppressWarnings({"unchecked", "rawtypes"})
        private List<float[]>[] states(ModelPass pass) {
            List<float[]>[] states = new List[hooks.size()];
            for (int l = 0; l < states.length; l++) {
                List<float[]> rows = new ArrayList<>();
                pass.ordinary(hooks.get(l), (row, b, p) -> rows.add(row.clone()));
                states[l] = rows;
            }
            return states;
        }

        private void add(int l, float[] h) {
            if (origin[l] == null) {
                origin[l] = h;
                covariances[l] = new Covariance(h.length);
                sums[l] = new double[h.length];
                squares[l] = new double[h.length];
            }
            covariances[l].add(h);
            for (int j = 0; j < h.length; j++) {
                double x = (double) h[j] - origin[l][j];
                sums[l][j] += x;
                squares[l][j] += x * x;
            }
        }

        private void correlate(int l, float[] h, float[] next) {
            if (cross[l] == null) {
                cross[l] = new double[h.length];
            }
            float[] nextOrigin = origin[l + 1] == null ? next : origin[l + 1]; // the first token becomes it right after
            for (int j = 0; j < h.length; j++) {
                cross[l][j] += ((double) h[j] - origin[l][j]) * ((double) next[j] - nextOrigin[j]);
            }
        }

        /** Mean Pearson correlation of units between two depths; units that do not vary are left out. */
        private double correlation(int l) {
            double sum = 0;
            int n = 0;
            for (int j = 0; j < cross[l].length; j++) {
                double a = squares[l][j] - sums[l][j] * sums[l][j] / tokens;
                double b = squares[l + 1][j] - sums[l + 1][j] * sums[l + 1][j] / tokens;
                double c = cross[l][j] - sums[l][j] * sums[l + 1][j] / tokens;
                if (a > 0 && b > 0) {
                    sum += c / Math.sqrt(a * b);
                    n++;
                }
            }
            return n == 0 ? Double.NaN : sum / n;
        }

        private static float[] minus(float[] a, float[] b) {
            float[] c = new float[a.length];
            for (int j = 0; j < c.length; j++) {
                c[j] = a[j] - b[j];
            }
            return c;
        }

        @Override
        public Finding finding() {
            int n = hooks.size();
            double[] speed = Arrays.stream(velocity).map(v -> v / tokens).toArray();
            double[] bend = Arrays.stream(curvature).map(v -> v / tokens).toArray();
            double[] correlation = new double[n - 1];
            double[] ratio = new double[n];
            double[][] means = new double[n][];
            for (int l = 0; l < n; l++) {
                ratio[l] = covariances[l].participationRatio();
                means[l] = covariances[l].mean();
                if (l + 1 < n) {
                    correlation[l] = correlation(l);
                }
            }
            double[][] plane = plane(means);
            ResultTable table = ResultTable.of(
                    "step:whole:place on the path",
                    "hook:text:hook point",
                    "velocity:number:length of the next step over the length here; 0 at the end",
                    "curvature:number:1 - cosine of the step before and the step after; 0 at both ends",
                    "correlation:number:mean correlation of units with the next place; 0 at the end",
                    "participation:number:participation ratio of the covariance",
                    "path_x:number:mean state along the first main direction of means",
                    "path_y:number:along the second");
            for (int l = 0; l < n; l++) {
                table.row(
                        l,
                        hooks.get(l).name(),
                        l + 1 < n ? speed[l] : 0,
                        l > 0 && l + 1 < n ? bend[l - 1] : 0,
                        l + 1 < n ? correlation[l] : 0,
                        ratio[l],
                        plane[0][l],
                        plane[1][l]);
            }
            double late = Numbers.mean(Arrays.copyOfRange(correlation, correlation.length / 2, correlation.length));
            double early = Numbers.mean(Arrays.copyOf(correlation, Math.max(1, correlation.length / 2)));
            return new Finding(
                    "Units keep a correlation of " + Numbers.fixed(early, 2)
                            + " from place to place in the first half and "
                            + Numbers.fixed(late, 2) + " in the second; the states fill about "
                            + Numbers.fixed(ratio[n - 1], 1) + " directions at the end.",
                    Map.of(
                            "correlation_early",
                            early,
                            "correlation_late",
                            late,
                            "velocity",
                            Numbers.mean(speed),
                            "curvature",
                            bend.length == 0 ? 0 : Numbers.mean(bend),
                            "participation_end",
                            ratio[n - 1]),
                    table,
                    List.of(
                            Figure.curve(
                                            "Velocity, curvature and correlation",
                                            "place on the path",
                                            "value",
                                            List.of(
                                                    Figure.Series.byIndex("velocity", speed),
                                                    new Figure.Series("curvature", from1(bend.length), bend),
                                                    Figure.Series.byIndex("unit correlation", correlation)))
                                    .withLogY(),
                            Figure.curve(
                                    "Directions filled",
                                    "place on the path",
                                    "participation ratio",
                                    List.of(Figure.Series.byIndex("covariance", ratio))),
                            Figure.scatter(
                                    "Path of the mean state",
                                    "first direction",
                                    "second direction",
                                    List.of(new Figure.Series(
                                            "mean state",
                                            plane[0],
                                            plane[1],
                                            hooks.stream().map(HookPoint::name).toList())))));
        }

        private static double[] from1(int n) {
            double[] x = new double[n];
            Arrays.setAll(x, i -> i + 1);
            return x;
        }

        /** Mean states in their two main directions, from the Gram matrix of their differences to the centre. */
        private static double[][] plane(double[][] means) {
            int n = means.length;
            double[] centre = new double[means[0].length];
            for (double[] m : means) {
                for (int j = 0; j < centre.length; j++) {
                    centre[j] += m[j] / n;
                }
            }
            double[][] gram = new double[n][n];
            for (int a = 0; a < n; a++) {
                for (int b = 0; b < n; b++) {
                    for (int j = 0; j < centre.length; j++) {
                        gram[a][b] += (means[a][j] - centre[j]) * (means[b][j] - centre[j]);
                    }
                }
            }
            Algebra.Eigen e = Algebra.symmetric(gram);
            double[][] plane = new double[2][n];
            for (int c = 0; c < Math.min(2, n); c++) {
                double scale = Math.sqrt(Math.max(0, e.values()[c]));
                for (int a = 0; a < n; a++) {
                    plane[c][a] = e.vectors()[c][a] * scale;
                }
            }
            return plane;
        }
    }
}
