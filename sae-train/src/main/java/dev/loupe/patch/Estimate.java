package dev.loupe.patch;

import dev.loupe.model.HookPoint;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;

/** Estimated effects of one pair. */
interface Estimate {
    /** Of a cell. */
    double cell(Site site, int row, int column);

    /** Of a neuron or latent, by position. */
    double[] node(Nodes.Candidate node);

    /** (clean − corrupt) · coefficient, with one set of coefficients for everything. */
    record Linear(Map<HookPoint, float[][]> coefficients) implements Estimate {
        @Override
        public double cell(Site site, int row, int column) {
            return site.estimate(row, column, of(site.hook(row)));
        }

        @Override
        public double[] node(Nodes.Candidate node) {
            return node.scores(of(node.hook()));
        }

        private float[][] of(HookPoint hook) {
            return Objects.requireNonNull(coefficients.get(hook));
        }
    }

    /** The same with coefficients of their own for every site and hook. */
    record PerSite(BiFunction<String, HookPoint, float[][]> coefficients) implements Estimate {
        @Override
        public double cell(Site site, int row, int column) {
            return site.estimate(row, column, coefficients.apply(site.name(), site.hook(row)));
        }

        @Override
        public double[] node(Nodes.Candidate node) {
            return node.scores(coefficients.apply(node.site(), node.hook()));
        }
    }

    /**
     * GradDrop: Σ_l |score with layer l dropped| / (L − 1). A node's own layer adds nothing, which is why one less
     * than L is divided by.
     */
    record Dropped(List<? extends Estimate> byLayer) implements Estimate {
        @Override
        public double cell(Site site, int row, int column) {
            double sum = 0;
            for (Estimate e : byLayer) {
                sum += Math.abs(e.cell(site, row, column));
            }
            return sum / Math.max(1, byLayer.size() - 1);
        }

        @Override
        public double[] node(Nodes.Candidate node) {
            double[] sum = new double[node.clean().length];
            for (Estimate e : byLayer) {
                double[] scores = e.node(node);
                for (int p = 0; p < sum.length; p++) {
                    sum[p] += Math.abs(scores[p]) / Math.max(1, byLayer.size() - 1);
                }
            }
            return sum;
        }
    }

    /**
     * The QK fix: cells of queries and keys take the exact change of the pattern.
     *
     * @param change hook of queries or keys → [query position][head · key] change of that layer's pattern when they are
     *     patched
     * @param patterns the layer's gradient of the pattern, by the hook of queries or keys
     * @param rest everything else
     * @param heads query heads
     */
    record Fixed(Map<HookPoint, float[][]> change, Map<HookPoint, float[][]> patterns, Estimate rest, int heads)
            implements Estimate {
        @Override
        public double cell(Site site, int row, int column) {
            float[][] d = change.get(site.hook(row));
            if (d == null) {
                return rest.cell(site, row, column);
            }
            float[][] g = Objects.requireNonNull(patterns.get(site.hook(row)));
            int keys = d[0].length / heads;
            int group = heads / site.columns(); // query heads that share a key head
            double sum = 0;
            for (int p = 0; p < d.length; p++) {
                for (int i = column * group * keys; i < (column + 1) * group * keys; i++) {
                    sum += (double) d[p][i] * g[p][i];
                }
            }
            return sum;
        }

        @Override
        public double[] node(Nodes.Candidate node) {
            return rest.node(node);
        }
    }
}
