package dev.loupe.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.fixtures.Cases;
import java.util.HashSet;
import java.util.Set;
import org.jgrapht.alg.interfaces.MatchingAlgorithm;
import org.jgrapht.alg.matching.KuhnMunkresMinimalWeightBipartitePerfectMatching;
import org.jgrapht.graph.DefaultWeightedEdge;
import org.jgrapht.graph.SimpleWeightedGraph;
import org.junit.jupiter.api.Test;

class AssignmentTest {

    @Test
    void totalsEqualThoseOfJGraphTOnRandomAndAdversarialMatrices() {
        Cases.check(200, random -> {
            int n = 1 + random.nextInt(14);
            float[][] value = matrix(random, n, n);
            Assignment ours = Assignment.maximise(value, n, done -> {});
            assertOneToOne(ours, n, n);
            assertThat(ours.total()).isCloseTo(jgrapht(value), within(1e-5 * n));
            assertThat(ours.gap()).isBetween(0.0, 1e-9);
        });
    }

    @Test
    void totalsEqualTheBestOfAllPermutationsAlsoWhenWidthsDiffer() {
        Cases.check(300, random -> {
            int rows = 1 + random.nextInt(6);
            int cols = rows + random.nextInt(3);
            float[][] value = matrix(random, rows, cols);
            Assignment ours = Assignment.maximise(value, cols, done -> {});
            assertOneToOne(ours, rows, cols);
            assertThat(ours.total()).isCloseTo(bestOfAll(value, 0, new boolean[cols]), within(1e-6));
            assertThat(ours.gap()).isBetween(0.0, 1e-9);
        });
    }

    @Test
    void aPlantedPermutationIsFoundAtAWidthWhereOtherSolversGiveUp() {
        Cases.Random random = Cases.random();
        int n = 500;
        int[] planted = random.permutation(n);
        float[][] value = new float[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                value[i][j] = 0.3f * (float) random.nextGaussian();
            }
            value[i][planted[i]] += 5;
        }
        assertThat(Assignment.maximise(value, n, done -> {}).columns()).isEqualTo(planted);
    }

    @Test
    void theGapOfAnInferiorAssignmentIsWhatItLacks() {
        float[][] value = {{1, 0.9f}, {0.8f, 0}};
        Assignment best = Assignment.maximise(value, 2, done -> {});
        assertThat(best.total()).isCloseTo(1.7, within(1e-6));
        // the greedy choice of the first row is worth 1 + 0
        assertThat(Assignment.gap(value, 2, best.prices(), 1.0)).isCloseTo(0.7 / 1.7, within(1e-6));
    }

    @Test
    void anEmptyMatrixHasAnEmptyAssignment() {
        assertThat(Assignment.maximise(new float[0][], 3, done -> {}).columns()).isEmpty();
    }

    /** Random values, or ties, duplicates, dead rows, near-equal values, a chain that defeats greedy starts. */
    private static float[][] matrix(Cases.Random random, int rows, int cols) {
        float[][] value = random.matrix(rows, cols);
        int kind = random.index() % 7;
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < cols; j++) {
                value[i][j] = switch (kind) {
                    case 1 -> random.nextInt(3) - 1;
                    case 2 -> 0;
                    case 3 -> value[i / 2 * 2][j];
                    case 4 -> i % 3 == 0 ? 0 : value[i][j];
                    case 5 -> 1 - 1e-6f * random.nextInt(4);
                    case 6 -> -(i + 1f) * (j + 1f);
                    default -> value[i][j];
                };
            }
        }
        return value;
    }

    private static void assertOneToOne(Assignment a, int rows, int cols) {
        Set<Integer> used = new HashSet<>();
        for (int j : a.columns()) {
            assertThat(j).isBetween(0, cols - 1);
            assertThat(used.add(j)).isTrue();
        }
        assertThat(used).hasSize(rows);
    }

    private static double bestOfAll(float[][] value, int row, boolean[] taken) {
        if (row == value.length) {
            return 0;
        }
        double best = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < taken.length; j++) {
            if (!taken[j]) {
                taken[j] = true;
                best = Math.max(best, value[row][j] + bestOfAll(value, row + 1, taken));
                taken[j] = false;
            }
        }
        return best;
    }

    static double jgrapht(float[][] value) {
        int n = value.length;
        SimpleWeightedGraph<Integer, DefaultWeightedEdge> graph = new SimpleWeightedGraph<>(DefaultWeightedEdge.class);
        Set<Integer> left = new HashSet<>();
        Set<Integer> right = new HashSet<>();
        for (int i = 0; i < n; i++) {
            graph.addVertex(i);
            graph.addVertex(n + i);
            left.add(i);
            right.add(n + i);
        }
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                graph.setEdgeWeight(graph.addEdge(i, n + j), 1000 - (double) value[i][j]);
            }
        }
        MatchingAlgorithm.Matching<Integer, DefaultWeightedEdge> best =
                new KuhnMunkresMinimalWeightBipartitePerfectMatching<>(graph, left, right).getMatching();
        double total = 0;
        for (DefaultWeightedEdge e : best.getEdges()) {
            total += value[graph.getEdgeSource(e)][graph.getEdgeTarget(e) - n];
        }
        return total;
    }
}
