package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;
import static dev.loupe.kernel.TileKernel.WIDTH;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Causal attention (Vaswani et al., arXiv 1706.03762, section 3.2) without its scores ever leaving the processor's caches.
 * Each task takes one sequence and one key-value head, rearranges its keys and values for {@link TileKernel} and goes
 * through the queries of its heads four at a time; keys after a query are never looked at. Products, scale, softmax and
 * weighted sum come in the order of the reference implementation.
 *
 * @param queries positions per sequence
 * @param keys positions with a key and a value
 * @param heads query heads
 * @param kvHeads key-value heads, each shared by {@code heads / kvHeads} query heads in a row
 * @param dHead width of a head
 * @param window how many keys a query sees, its own included; 0 for all before it
 * @param scale factor of the scores
 * @param cap scores become {@code cap * tanh(score / cap)}; 0 for no cap
 */
public record Attention(int queries, int keys, int heads, int kvHeads, int dHead, int window, float scale, float cap) {
    private static final ThreadLocal<Scratch> PANELS = Scratch.perThread();
    private static final ThreadLocal<Scratch> SCORES = Scratch.perThread();
    private static final ThreadLocal<Scratch> OUTPUT = Scratch.perThread();

    /**
     * Where keys or values lie: distances in floats.
     *
     * @param row from one sequence to the next
     * @param head from one key-value head to the next
     * @param step from one position to the next
     */
    public record Layout(MemorySegment memory, long row, long head, long step) {
        private long check(int batch, Attention a) {
            long extent = (batch - 1) * row + (a.kvHeads - 1) * head + (a.keys - 1) * step + a.dHead;
            return Native.address(memory, 4 * extent);
        }
    }

    /**
     * Computes the heads' outputs.
     *
     * @param q {@code [starts.length, queries, heads, dHead]}
     * @param starts position of the first query of each sequence: its last key is its own. Queries beyond the last key (of
     *     padding) see all keys
     * @param out as q, overwritten
     */
    public void run(MemorySegment q, Layout k, Layout v, int[] starts, MemorySegment out) {
        int batch = starts.length;
        long width = 4L * heads * dHead;
        long qa = Native.address(q, batch * queries * width);
        long oa = Native.address(out, batch * queries * width);
        long ka = k.check(batch, this);
        long va = v.check(batch, this);
        Team.run(batch * kvHeads, task -> {
            int b = task / kvHeads;
            int head = task % kvHeads;
            long at = b * (long) queries * width + 4L * head * dHead * (heads / kvHeads);
            long keyAt = ka + 4 * (b * k.row + head * k.head);
            long valueAt = va + 4 * (b * v.row + head * v.head);
            if (queries == 1) {
                one(qa + at, keyAt, 4 * k.step, valueAt, 4 * v.step, starts[b], oa + at);
            } else {
                many(qa + at, keyAt, 4 * k.step, valueAt, 4 * v.step, starts[b], oa + at);
            }
        });
        Reference.reachabilityFence(q);
        Reference.reachabilityFence(k);
        Reference.reachabilityFence(v);
        Reference.reachabilityFence(out);
    }

    /** The first key that the query at a position sees. */
    private int first(int position) {
        return window == 0 ? 0 : Math.min(keys - 1, Math.max(0, position + 1 - window));
    }

    /** One past the last key that the query at a position sees. */
    private int end(int position) {
        return Math.min(keys, position + 1);
    }

    /** One query per head: keys and values are read where they lie. */
    private void one(long q, long k, long keyStep, long v, long valueStep, int position, long out) {
        int from = first(position);
        int end = end(position);
        long scores = SCORES.get().address(4L * (keys + L));
        for (int h = 0; h < heads / kvHeads; h++) {
            long qh = q + 4L * h * dHead;
            for (int i = from; i < end; i += 4) {
                RowDots.floats(qh, k + i * keyStep, keyStep, Math.min(4, end - i), dHead, scores + 4L * i);
            }
            softmax(scores + 4L * from, end - from);
            weigh(scores, from, end, v, valueStep, out + 4L * h * dHead);
        }
    }

    /** {@code out = Σ p[i] v[i]}. */
    private void weigh(long p, int from, int end, long v, long step, long out) {
        int c = 0;
        for (int last = dHead - L; c <= last; c += L) {
            FloatVector s = FloatVector.zero(Native.S);
            for (int i = from; i < end; i++) {
                s = Native.load(v + i * step + 4L * c).fma(FloatVector.broadcast(Native.S, Native.get(p + 4L * i)), s);
            }
            Native.store(s, out + 4L * c);
        }
        for (; c < dHead; c++) {
            float s = 0;
            for (int i = from; i < end; i++) {
                s = Math.fma(Native.get(v + i * step + 4L * c), Native.get(p + 4L * i), s);
            }
            Native.set(out + 4L * c, s);
        }
    }

    private void many(long q, long k, long keyStep, long v, long valueStep, int start, long out) {
        int valuePanels = Math.ceilDiv(dHead, WIDTH);
        int padded = Math.ceilDiv(keys, WIDTH) * WIDTH;
        long keyPanel = PANELS.get().address(4L * padded * dHead + 4L * valuePanels * padded * WIDTH);
        long valuePanel = keyPanel + 4L * padded * dHead;
        packKeys(k, keyStep, keyPanel, padded);
        packValues(v, valueStep, valuePanel, padded, valuePanels);
        long width = 4L * heads * dHead;
        long scores = SCORES.get().address(16L * (padded + L));
        long tile = OUTPUT.get().address(16L * WIDTH);
        for (int h = 0; h < heads / kvHeads; h++) {
            for (int r = 0; r < queries; r += 4) {
                int count = Math.min(4, queries - r);
                long q0 = q + r * width + 4L * h * dHead;
                int from = first(start + r);
                int end = end(start + r + count - 1);
                long step = 4L * (padded + L); // a softmax writes whole vectors
                scores(q0, width, count, keyPanel, from / WIDTH, Math.ceilDiv(end, WIDTH), scores, step);
                for (int i = 0; i < count; i++) {
                    int position = start + r + i;
                    row(scores + i * step, from, first(position), end(position), end);
                }
                long to = out + r * width + 4L * h * dHead;
                values(scores, step, valuePanel, padded, from, end, tile, to, count);
            }
        }
    }

