package dev.loupe.engine;

import dev.loupe.kernel.PackedPanels;
import dev.loupe.kernel.PanelType;
import dev.loupe.math.TopK;
import dev.loupe.math.VectorOps;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The first half of a step for some rows: what the encoder sees, its product, and the latents that may act on each row. The
 * product is made for a few panels of latents at a time, and what may be chosen is picked out of them while they are in the
 * cache.
 */
final class ForwardTile {
    /** Rows per tile: whole groups of the kernel, few enough for the packed rows to stay in the second-level cache. */
    static final int ROWS = 8 * PackedPanels.GROUP;

    /** Panels at a time. */
    private static final int PANELS = 8;

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    /** Up to one in so many latents of a row are computed again in float32 after a product of bfloat16. */
    private static final int FEW = 32;

    Candidates hits = new Candidates();
    private Candidates spare = new Candidates();
    private final Contenders contenders = new Contenders();

    /** Dead latents chosen for the auxiliary loss. */
    final Candidates revived = new Candidates();

    final RowPass rowPass = new RowPass();
    final StepClock clock = new StepClock();
    int first;
    int count;
    /** By row the smallest pre-activation that was wanted (TOPK, STATISTICAL), per norm of the row; infinite for rows of no use. */
    final float[] least = new float[ROWS];

    double energy;
    double centredEnergy;
    /** How many rows are too uneven for 8-bit integers. */
    int coarse;
    /** Whether every input is a number; what is not one would otherwise never be chosen and never be seen. */
    boolean finite;

    double[] targetSum = new double[0];
    double[] inputSum = new double[0];

    /** What one thread needs while it works on a tile. */
    static final class Scratch {
        final Candidates hits = new Candidates();
        final MemorySegment row;
        final MemorySegment tile;
        final MemorySegment sums;
        final float[] norms = new float[ROWS];
        final Screen[] screens = new Screen[ROWS];

        /** The rows that are multiplied, of those of the tile. */
        final int[] rows = new int[ROWS];

        final float[] skip;
        final float[] skipTile;
        final float[] x;
        final float[] y;
        float[] deadPi = new float[0];
        final float[] exact;
        final int[] found;
        final int[] ids;
        final long[] decoderRows;
        final float[] z;
        final float[] open;
        final float[] along;
        final float[] gateAlong;
        final float[] gateError;
        final TopK topK = new TopK();

        Scratch(StepInput s) {
            row = s.arena.allocate(4L * s.dIn, 64);
            tile = s.arena.allocate(4L * ROWS * s.dIn, 64); // enough for any type
            sums = s.arena.allocate(4L * ROWS * PANELS * PackedPanels.PANEL, 64);
            Arrays.setAll(screens, r -> new Screen());
            skipTile = s.packedSkip == null ? new float[0] : s.packedSkip.newTile(ROWS);
            skip = s.packedSkip == null ? new float[0] : s.packedSkip.newResult(ROWS);
            x = new float[s.dIn];
            y = new float[s.dOut];
            exact = new float[s.n];
            found = new int[s.n];
            ids = new int[s.n];
            decoderRows = new long[s.n];
            z = new float[s.n];
            open = new float[s.n];
            along = new float[s.n];
            gateAlong = new float[s.n];
            gateError = new float[s.dOut];
        }
    }

    /**
     * Makes the product and, unless it is of integers, {@link #hits}. After one of integers there are contenders, which
     * {@link #exact(StepInput, Scratch, int)} and {@link #choose(StepInput, Scratch)} make hits of.
     */
    void encode(StepInput s, Scratch q, int firstRow, int rowCount) {
        first = firstRow;
        count = rowCount;
        energy = centredEnergy = 0;
        finite = true;
        targetSum = zeros(targetSum, s.dOut);
        inputSum = zeros(inputSum, s.dIn);
        hits.clear();
        revived.clear();
        clock.begin();
        for (int r = first; r < first + count; r++) {
            row(s, q, r);
        }
        product(s, q);
        if (s.packedSkip != null) {
            s.packedSkip.packTile(s.centred, first * s.dIn, s.dIn, count, q.skipTile);
            s.packedSkip.multiply(q.skipTile, count, q.skip);
            for (int r = 0; r < count; r++) {
                VectorOps.axpy(1, q.skip, r * s.packedSkip.stride(), s.errors, s.errorAt(0, first + r), s.dOut);
            }
        }
        clock.lap(StepClock.PRODUCT);
        contenders.clear();
        for (int r = 0; r < count; r++) {
            if (s.encoder.type.isInteger()) {
                contenders.addRow(q.screens[r], q);
            } else {
                choose(s, q, r);
            }
            if (s.dead.length > 0) {
                revive(s, q, r);
            }
        }
        clock.lap(StepClock.SELECTION);
    }

    /** Computes the pre-activations of contenders below the latent {@code to} that have none yet. */
    void exact(StepInput s, Scratch q, int to) {
        clock.begin();
        contenders.exact(s, q, first, to);
        clock.lap(StepClock.SELECTION);
    }

