package dev.loupe.math;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The k-th largest of few values (counted) and of many (quickselect), against sorting. */
class KthLargestTest {
    @Test
    void itIsThatOfTheSortedValues() {
        Cases.check(60, random -> same(random, random.floats(random.nextInt(1, 700))));
    }

    @Test
    void equalValuesCountAsOftenAsTheyStandThere() {
        Cases.check(60, random -> {
            float[] values = new float[random.nextInt(1, 200)];
            for (int i = 0; i < values.length; i++) {
                values[i] = random.nextInt(5) - 2;
            }
            same(random, values);
        });
    }

    @Test
    void theWholeRangeOfFloatsIsSearched() {
        float[] ends = {
            Float.NEGATIVE_INFINITY,
            -Float.MAX_VALUE,
            -1,
            -Float.MIN_VALUE,
            -0f,
            0,
            Float.MIN_VALUE,
            Float.MIN_NORMAL,
            1,
            Math.nextUp(1f),
            Float.MAX_VALUE,
            Float.POSITIVE_INFINITY
        };
        Cases.check(60, random -> {
            float[] values = new float[random.nextInt(1, 200)];
            for (int i = 0; i < values.length; i++) {
                values[i] = ends[random.nextInt(ends.length)];
            }
            same(random, values);
        });
    }

    private static void same(Cases.Random random, float[] values) {
        float[] sorted = values.clone();
        Arrays.sort(sorted);
        for (int k :
                new int[] {1, values.length, 1 + random.nextInt(values.length), 1 + random.nextInt(values.length)}) {
            float found = TopK.kthLargest(values.clone(), values.length, k);
            assertThat(found + 0f).isEqualTo(sorted[values.length - k] + 0f); // zeros of both signs are equal
        }
    }
}
