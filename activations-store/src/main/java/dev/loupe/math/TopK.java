package dev.loupe.math;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The k largest of n values. Of equal values the one with the lower index wins; NaN is never chosen. One instance holds
 * the scratch memory of one thread.
 *
 * <p>Two passes: the maximum of every group of values, whose k-th largest is a lower bound of the answer; then a scan that
 * looks only at values from that bound up, which are few more than k.
 */
public final class TopK {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final int L = S.length();

    private float[] maxima = new float[0];
    private float[] sorted = new float[0];
    private int[] candidates = new int[64];
    private float[] keys = new float[64];

    /**
     * Chooses among {@code values[at .. at + n)}.
     *
     * @param ids receives the chosen indexes relative to {@code at}, ascending; room for k
     * @return how many were chosen: k, or fewer if there are not so many numbers
     */
    public int select(float[] values, int at, int n, int k, int[] ids) {
        if (k <= 0) {
            return 0;
        }
        float bound = n > 4 * k ? bound(values, at, n, k) : Float.NEGATIVE_INFINITY;
        int count = collect(values, at, n, bound);
        if (count <= k) {
            System.arraycopy(candidates, 0, ids, 0, count);
            return count;
        }
        // the k-th largest candidate, then everything above it and, from the left, as many equals as are missing
        if (sorted.length < count) {
            sorted = new float[2 * count];
        }
        System.arraycopy(keys, 0, sorted, 0, count);
        float limit = kthLargest(sorted, count, k);
        int equal = k;
        for (int i = 0; i < count; i++) {
            equal -= keys[i] > limit ? 1 : 0;
        }
        int chosen = 0;
        for (int i = 0; i < count && chosen < k; i++) {
            if (keys[i] > limit) {
                ids[chosen++] = candidates[i];
            } else if (equal > 0 && equalTo(keys[i], limit)) {
                equal--;
                ids[chosen++] = candidates[i];
            }
        }
        return chosen;
    }

    private static boolean equalTo(float a, float b) {
        return a == b; // zeros of both signs are equal here
    }

    /** A value that at least k of the n values reach: the k-th largest maximum of at least k groups. */
    private float bound(float[] values, int at, int n, int k) {
        int whole = n / L;
        // every lane of a block of vectors is a group; with 4k groups about 1.15 k values reach the bound
        int per = Math.max(1, n / (4 * k));
        int blocks = whole / per;
        if (blocks * L < k) {
            return Float.NEGATIVE_INFINITY;
        }
        int size = blocks * L;
        if (maxima.length < size) {
            maxima = new float[size];
        }
        for (int b = 0; b < blocks; b++) {
            FloatVector max = FloatVector.fromArray(S, values, at + b * per * L);
            for (int v = 1; v < per; v++) {
                max = max.max(FloatVector.fromArray(S, values, at + (b * per + v) * L));
            }
            max.intoArray(maxima, b * L);
        }
        for (int i = 0; i < size; i++) {
            if (Float.isNaN(maxima[i])) {
                return Float.NEGATIVE_INFINITY; // NaN hides the other values of its group
            }
        }
        return kthLargest(maxima, size, k);
    }

    /**
     * The k-th largest of the first n values, k from 1; the values are permuted and must hold no NaN (quickselect).
     */
    public static float kthLargest(float[] a, int n, int k) {
        int low = 0;
        int high = n - 1;
        int target = n - k;
        while (low < high) {
            float pivot = a[(low + high) >>> 1];
            int i = low;
            int j = high;
            while (i <= j) {
                while (a[i] < pivot) {
                    i++;
                }
                while (a[j] > pivot) {
                    j--;
                }
                if (i <= j) {
                    float t = a[i];
                    a[i++] = a[j];
                    a[j--] = t;
                }
            }
            if (target <= j) {
                high = j;
            } else if (target >= i) {
                low = i;
            } else {
                break;
            }
        }
        return a[target];
    }

    private int collect(float[] values, int at, int n, float bound) {
        int count = 0;
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            if (count + L > candidates.length) {
                candidates = Arrays.copyOf(candidates, 2 * (count + L));
                keys = Arrays.copyOf(keys, candidates.length);
            }
            VectorMask<Float> hit = FloatVector.fromArray(S, values, at + i).compare(VectorOperators.GE, bound);
            for (long bits = hit.toLong(); bits != 0; bits &= bits - 1) {
                int id = i + Long.numberOfTrailingZeros(bits);
                candidates[count] = id;
                keys[count++] = values[at + id];
            }
        }
        if (count + L > candidates.length) {
            candidates = Arrays.copyOf(candidates, 2 * (count + L));
            keys = Arrays.copyOf(keys, candidates.length);
        }
        for (; i < n; i++) {
            if (values[at + i] >= bound) {
                candidates[count] = i;
                keys[count++] = values[at + i];
            }
        }
        return count;
    }
}