    /** Chooses among contenders whose pre-activations are exact. */
    void choose(StepInput s, Scratch q) {
        clock.begin();
        hits.clear();
        contenders.choose(s, q, hits);
        clock.lap(StepClock.SELECTION);
    }

    /** How many latents of all rows are hits or contenders. */
    int found() {
        return hits.size() + contenders.size();
    }

    private void product(StepInput s, Scratch q) {
        coarse = 0;
        for (int r = 0; r < count; r++) {
            q.rows[r] = r;
        }
        if (s.dead.length > 0 && q.deadPi.length < ROWS * s.dead.length) {
            q.deadPi = new float[Math.multiplyExact(ROWS, s.dead.length)];
        }
        product(s, q, count, s.guess);
        int again = 0;
        for (int r = 0; r < count; r++) {
            q.screens[r].narrow();
            if (!q.screens[r].certain()) {
                q.rows[again++] = r;
            }
        }
        if (again > 0) { // the guess left out something of these rows: once more, without one
            product(s, q, again, Float.NEGATIVE_INFINITY);
            for (int i = 0; i < again; i++) {
                q.screens[q.rows[i]].narrow();
            }
        }
        for (int r = 0; r < count; r++) {
            float per = q.screens[r].bound() / q.norms[r];
            least[r] = q.norms[r] > 0 && Float.isFinite(per) ? per : Float.POSITIVE_INFINITY;
        }
        if (s.deadEncoder != null) {
            for (int r = 0; r < count; r++) {
                q.rows[r] = r;
            }
            deadProduct(s, q, s.deadEncoder, Math.ceilDiv(count, PackedPanels.GROUP));
            clock.lap(StepClock.PRODUCT);
        }
    }

    /** The product of the first {@code size} of {@code q.rows}. */
    private void product(StepInput s, Scratch q, int size, float guess) {
        EncoderPanels e = s.encoder;
        boolean ranked = s.rule.selection() == Selection.TOPK && s.rule.k() < s.n;
        int uneven = pack(s, q, e, size);
        coarse = Math.max(coarse, uneven); // a second product has some of the same rows
        for (int i = 0; i < size; i++) {
            Screen screen = q.screens[q.rows[i]];
            float norm = q.norms[q.rows[i]];
            float least = guess > 0 && norm > 0 ? guess * norm : Float.NEGATIVE_INFINITY;
            if (s.rule.selection() == Selection.STATISTICAL) {
                screen.beginStatistical(s.rule.k(), s.n, least);
            } else {
                screen.begin(ranked ? s.rule.k() : 0, least);
            }
        }
        boolean all = s.rule.selection() == Selection.TOPK && !ranked;
        if (all) {
            Arrays.fill(s.limits, Float.NEGATIVE_INFINITY);
        }
        boolean seeDead = s.dead.length > 0 && s.deadEncoder == null;
        int groups = Math.ceilDiv(size, PackedPanels.GROUP);
        for (int p = 0, dead = 0; p < e.panels.panels(); p += PANELS) {
            int end = Math.min(e.panels.panels(), p + PANELS);
            int width = (end - p) * PackedPanels.PANEL;
            int latent = p * PackedPanels.PANEL;
            e.panels.multiply(q.tile, groups, p, end, q.sums);
            clock.lap(StepClock.PRODUCT);
            for (int i = 0; i < size && (s.rule.selection() != Selection.TOPK || s.rule.k() > 0); i++) {
                q.screens[q.rows[i]].look(e, q.sums, 4L * i * width, latent, width, s.n, s.bias, s.limits);
            }
            int next = dead;
            while (seeDead && next < s.dead.length && s.dead[next] < latent + width) {
                for (int i = 0; i < size; i++) {
                    int d = s.dead[next];
                    q.deadPi[q.rows[i] * s.dead.length + next] =
                            q.sums.getAtIndex(FLOAT, (long) i * width + d - latent) + s.bias[d];
                }
                next++;
            }
            dead = next;
            clock.lap(StepClock.SELECTION);
        }
    }

    /**
     * Packs the first {@code size} of {@code q.rows} into the lanes of the product.
     *
     * @return how many of them are too uneven for 8-bit integers
     */
    private int pack(StepInput s, Scratch q, EncoderPanels e, int size) {
        int unevenRows = 0;
        for (int i = 0; i < size; i++) {
            int r = q.rows[i];
            MemorySegment.copy(s.centred, (first + r) * s.dIn, q.row, FLOAT, 0, s.dIn);
            float scale = e.scale(q.row, 0, s.dIn);
            q.norms[r] = (float) Math.sqrt(VectorOps.sumSquares(q.row, 0, s.dIn));
            int excess = e.panels.packRow(q.row, 0, scale, i, q.tile);
            boolean uneven = e.coarse(q.row, 0, scale);
            q.screens[r].scale(1 / scale, excess, e.perMargin(1 / scale, q.norms[r]), e.perNorm(uneven, scale));
            unevenRows += uneven ? 1 : 0;
        }
        e.panels.fill(size, q.tile);
        return unevenRows;
    }

