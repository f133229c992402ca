package dev.loupe.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import dev.loupe.kernel.Storage;
import dev.loupe.kernel.StoredMatrix;
import dev.loupe.kernel.TransposedProduct;
import dev.loupe.math.Matrix;
import dev.loupe.tensor.Torch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;

/** From the last residual stream to logits and losses: the last norm and the unembedding, in pieces of bounded size. */
final class Head {
    /** Logits held at once: 4 Mi floats, memory that the allocator keeps instead of asking the system for it each time. */
    private static final long LOGITS_AT_ONCE = 1L << 22;

    /** One logit in so many may matter for {@link #ofFew}. */
    private static final int FEW = 8;

    private static final HookPoint LOGITS = HookPoint.of("logits");

    private final Weights weights;
    private final int vocab;
    private final float cap;

    Head(Weights weights, ModelSpec spec) {
        this.weights = weights;
        this.vocab = spec.config().dVocab();
        this.cap = spec.architecture().logitCap();
    }

    /** The last norm with its hook points: {@code [.., d_model]}. */
    NDArray normed(Pass pass, NDArray resid, Norm.State state) {
        return weights.finalNorm.forward(pass, Integer.MAX_VALUE, "ln_final", resid, state);
    }

    /** Logits {@code [.., d_vocab]} of what the last norm gives. */
    NDArray logits(NDArray normed) {
        NDArray logits = weights.unembed.apply(normed);
        return cap == 0 ? logits : logits.divi(cap).tanh().muli(cap);
    }

    /**
     * Gradient of what the last norm gives from that of logits, {@code [batch, d_vocab]}.
     *
     * @param logits the logits of the forward pass, row by row
     */
    NDArray backward(NDManager manager, float[][] logits, float[][] gradient) {
        float[] flat = new float[logits.length * vocab];
        int[] ids = new int[vocab];
        int used = 0;
        for (int i = 0; i < vocab; i++) {
            boolean some = false;
            for (int row = 0; row < logits.length; row++) {
                float tanh = cap == 0 ? 0 : logits[row][i] / cap;
                float g = gradient[row][i] * (1 - tanh * tanh);
                flat[row * vocab + i] = g;
                some |= g != 0;
            }
            if (some) {
                ids[used++] = i;
            }
        }
        if (weights.unembed.tensor() == null && used < vocab / FEW) {
            return ofFew(manager, flat, Arrays.copyOf(ids, used), logits.length);
        }
        return weights.unembed.backward(Torch.floats(manager, flat, logits.length, vocab));
    }

    /** The same where most logits do not matter, as in a difference of two: only their rows of the unembedding are read. */
    private NDArray ofFew(NDManager manager, float[] flat, int[] ids, int rows) {
        int width = weights.unembed.weight().cols();
        NDArray out = Torch.empty(manager, rows, width);
        if (ids.length == 0) {
            Torch.memory(out).fill((byte) 0);
            return out;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment directions = arena.allocate(4L * ids.length * width, 64);
            weights.unembed.weight().gather(ids, directions);
            MemorySegment g = arena.allocate(4L * rows * ids.length, 64);
            for (int row = 0; row < rows; row++) {
                for (int i = 0; i < ids.length; i++) {
                    g.setAtIndex(JAVA_FLOAT, (long) row * ids.length + i, flat[row * vocab + ids[i]]);
                }
            }
            StoredMatrix some = new StoredMatrix(directions, Storage.FLOAT32, ids.length, width);
            TransposedProduct.run(rows, Torch.memory(out), new TransposedProduct.Term(some, g));
        }
        return out;
    }

    /** The values {@code [batch, width]} of each row's last real token. */
    static NDArray lastPositions(Pass pass, NDArray x) {
        NDArray flat = x.reshape((long) pass.batch() * pass.positions, -1);
        if (pass.positions == 1) {
            return flat;
        }
        if (Torch.inReach(x)) {
            long bytes = 4 * flat.getShape().get(1);
            NDArray rows = Torch.empty(pass.manager, pass.batch(), bytes / 4);
            Torch.Values values = Torch.values(x);
            for (int b = 0; b < pass.batch(); b++) {
                MemorySegment.copy(values.memory(), bytes * lastRow(pass, b), Torch.memory(rows), bytes * b, bytes);
            }
            Reference.reachabilityFence(values);
            return rows;
        }
        NDList picked = new NDList();
        for (int b = 0; b < pass.batch(); b++) {
            picked.add(flat.get(lastRow(pass, b)));
        }
        return NDArrays.stack(picked);
    }

    /** Where a sequence's last real token is among all positions. */
    static long lastRow(Pass pass, int b) {
        return (long) b * pass.positions + pass.lengths[b] - 1;
    }

    /** Logits of each row's last token, on the heap. */
    float[][] last(Pass pass, NDArray normed) {
        return rows(pass, lastPositions(pass, normed));
    }

