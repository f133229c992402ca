package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;
import static dev.loupe.kernel.TileKernel.WIDTH;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import jdk.incubator.vector.FloatVector;

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
     * @param memory holds them, in float32
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
            Softmax.run(scores + 4L * from, end - from, scale, cap);
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
        KeyPanels.across(k, keyStep, keys, dHead, keyPanel);
        KeyPanels.along(v, valueStep, keys, dHead, padded, valuePanel);
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
                KeyPanels.products(
                        q0, width, count, keyPanel, dHead, from / WIDTH, Math.ceilDiv(end, WIDTH), scores, step);
                for (int i = 0; i < count; i++) {
                    int position = start + r + i;
                    row(scores + i * step, from, first(position), end(position), end);
                }
                long to = out + r * width + 4L * h * dHead;
                KeyPanels.sums(scores, step, count, valuePanel, padded, from, end, dHead, tile, to, width);
            }
        }
    }

    /** Probabilities of the keys [low, high) of one query; zeros at the others that the four queries see. */
    private void row(long scores, int from, int low, int high, int seen) {
        Softmax.run(scores + 4L * low, high - low, scale, cap);
        for (int i = from; i < low; i++) {
            Native.set(scores + 4L * i, 0);
        }
        for (int i = high; i < seen; i++) {
            Native.set(scores + 4L * i, 0);
        }
    }
}