    /** Pre-activations of dead latents in float32, after a product of integers. */
    private void deadProduct(StepInput s, Scratch q, EncoderPanels e, int groups) {
        pack(s, q, e, count);
        for (int p = 0; p < e.panels.panels(); p += PANELS) {
            int end = Math.min(e.panels.panels(), p + PANELS);
            int width = (end - p) * PackedPanels.PANEL;
            int from = p * PackedPanels.PANEL;
            e.panels.multiply(q.tile, groups, p, end, q.sums);
            for (int c = from; c < Math.min(from + width, s.dead.length); c++) {
                for (int r = 0; r < count; r++) {
                    q.deadPi[r * s.dead.length + c] =
                            q.sums.getAtIndex(FLOAT, (long) r * width + c - from) + s.bias[s.dead[c]];
                }
            }
        }
    }

    /** The latents that may act on a row, with their pre-activations, after a product of float32 or bfloat16. */
    private void choose(StepInput s, Scratch q, int r) {
        Screen screen = q.screens[r];
        int size = screen.count;
        boolean top = s.rule.selection() == Selection.TOPK;
        int chosen = top ? q.topK.select(screen.lower, 0, size, s.rule.k(), q.found) : all(q.found, size);
        boolean later = s.rule.selection() == Selection.BATCH_TOPK; // see refine
        if (s.encoder.type == PanelType.FLOAT32 || later || (long) size * FEW > s.n) {
            hits.addRow(q.found, chosen, screen.ids, screen.lower);
            return;
        }
        for (int c = 0; c < chosen; c++) {
            q.ids[c] = screen.ids[q.found[c]];
        }
        Contenders.dots(s, q, first + r, q.ids, 0, chosen);
        int kept = 0;
        for (int c = 0; c < chosen; c++) {
            if (top || q.exact[c] > s.limits[q.ids[c]]) {
                q.found[kept++] = c;
            }
        }
        hits.addRow(q.found, kept, q.ids, q.exact);
    }

    /**
     * Computes again in float32 what BATCH_TOPK chose by a product of bfloat16. Not before: which latents are compared
     * depends on a guess, and the choice must not.
     */
    void refine(StepInput s, Scratch q) {
        if (s.encoder.type != PanelType.BFLOAT16) {
            return;
        }
        spare.clear();
        for (int r = 0; r < count; r++) {
            int size = 0;
            for (int h = hits.starts[r]; h < hits.starts[r + 1]; h++) {
                float pi = hits.pi[h];
                if (pi > rowPass.limit || (pi == rowPass.limit && rowPass.ties-- > 0)) {
                    q.ids[size] = hits.ids[h];
                    q.z[size++] = pi;
                }
            }
            boolean few = (long) size * FEW <= s.n;
            if (few) {
                Contenders.dots(s, q, first + r, q.ids, 0, size);
            }
            spare.addRow(q.found, all(q.found, size), q.ids, few ? q.exact : q.z);
        }
        Candidates old = hits;
        hits = spare;
        spare = old;
        rowPass.limit = 0;
        rowPass.ties = 0;
    }

    static int all(int[] found, int size) {
        for (int c = 0; c < size; c++) {
            found[c] = c;
        }
        return size;
    }

    private void row(StepInput s, Scratch q, int r) {
        float[] bDec = s.parameters.bDec();
        boolean same = s.input == s.target;
        s.input.copyRow(r, q.x);
        float[] y = same ? q.x : q.y;
        if (!same) {
            s.target.copyRow(r, y);
            finite &= Float.isFinite(VectorOps.dot(q.x, 0, q.x, 0, s.dIn));
        }
        energy += VectorOps.dot(y, 0, y, 0, s.dOut);
        int at = s.errorAt(0, r);
        for (int j = 0; j < s.dOut; j++) {
            float c = y[j] - bDec[j];
            targetSum[j] += c;
            s.errors[at + j] = -c; // ŷ − y = Σ f_i d_i − (y − b_dec)
        }
        centredEnergy += VectorOps.dot(s.errors, at, s.errors, at, s.dOut);
        int to = r * s.dIn;
        System.arraycopy(q.x, 0, s.centred, to, s.dIn);
        if (s.rule.subtractBias()) {
            for (int j = 0; j < s.dIn; j++) {
                s.centred[to + j] -= bDec[j];
            }
        }
        if (s.rule.sparsity().preActivation() > 0) {
            for (int j = 0; j < s.dIn; j++) {
                inputSum[j] += s.centred[to + j];
            }
        }
    }

    /** The largest pre-activations among dead latents, not rectified. */
    private void revive(StepInput s, Scratch q, int r) {
        int at = r * s.dead.length;
        int chosen = q.topK.select(q.deadPi, at, s.dead.length, Math.min(s.rule.auxK(), s.dead.length), q.found);
        System.arraycopy(q.deadPi, at, q.exact, 0, s.dead.length);
        revived.addRow(q.found, chosen, s.dead, q.exact);
    }

    static double[] zeros(double[] old, int length) {
        if (old.length != length) {
            return new double[length];
        }
        Arrays.fill(old, 0);
        return old;
    }
}