    /** Logits of what the last norm gives at one position of each row, {@code [batch, d_model]}. */
    float[][] rows(Pass pass, NDArray normed) {
        Torch.Values logits = Torch.values(logits(normed));
        float[][] rows = new float[pass.batch()][vocab];
        for (int b = 0; b < rows.length; b++) {
            MemorySegment.copy(logits.memory(), JAVA_FLOAT, 4L * b * vocab, rows[b], 0, vocab);
        }
        Reference.reachabilityFence(logits);
        return rows;
    }

    Activation all(Pass pass, NDArray normed) {
        int rows = pass.batch() * pass.positions;
        MemorySegment memory = pass.memory(4L * rows * vocab);
        NDArray flat = normed.reshape(rows, -1);
        int step = rowsAtOnce();
        for (int from = 0; from < rows; from += step) {
            int n = Math.min(step, rows - from);
            try (NDScope scope = new NDScope()) {
                scope.suppressNotUsedWarning();
                Torch.store(logits(slice(flat, from, n)), memory.asSlice(4L * from * vocab, 4L * n * vocab));
            }
        }
        Activation all =
                new Activation(LOGITS, memory, pass.batch(), pass.positions, vocab, 0, pass.start, pass.lengths, null);
        for (int b = 0; b < pass.batch(); b++) {
            for (int p = pass.lengths[b]; p < pass.positions; p++) {
                memory.asSlice(4 * all.index(b, p, 0), 4L * vocab).fill((byte) 0);
            }
        }
        return all;
    }

    /** {@code logsumexp(logits) - logits[target]} for every position that has a next token. */
    float[][] loss(Pass pass, NDArray normed, int[][] ids) {
        int rows = pass.batch() * pass.positions;
        long[] targets = new long[rows];
        for (int b = 0; b < ids.length; b++) {
            for (int p = 0; p + 1 < ids[b].length; p++) {
                targets[b * pass.positions + p] = ids[b][p + 1];
            }
        }
        float[] losses = new float[rows];
        NDArray flat = normed.reshape(rows, -1);
        int step = rowsAtOnce();
        for (int from = 0; from < rows; from += step) {
            int n = Math.min(step, rows - from);
            try (NDScope scope = new NDScope()) {
                scope.suppressNotUsedWarning();
                NDArray target = Torch.longs(pass.manager, Arrays.copyOfRange(targets, from, from + n), n, 1);
                NDArray picked = logits(slice(flat, from, n)).logSoftmax(1).gather(target, 1);
                float[] part = Torch.toArray(picked);
                for (int i = 0; i < n; i++) {
                    losses[from + i] = -part[i];
                }
            }
        }
        float[][] result = new float[ids.length][];
        for (int b = 0; b < ids.length; b++) {
            int from = b * pass.positions;
            result[b] = Arrays.copyOfRange(losses, from, from + ids[b].length - 1);
        }
        return result;
    }

    /** Directions of the residual stream as logits {@code [n, d_vocab]}, before any soft cap. */
    @SuppressWarnings("MustBeClosedChecker") // an automatic arena is never closed
    Matrix lens(NDManager manager, Matrix directions, boolean gain) {
        Matrix logits = Matrix.allocate(Arena.ofAuto(), directions.rows(), vocab);
        int step = rowsAtOnce();
        for (long from = 0; from < directions.rows(); from += step) {
            long n = Math.min(step, directions.rows() - from);
            try (NDScope scope = new NDScope()) {
                scope.suppressNotUsedWarning();
                Matrix part = directions.rows(from, from + n);
                NDArray x = Torch.load(manager, part.segment(), n, directions.cols());
                if (gain && weights.finalNorm.centres()) {
                    x = x.sub(x.mean(new int[] {-1}, true));
                }
                NDArray y = weights.unembed.withoutBias().apply(gain ? x.mul(weights.finalNorm.gain()) : x);
                Torch.store(y, logits.rows(from, from + n).segment());
            }
        }
        return logits;
    }

    /** Logits {@code [n, d_vocab]} of values of the last residual stream. */
    @SuppressWarnings("MustBeClosedChecker") // an automatic arena is never closed
    Matrix logitsOf(NDManager manager, Matrix residuals) {
        Matrix logits = Matrix.allocate(Arena.ofAuto(), residuals.rows(), vocab);
        int step = rowsAtOnce();
        for (long from = 0; from < residuals.rows(); from += step) {
            long n = Math.min(step, residuals.rows() - from);
            try (NDScope scope = new NDScope()) {
                scope.suppressNotUsedWarning();
                Matrix part = residuals.rows(from, from + n);
                NDArray x = Torch.load(manager, part.segment(), n, residuals.cols());
                NDArray y = logits(weights.finalNorm.forward(x, new Norm.State(false)));
                Torch.store(y, logits.rows(from, from + n).segment());
            }
        }
        return logits;
    }

    private int rowsAtOnce() {
        return (int) Math.max(1, LOGITS_AT_ONCE / vocab);
    }

    private static NDArray slice(NDArray flat, int from, int n) {
        return flat.get(new ai.djl.ndarray.index.NDIndex().addSliceDim(from, from + n));
    }
}
