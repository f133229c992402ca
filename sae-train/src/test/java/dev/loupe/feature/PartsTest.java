package dev.loupe.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.fixtures.Cases;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PartsTest {
    @Test
    void tokenCountsEqualAMapUntilTheyAreFullAndKeepTheHeavyOnesAfterwards() {
        Cases.check(20, random -> {
            TokenCounts counts = new TokenCounts();
            Map<Integer, double[]> expected = new HashMap<>();
            for (int i = 0; i < 3000; i++) {
                int token = random.nextInt(1 + random.index() * 100);
                float value = 1 + random.nextFloat();
                boolean held = random.nextInt(5) == 0;
                counts.add(token, value, held);
                double[] e = expected.computeIfAbsent(token, t -> new double[4]);
                e[0]++;
                e[1] += value;
                e[2] += held ? 1 : 0;
                e[3] += held ? value : 0;
            }
            assertThat(counts.entries()).hasSize(expected.size());
            for (TokenCounts.Entry e : counts.entries()) {
                double[] x = expected.get(e.token());
                assertThat(new double[] {e.fired(), e.sum(), e.heldOutFired(), e.heldOutSum()})
                        .containsExactly(x, within(1e-9));
            }
            TokenCounts.Entry[] top = TokenCounts.strongest(counts.entries(), 7);
            double[] sums =
                    expected.values().stream().mapToDouble(x -> x[1]).sorted().toArray();
            for (int k = 0; k < top.length; k++) {
                assertThat(top[k].sum()).isCloseTo(sums[sums.length - 1 - k], within(1e-9));
            }
        });
        TokenCounts full = new TokenCounts();
        for (int i = 0; i < 100_000; i++) {
            full.add(i % 3 == 0 ? 7 : 1000 + i, 1, false);
        }
        assertThat(full.size()).isLessThanOrEqualTo(TokenCounts.LIMIT);
        assertThat(TokenCounts.strongest(full.entries(), 1)[0].token()).isEqualTo(7);
        assertThat(TokenCounts.strongest(full.entries(), 1)[0].fired()).isEqualTo(33_334);
    }

    @Test
    void theSampleHoldsEveryDocumentEquallyOftenWithItsStrongestHit() {
        int documents = 50;
        int capacity = 10;
        int[] chosen = new int[documents];
        int runs = 4000;
        for (int run = 0; run < runs; run++) {
            DocumentSample sample = new DocumentSample(capacity, run);
            for (int d = 0; d < documents; d++) {
                for (int s = 0; s < 3; s++) {
                    float max = s == 1 ? 5 : 1;
                    if (sample.wants(max, d)) {
                        sample.add(new Hit(d * 3L + s, d, d * 3 + s, 0, max, new short[0], new float[0]));
                    }
                }
            }
            List<Hit> hits = sample.sorted();
            assertThat(hits).hasSize(capacity).allMatch(h -> h.max() == 5);
            assertThat(hits.stream().map(Hit::document).distinct()).hasSize(capacity);
            hits.forEach(h -> chosen[h.document()]++);
            assertThat(sample.documents()).isEqualTo(documents);
        }
        double expected = (double) runs * capacity / documents;
        double deviation = Math.sqrt(expected * (1 - (double) capacity / documents));
        for (int c : chosen) {
            assertThat((double) c).isCloseTo(expected, within(5 * deviation));
        }
    }

    @Test
    void aBinHoldsExactlyTheValuesBetweenItsEdges() {
        Cases.check(50, random -> {
            for (float v : random.floats(200)) {
                float value = Math.abs(v) * (float) Math.pow(2, random.nextInt(-20, 20)) + 1e-7f;
                int bin = LogBins.bin(value);
                assertThat((double) value)
                        .isGreaterThanOrEqualTo(LogBins.edge(bin))
                        .isLessThan(LogBins.edge(bin + 1));
            }
        });
        assertThat(LogBins.bin(Float.MIN_VALUE)).isZero();
        assertThat(LogBins.bin(Float.MAX_VALUE)).isEqualTo(LogBins.COUNT - 1);
        assertThat(LogBins.histogram(new int[LogBins.COUNT], 5).counts()).isEmpty();
    }

    @Test
    void theStrongestAreThoseOfASortAndOnePerDocument() {
        Cases.check(100, random -> {
            int capacity = random.nextInt(1, 9);
            Strongest strongest = new Strongest(capacity);
            Map<Integer, Hit> best = new HashMap<>();
            for (int d = 0; d < 30; d++) {
                for (int s = random.nextInt(1, 4); s > 0; s--) {
                    Hit hit = new Hit(d * 10L - s, d, 0, 0, random.nextInt(12), new short[0], new float[0]);
                    if (strongest.wants(hit.max(), d)) {
                        strongest.add(hit);
                    }
                    best.merge(d, hit, (a, b) -> b.max() > a.max() ? b : a);
                }
            }
            List<Float> expected = best.values().stream()
                    .map(Hit::max)
                    .sorted(java.util.Comparator.reverseOrder())
                    .limit(capacity)
                    .toList();
            assertThat(strongest.sorted().stream().map(Hit::max).toList()).isEqualTo(expected);
            assertThat(strongest.sorted().stream().map(Hit::document).distinct())
                    .hasSize(expected.size());
        });
    }
}