    private void packKeys(long k, long step, long panels, int padded) {
        for (int i = 0; i < padded; i++) {
            long to = panels + 4L * ((long) (i / WIDTH) * WIDTH * dHead + i % WIDTH);
            long row = k + i * step;
            for (int c = 0; c < dHead; c++) {
                Native.set(to + 4L * c * WIDTH, i < keys ? Native.get(row + 4L * c) : 0);
            }
        }
    }

    private void packValues(long v, long step, long panels, int padded, int count) {
        for (int p = 0; p < count; p++) {
            int width = Math.min(WIDTH, dHead - p * WIDTH);
            for (int i = 0; i < keys; i++) {
                long to = panels + 4L * ((long) p * padded + i) * WIDTH;
                Native.copy(v + i * step + 4L * p * WIDTH, to, 4L * width);
                for (int c = width; c < WIDTH; c++) {
                    Native.set(to + 4L * c, 0);
                }
            }
        }
    }

    private void scores(
            long q, long width, int count, long panels, int fromPanel, int toPanel, long scores, long step) {
        for (int p = fromPanel; p < toPanel; p++) {
            long o = scores + 4L * p * WIDTH;
            TileKernel.multiply(
                    q,
                    q + Math.min(1, count - 1) * width,
                    q + Math.min(2, count - 1) * width,
                    q + Math.min(3, count - 1) * width,
                    panels + 4L * p * WIDTH * dHead,
                    dHead,
                    o,
                    o + step,
                    o + 2 * step,
                    o + 3 * step);
        }
    }

    /** Probabilities of the keys [low, high) of one query; zeros at the others that the four queries see. */
    private void row(long scores, int from, int low, int high, int seen) {
        softmax(scores + 4L * low, high - low);
        for (int i = from; i < low; i++) {
            Native.set(scores + 4L * i, 0);
        }
        for (int i = high; i < seen; i++) {
            Native.set(scores + 4L * i, 0);
        }
    }

    private void values(long p, long ps, long panels, int padded, int from, int seen, long tile, long out, int count) {
        long row = 4L * heads * dHead;
        long p0 = p + 4L * from;
        for (int panel = 0; panel * WIDTH < dHead; panel++) {
            TileKernel.multiply(
                    p0,
                    p0 + Math.min(1, count - 1) * ps,
                    p0 + Math.min(2, count - 1) * ps,
                    p0 + Math.min(3, count - 1) * ps,
                    panels + 4L * ((long) panel * padded + from) * WIDTH,
                    seen - from,
                    tile,
                    tile + 4L * WIDTH,
                    tile + 8L * WIDTH,
                    tile + 12L * WIDTH);
            for (int i = 0; i < count; i++) {
                long bytes = 4L * Math.min(WIDTH, dHead - panel * WIDTH);
                Native.copy(tile + 4L * i * WIDTH, out + i * row + 4L * panel * WIDTH, bytes);
            }
        }
    }

    /**
     * Raw products to probabilities, in place: what lies behind them up to a whole vector is overwritten. Each sweep is a
     * method of its own, which the compiler keeps in registers.
     */
    private void softmax(long at, int n) {
        int whole = Math.ceilDiv(n, L) * L;
        nothing(at, n, whole);
        float factor = scale;
        if (cap != 0) {
            cap(at, whole);
            nothing(at, n, whole);
            factor = 1;
        }
        float sum = powers(at, whole, factor, largest(at, whole, factor));
        times(at, whole, 1 / sum);
    }

    /** Scores of keys that do not exist. */
    private static void nothing(long at, int from, int to) {
        for (int i = from; i < to; i++) {
            Native.set(at + 4L * i, Float.NEGATIVE_INFINITY);
        }
    }

    private static float largest(long at, int n, float factor) {
        FloatVector most = FloatVector.broadcast(Native.S, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < n; i += L) {
            most = most.max(Native.load(at + 4L * i).mul(factor));
        }
        return most.reduceLanes(VectorOperators.MAX);
    }

    /** Powers of e, and their sum, to which keys that do not exist add less than it can hold. */
    private static float powers(long at, int n, float factor, float most) {
        FloatVector sums = FloatVector.zero(Native.S);
        for (int i = 0; i < n; i += L) {
            FloatVector e = Exponential.exp(Native.load(at + 4L * i).mul(factor).sub(most));
            sums = sums.add(e);
            Native.store(e, at + 4L * i);
        }
        return Native.sum(sums);
    }

    private static void times(long at, int n, float factor) {
        for (int i = 0; i < n; i += L) {
            Native.store(Native.load(at + 4L * i).mul(factor), at + 4L * i);
        }
    }

    private void cap(long at, int n) {
        for (int i = 0; i < n; i += L) {
            Native.store(capped(Native.load(at + 4L * i).mul(scale)), at + 4L * i);
        }
    }

    // tanh v = 1 - 2 / (e^(2 v) + 1)
    private FloatVector capped(FloatVector s) {
        FloatVector e = Exponential.exp(s.div(cap).mul(2f)).add(1f);
        return FloatVector.broadcast(Native.S, 2f).div(e).neg().add(1f).mul(cap);
    }
}
