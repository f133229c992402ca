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

    /** Up to so many values are counted rather than moved. */
    private static final int FEW = 512;

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
     * The k-th largest of the first n values, k from 1; the values are permuted and must hold no NaN. Few values are counted
     * again and again, a vector at a time, above ever closer bounds; among many, quickselect compares less.
     */
    public static float kthLargest(float[] a, int n, int k) {
        return n >= L && n <= FEW ? bySearch(a, n, k) : quickselect(a, n, k);
    }

    /** Halves the range of floats, in the order of their bits, that the k-th largest lies in. */
    private static float bySearch(float[] a, int n, int k) {
        int whole = S.loopBound(n);
        VectorMask<Float> rest = S.indexInRange(0, n - whole); // of the last L values those that no whole vector has
        FloatVector least = FloatVector.fromArray(S, a, n - L);
        FloatVector most = least;
        for (int i = 0; i < whole; i += L) {
            FloatVector v = FloatVector.fromArray(S, a, i);
            least = least.min(v);
            most = most.max(v);
        }
        int low = ordered(least.reduceLanes(VectorOperators.MIN));
        int high = ordered(most.reduceLanes(VectorOperators.MAX));
        while (low < high) {
            int middle = low + ((high - low + 1) >>> 1); // the difference may leave the range of a signed int
            float value = fromOrdered(middle);
            int reach = 0;
            for (int i = 0; i < whole; i += L) {
                reach += FloatVector.fromArray(S, a, i)
                        .compare(VectorOperators.GE, value)
                        .trueCount();
            }
            if (whole < n) {
                reach += FloatVector.fromArray(S, a, whole, rest)
                        .compare(VectorOperators.GE, value, rest)
                        .trueCount();
            }
            if (reach == k) {
                return smallestFrom(a, n, value);
            }
            if (reach > k) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return fromOrdered(low);
    }

    /** The smallest of the values that reach a bound; there is one. */
    private static float smallestFrom(float[] a, int n, float bound) {
        FloatVector least = FloatVector.broadcast(S, Float.POSITIVE_INFINITY);
        for (int i = 0; i < n; i += L) {
            int at = Math.min(i, n - L);
            FloatVector v = FloatVector.fromArray(S, a, at);
            least = least.lanewise(VectorOperators.MIN, v, v.compare(VectorOperators.GE, bound));
        }
        return least.reduceLanes(VectorOperators.MIN);
    }

    /** The bits of a float as an integer that is ordered as floats are. */
    private static int ordered(float value) {
        int bits = Float.floatToRawIntBits(value);
        return bits ^ (bits >> 31) & 0x7fffffff;
    }

    private static float fromOrdered(int bits) {
        return Float.intBitsToFloat(bits ^ (bits >> 31) & 0x7fffffff);
    }

    private static float quickselect(float[] a, int n, int k) {
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
