package dev.loupe.engine;

import static java.nio.ByteOrder.nativeOrder;

import dev.loupe.math.StatisticalTopK;
import dev.loupe.math.TopK;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The latents that may be chosen for one row, collected block by block as the product makes them. A sum s of the product
 * stands for the pre-activation π = s · unit + b_enc, give or take a margin (0 unless the product is of integers).
 */
final class Screen {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final int L = S.length();
    private static final float BIAS_ROUNDING = 0x1p-22f;

    int count;
    int[] ids = new int[256];
    float[] lower = new float[256];
    float[] upper = new float[256];

    /** The least and the most that the pre-activations of a block can be, and a bit for each that may be chosen. */
    private float[] lows = new float[0];

    private float[] highs = new float[0];
    private long[] marks = new long[0];
    private float[] scratch = new float[256];
    private int k;
    private float bound;
    private float guess;
    private int full;
    private boolean statistical;
    private int share;
    private int all;
    private double sum;
    private double squares;
    private float worth;
    private int excess;
    private float perMargin;
    private float perNorm;

    /**
     * What sums of integers mean for the row that is looked at next.
     *
     * @param newWorth what one unit of the row is worth
     * @param newExcess by how much all its sums are too large
     * @param newPerMargin {@link EncoderPanels#perMargin}
     * @param newPerNorm {@link EncoderPanels#perNorm}
     */
    void scale(float newWorth, int newExcess, float newPerMargin, float newPerNorm) {
        worth = newWorth;
        excess = newExcess;
        perMargin = newPerMargin;
        perNorm = newPerNorm;
    }

    /**
     * Begins a row.
     *
     * @param wanted how many of the largest are wanted; 0 for those above their limits
     * @param smallest a guess of the smallest of them; {@link #certain} tells whether it was too high
     */
    void begin(int wanted, float smallest) {
        count = 0;
        statistical = false;
        k = wanted;
        guess = smallest;
        bound = smallest;
        full = wanted == 0 ? Integer.MAX_VALUE : 2 * wanted + 64;
    }

    /**
     * Begins a row of which the latents above its statistical threshold are wanted ({@link StatisticalTopK}).
     *
     * @param about how many that shall be
     * @param latents of how many
     * @param smallest a guess of the threshold
     */
    void beginStatistical(int about, int latents, float smallest) {
        begin(0, smallest);
        statistical = true;
        share = about;
        all = latents;
        sum = 0;
        squares = 0;
    }

    /**
     * Looks at the sums of latents {@code first .. first + n}.
     *
     * @param at where they begin, in bytes
     * @param n a multiple of the vectors' length
     * @param latents how many latents there are; the sums behind them are left out
     * @param bias by latent
     * @param limits by latent; used where no number of latents is wanted
     */
    void look(
            EncoderPanels encoder,
            MemorySegment sums,
            long at,
            int first,
            int n,
            int latents,
            float[] bias,
            float[] limits) {
        room(count + n);
        if (highs.length < n) {
            lows = new float[n];
            highs = new float[n];
            marks = new long[n / Long.SIZE + 1];
        }
        if (encoder.type.isInteger()) {
            integers(encoder, sums, at, first, n, bias);
        } else {
            floats(sums, at, first, n, bias);
        }
        mark(first, n, limits);
        take(first, n, latents);
        if (statistical) {
            moments(first, n, latents);
        }
        if (count > full) {
            narrow();
        }
    }

    /** The least and the most that pre-activations can be, of sums of integers. */
    private void integers(EncoderPanels encoder, MemorySegment sums, long at, int first, int n, float[] bias) {
        float[] units = encoder.units();
        float[] norms = encoder.norms();
        float[] margins = encoder.margins();
        for (int j = 0; j < n; j += L) {
            int i = first + j;
            FloatVector b = FloatVector.fromArray(S, bias, i);
            FloatVector sum = (FloatVector) IntVector.fromMemorySegment(I, sums, at + 4L * j, nativeOrder())
                    .sub(excess)
                    .convert(VectorOperators.I2F, 0);
            FloatVector value = sum.fma(FloatVector.fromArray(S, units, i).mul(worth), b);
            FloatVector edge = FloatVector.fromArray(S, norms, i)
                    .mul(perNorm)
                    .add(FloatVector.fromArray(S, margins, i).mul(perMargin))
                    .add(b.abs().mul(BIAS_ROUNDING));
            value.sub(edge).intoArray(lows, j);
            value.add(edge).intoArray(highs, j);
        }
    }

