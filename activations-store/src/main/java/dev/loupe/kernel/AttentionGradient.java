package dev.loupe.kernel;

import static dev.loupe.kernel.TileKernel.WIDTH;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import jdk.incubator.vector.FloatVector;

/**
 * The gradient of causal {@link Attention} over whole sequences. With the pattern {@code p = softmax(s)} of scores
 * {@code s = scale q·k} (capped or not) and outputs {@code z = p v}: {@code dv = pᵀ dz}, {@code ds = p (dz·v - Σ p (dz·v))},
 * and from there to queries and keys. The pattern is computed again, four queries at a time, so that nothing of the size of
 * {@code queries · keys} is ever in memory. Each task takes one sequence and one key-value head.
 *
 * @param positions positions per sequence, each with a query, a key and a value
 * @param heads query heads
 * @param kvHeads key-value heads, each shared by {@code heads / kvHeads} query heads in a row
 * @param dHead width of a head
 * @param window how many keys a query sees, its own included; 0 for all before it
 * @param scale factor of the scores
 * @param cap scores become {@code cap * tanh(score / cap)}; 0 for no cap
 */
public record AttentionGradient(int positions, int heads, int kvHeads, int dHead, int window, float scale, float cap) {
    private static final ThreadLocal<Scratch> PANELS = Scratch.perThread();
    private static final ThreadLocal<Scratch> ROWS = Scratch.perThread();

    /**
     * Computes gradients.
     *
     * @param batch sequences
     * @param q {@code [batch, positions, heads, dHead]}
     * @param k {@code [batch, positions, kvHeads, dHead]}
     * @param v as k
     * @param dz the gradient of the output, as q
     * @param frozen whether the pattern counts as a constant: then queries and keys get zeros
     * @param dq as q, overwritten
     * @param dk as k, overwritten
     * @param dv as k, overwritten
     */
    public void run(
            int batch,
            MemorySegment q,
            MemorySegment k,
            MemorySegment v,
            MemorySegment dz,
            boolean frozen,
            MemorySegment dq,
            MemorySegment dk,
            MemorySegment dv) {
        long queries = 4L * batch * positions * heads * dHead;
        long keys = 4L * batch * positions * kvHeads * dHead;
        long qa = Native.address(q, queries);
        long ka = Native.address(k, keys);
        long va = Native.address(v, keys);
        long za = Native.address(dz, queries);
        long dqa = Native.address(dq, queries);
        long dka = Native.address(dk, keys);
        long dva = Native.address(dv, keys);
        Team.run(batch * kvHeads, task -> {
            int head = task % kvHeads;
            long row = (long) (task / kvHeads) * positions;
            long atQuery = 4L * dHead * (row * heads + (long) head * (heads / kvHeads));
            long atKey = 4L * dHead * (row * kvHeads + head);
            Task t = new Task(
                    qa + atQuery, ka + atKey, va + atKey, za + atQuery, dqa + atQuery, dka + atKey, dva + atKey);
            t.run(frozen);
        });
        for (MemorySegment m : new MemorySegment[] {q, k, v, dz, dq, dk, dv}) {
            Reference.reachabilityFence(m);
        }
    }

    /** One sequence and key-value head; addresses of the first position. */
    private final class Task {
        private final long q;
        private final long k;
        private final long v;
        private final long dz;
        private final long dq;
        private final long dk;
        private final long dv;
        private final long queryStep = 4L * heads * dHead;
        private final long keyStep = 4L * kvHeads * dHead;
        private final int padded = Math.ceilDiv(positions, WIDTH) * WIDTH;
        private final long step = 4L * (padded + Native.L); // of a row of scores: a softmax writes whole vectors
        private final int columns = Math.ceilDiv(dHead, WIDTH);

        private Task(long q, long k, long v, long dz, long dq, long dk, long dv) {
            this.q = q;
            this.k = k;
            this.v = v;
            this.dz = dz;
            this.dq = dq;
            this.dk = dk;
            this.dv = dv;
        }

        private void run(boolean frozen) {
            long panelBytes = 4L * padded * dHead;
            long keys = PANELS.get().address(2 * panelBytes + 4L * columns * padded * WIDTH);
            long values = keys + panelBytes;
            long rows = values + panelBytes;
            KeyPanels.across(k, keyStep, positions, dHead, keys);
            if (!frozen) {
                KeyPanels.across(v, keyStep, positions, dHead, values);
                KeyPanels.along(k, keyStep, positions, dHead, padded, rows);
            }
            clear(dk, keyStep, positions);
            clear(dv, keyStep, positions);
            long p = ROWS.get().address(12 * step + 16L * WIDTH);
            long ds = p + 4 * step;
            long capped = ds + 4 * step;
            for (int h = 0; h < heads / kvHeads; h++) {
                for (int r = 0; r < positions; r += 4) {
                    int count = Math.min(4, positions - r);
                    long at = r * queryStep + 4L * h * dHead;
                    int from = first(r);
                    int end = r + count;
                    products(q + at, count, keys, from, end, p);
                    for (int i = 0; i < 4; i++) {
                        pattern(p + i * step, capped + i * step, i < count ? r + i : -1, from, end);
                    }
                    outer(p, dz + at, count, from, end, dv);
                    if (frozen) {
                        clear(dq + at, queryStep, count);
                        continue;
                    }
                    products(dz + at, count, values, from, end, ds);
                    for (int i = 0; i < 4; i++) {
                        scores(p + i * step, ds + i * step, capped + i * step, from, end);
                    }
                    outer(ds, q + at, count, from, end, dk);
                    KeyPanels.sums(
                            ds, step, count, rows, padded, from, end, dHead, capped + 4 * step, dq + at, queryStep);
                }
            }
        }

