package dev.loupe.feature;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MassesTest {
    @Test
    void sums_counts_and_order_are_those_of_a_linked_map() {
        Cases.Random random = Cases.Random.of(5);
        for (int size : new int[] {0, 1, 15, 16, 17, 500, 5000}) {
            Masses masses = new Masses();
            Map<Long, double[]> map = new LinkedHashMap<>();
            for (int i = 0; i < size; i++) {
                // keys that differ in high bits alone, in low bits alone, and many that come again
                long key = (long) random.nextInt(40) << (random.nextInt(3) * 20) | random.nextInt(3);
                double mass = random.nextInt(4); // equal sums happen
                masses.add(key, mass);
                double[] sum = map.computeIfAbsent(key, k -> new double[2]);
                sum[0] += mass;
                sum[1]++;
            }
            assertThat(masses.size()).isEqualTo(map.size());
            int entry = 0;
            long best = -1;
            double most = Double.NEGATIVE_INFINITY;
            for (Map.Entry<Long, double[]> e : map.entrySet()) {
                assertThat(masses.key(entry)).isEqualTo(e.getKey());
                assertThat(masses.sum(entry)).isEqualTo(e.getValue()[0]);
                assertThat(masses.count(entry)).isEqualTo((int) e.getValue()[1]);
                if (e.getValue()[0] > most || e.getValue()[0] == most && e.getKey() < best) {
                    best = e.getKey();
                    most = e.getValue()[0];
                }
                entry++;
            }
            assertThat(masses.largest() < 0 ? -1 : masses.key(masses.largest())).isEqualTo(best);
        }
    }
}