    private void floats(MemorySegment sums, long at, int first, int n, float[] bias) {
        for (int j = 0; j < n; j += L) {
            FloatVector value = FloatVector.fromMemorySegment(S, sums, at + 4L * j, nativeOrder())
                    .add(FloatVector.fromArray(S, bias, first + j));
            value.intoArray(lows, j);
            value.intoArray(highs, j);
        }
    }

    /** Marks what may be chosen. */
    private void mark(int first, int n, float[] limits) {
        boolean ranked = k > 0 || statistical;
        FloatVector bar = FloatVector.broadcast(S, bound);
        for (int word = 0; word < n; word += Long.SIZE) {
            long bits = 0;
            for (int j = word; j < Math.min(n, word + Long.SIZE); j += L) {
                FloatVector high = FloatVector.fromArray(S, highs, j);
                VectorMask<Float> hit = ranked
                        ? high.compare(VectorOperators.GE, bar)
                        : high.compare(VectorOperators.GT, FloatVector.fromArray(S, limits, first + j));
                bits |= hit.toLong() << j; // j modulo the bits of a long
            }
            marks[word / Long.SIZE] = bits;
        }
    }

    private void take(int first, int n, int latents) {
        for (int word = 0; word < n; word += Long.SIZE) {
            for (long bits = marks[word / Long.SIZE]; bits != 0; bits &= bits - 1) {
                int at = word + Long.numberOfTrailingZeros(bits);
                if (first + at < latents) {
                    ids[count] = first + at;
                    lower[count] = lows[at];
                    upper[count++] = highs[at];
                }
            }
        }
    }

    /** Adds pre-activations, which are exact here, to what the statistical threshold is made of. */
    private void moments(int first, int n, int latents) {
        FloatVector added = FloatVector.zero(S);
        FloatVector squared = FloatVector.zero(S);
        for (int j = 0; j < n; j += L) {
            FloatVector value = FloatVector.fromArray(S, lows, j);
            if (first + j + L > latents) {
                value = value.blend(0, S.indexInRange(first + j, latents).not());
            }
            added = added.add(value);
            squared = value.fma(value, squared);
        }
        sum += added.reduceLanes(VectorOperators.ADD);
        squares += squared.reduceLanes(VectorOperators.ADD);
    }

    /** Leaves out what cannot be among the wanted. */
    void narrow() {
        if (statistical) {
            bound = (float) Math.max(0, StatisticalTopK.threshold(sum, squares, all, share));
            keepAbove();
            return;
        }
        if (k == 0 || count < k) {
            return;
        }
        if (scratch.length < count) {
            scratch = new float[lower.length];
        }
        System.arraycopy(lower, 0, scratch, 0, count);
        bound = TopK.kthLargest(scratch, count, k);
        int kept = 0;
        for (int c = 0; c < count; c++) { // about every third is kept: written without a branch
            float high = upper[c];
            ids[kept] = ids[c];
            lower[kept] = lower[c];
            upper[kept] = high;
            kept += high >= bound ? 1 : 0;
        }
        count = kept;
        full = Math.max(full, kept + k + 64);
    }

    private void keepAbove() {
        int kept = 0;
        for (int c = 0; c < count; c++) {
            if (lower[c] > bound) {
                ids[kept] = ids[c];
                lower[kept] = lower[c];
                upper[kept++] = upper[c];
            }
        }
        count = kept;
    }

    /** A value that as many latents reach as are wanted, after {@link #narrow}. */
    float bound() {
        return bound;
    }

    /** Whether, after {@link #narrow}, nothing that is wanted was left out. */
    boolean certain() {
        if (statistical) {
            return !(bound < guess);
        }
        return k == 0 || guess == Float.NEGATIVE_INFINITY || (count >= k && bound >= guess);
    }

    private void room(int size) {
        if (ids.length < size + L) {
            int length = size + size / 2 + L;
            ids = Arrays.copyOf(ids, length);
            lower = Arrays.copyOf(lower, length);
            upper = Arrays.copyOf(upper, length);
        }
    }
}