        private void clear(long at, long rowStep, int rows) {
            for (int i = 0; i < rows; i++) {
                zero(at + i * rowStep, dHead);
            }
        }

        private void products(long x, int count, long panels, int from, int end, long out) {
            KeyPanels.products(x, queryStep, count, panels, dHead, from / WIDTH, Math.ceilDiv(end, WIDTH), out, step);
        }

        /** Raw products to probabilities; zeros where nothing is seen, and at position -1 everywhere. */
        private void pattern(long p, long capped, int position, int from, int end) {
            int low = position < 0 ? end : first(position);
            int high = position < 0 ? end : position + 1;
            if (low < high) {
                if (cap != 0) {
                    Native.copy(p + 4L * low, capped + 4L * low, 4L * (high - low));
                }
                Softmax.run(p + 4L * low, high - low, scale, cap);
            }
            zero(p + 4L * from, low - from);
            zero(p + 4L * high, end - high);
        }

        /** In place of {@code dz·v}, the gradient of the products {@code q·k}. */
        private void scores(long p, long ds, long raw, int from, int end) {
            double sum = 0;
            for (int i = from; i < end; i++) {
                sum += (double) Native.get(p + 4L * i) * Native.get(ds + 4L * i);
            }
            float mean = (float) sum;
            for (int i = from; i < end; i++) {
                float d = Native.get(p + 4L * i) * (Native.get(ds + 4L * i) - mean) * scale;
                if (cap != 0 && d != 0) {
                    double tanh = Math.tanh((double) (Native.get(raw + 4L * i) * scale) / cap);
                    d = (float) (d * (1 - tanh * tanh));
                }
                Native.set(ds + 4L * i, d);
            }
        }

        /** {@code out[j] += Σ_i p[i][j] x[i]} for up to four rows; p of rows that do not exist is zero. */
        private void outer(long p, long x, int count, int from, int end, long out) {
            long x1 = x + Math.min(1, count - 1) * queryStep;
            long x2 = x + Math.min(2, count - 1) * queryStep;
            long x3 = x + Math.min(3, count - 1) * queryStep;
            int c = 0;
            for (int last = dHead - Native.L; c <= last; c += Native.L) {
                long at = 4L * c;
                vectors(p, step, x + at, x1 + at, x2 + at, x3 + at, from, end, out + at, keyStep);
            }
            for (; c < dHead; c++) {
                float a = Native.get(x + 4L * c);
                float b = Native.get(x1 + 4L * c);
                float d = Native.get(x2 + 4L * c);
                float e = Native.get(x3 + 4L * c);
                for (int j = from; j < end; j++) {
                    long to = out + j * keyStep + 4L * c;
                    float s = Math.fma(Native.get(p + 4L * j), a, Native.get(to));
                    s = Math.fma(Native.get(p + step + 4L * j), b, s);
                    s = Math.fma(Native.get(p + 2 * step + 4L * j), d, s);
                    Native.set(to, Math.fma(Native.get(p + 3 * step + 4L * j), e, s));
                }
            }
        }
    }

    private static void vectors(
            long p, long step, long x0, long x1, long x2, long x3, int from, int end, long out, long outStep) {
        FloatVector a = Native.load(x0);
        FloatVector b = Native.load(x1);
        FloatVector c = Native.load(x2);
        FloatVector d = Native.load(x3);
        for (int j = from; j < end; j++) {
            long at = p + 4L * j;
            FloatVector s = a.fma(FloatVector.broadcast(Native.S, Native.get(at)), Native.load(out + j * outStep));
            s = b.fma(FloatVector.broadcast(Native.S, Native.get(at + step)), s);
            s = c.fma(FloatVector.broadcast(Native.S, Native.get(at + 2 * step)), s);
            s = d.fma(FloatVector.broadcast(Native.S, Native.get(at + 3 * step)), s);
            Native.store(s, out + j * outStep);
        }
    }

    private static void zero(long at, int n) {
        for (int i = 0; i < n; i++) {
            Native.set(at + 4L * i, 0);
        }
    }

    /** The first key that the query at a position sees. */
    private int first(int position) {
        return window == 0 ? 0 : Math.max(0, position + 1 - window);
    }
}
