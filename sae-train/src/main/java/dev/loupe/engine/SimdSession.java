package dev.loupe.engine;

import dev.loupe.kernel.PanelType;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.math.TopK;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The session of {@link SimdEngine}: owns the state in native memory and drives the two halves of a step. */
final class SimdSession implements TrainSession {
    /** The share of a small wanted pre-activation of a step that is the next step's guess; changes no result. */
    private static final float GUESS = 0.95f;

    /** For one row in so many the guess may be too high, and the row is multiplied once more; changes no result. */
    private static final int SPARED = 512;

    /** Steps without dense products after which their memory is given back. */
    private static final int IDLE = 20;

    private final Arena arena = Arena.ofShared();
    private final Parameters p;
    private final Parameters m;
    private final Parameters v;
    private @Nullable Parameters average;
    private final int[] sinceFired;
    private double[] activity;
    private long step;

    private final Pairs sorted = new Pairs();
    private final int[] starts;
    private final LatentSums sums;
    private final float[][] bDecParts;
    private final BatchThreshold batchThreshold = new BatchThreshold();
    private final ConcurrentLinkedDeque<ForwardTile.Scratch> scratch = new ConcurrentLinkedDeque<>();
    private ForwardTile[] tiles = new ForwardTile[0];
    private float[] least = new float[0];
    private final SimdEngine engine;
    private final StepClock[] clocks;
    private final long[] nanos = new long[StepClock.PARTS];
    private @Nullable StepInput input;
    private final Map<PanelType, EncoderPanels> encoders = new EnumMap<>(PanelType.class);
    private @Nullable EncoderPanels encoder;
    private LatentUpdate.@Nullable Kept gradients;
    private @Nullable DenseStep operands;
    private int idle;
    private boolean stale = true;
    /** Whether most rows of a step were too uneven for 8-bit integers; wider ones give the same result. */
    private boolean uneven;

    SimdSession(TrainState initial, SimdEngine engine) {
        this.engine = engine;
        p = initial.parameters().zeros(arena);
        m = initial.parameters().zeros(arena);
        v = initial.parameters().zeros(arena);
        sinceFired = new int[p.dSae()];
        activity = new double[p.dSae()];
        starts = new int[p.dSae() + 1];
        sums = new LatentSums(p.dSae());
        clocks = new StepClock[Math.ceilDiv(p.dSae(), LatentUpdate.CHUNK)];
        Arrays.setAll(clocks, c -> new StepClock());
        bDecParts = new float[Math.ceilDiv(p.dSae(), LatentUpdate.CHUNK)][p.dIn()];
        restore(initial);
    }

    @Override
    public StepMetrics step(Matrix x, Matrix target, StepRule rule) {
        StepCheck.check(p, x, target, rule);
        int[] dead = IntStream.range(0, sinceFired.length)
                .filter(i -> sinceFired[i] >= rule.deadAfter())
                .toArray();
        boolean revive = rule.aux() > 0 && rule.auxK() > 0;
        int[] revived = revive ? dead : new int[0];
        EncoderPanels packed = packed(engine.type(rule, p.dSae(), revived.length > 0));
        StepInput s = input == null ? input = new StepInput(arena, p, packed, x, rule) : input;
        s.begin(x, target, rule, packed, revived);
        s.dense = dense(s);
        forward(s);
        uneven |= 2L * Arrays.stream(tiles).mapToLong(t -> t.coarse).sum() > s.rows;
        BatchSums b = new BatchSums(tiles, s);
        Pairs[] parts = new Pairs[tiles.length];
        for (int t = 0; t < parts.length; t++) {
            parts[t] = tiles[t].rowPass.pairs;
        }
        sorted.sortByLatent(parts, starts, s.groups * s.rows, (float) b.auxWeight());
        LatentGradients g = new LatentGradients(s, sorted, starts, sums, dead, b.inputSum(), b.l0());
        LatentUpdate.Kept room = null;
        if (rule.clip() > 0 || s.dense != null) {
            room = gradients == null ? gradients = LatentUpdate.Kept.of(arena, p) : gradients;
        }
        LatentUpdate update = new LatentUpdate(s, g, room);
        double squares = 0;
        if (s.dense != null && room != null) {
            squares = dense(s.dense, update, room);
        } else {
            each(g::prepare);
        }
        StepMetrics metrics = b.metrics(sums, dead.length);
        if (!Double.isFinite(metrics.loss())) {
            throw ScalarEngine.diverged(step + 1);
        }
        step++;
        return apply(s, b, g, update, room, squares, metrics);
    }

    /** The encoder in the type that a product wants, as it is now. */
    private EncoderPanels packed(PanelType wanted) {
        PanelType type = wanted == PanelType.INT8 && uneven ? PanelType.INT16 : wanted;
        // kept by type: where the number of active latents moves about a limit, steps go to and fro between two of them
        EncoderPanels e = encoders.computeIfAbsent(type, t -> new EncoderPanels(arena, t, p.encoderRows()));
        if (e != encoder) {
            encoder = e;
            stale = true; // steps renew the rows of their own type only
        }
        if (stale) {
            e.renew();
            stale = false;
        }
        return e;
    }

    private void forward(StepInput s) {
        int count = Math.ceilDiv(s.rows, ForwardTile.ROWS);
        if (tiles.length != count) {
            int kept = Math.min(tiles.length, count);
            tiles = Arrays.copyOf(tiles, count);
            for (int t = kept; t < count; t++) {
                tiles[t] = new ForwardTile();
            }
        }
        if (s.rule.selection() != Selection.BATCH_TOPK) {
            boolean later = s.encoder.type.isInteger();
            if (later) {
                eachTile(s, count, (t, q) -> encode(s, t, q));
                exact(s, count);
            }
            eachTile(s, count, (t, q) -> {
                tiles[t].hits = q.hits; // of no use after the tile
                if (later) {
                    tiles[t].choose(s, q);
                } else {
                    encode(s, t, q);
                }
                decode(s, t, q);
            });
            s.guess = GUESS * least(s.rows, s.rows / SPARED);
            return;
        }
        batchThreshold.begin(s, c -> encode(s, c), tiles[0]);
        do {
            encode(s, count);
        } while (!batchThreshold.found(s, tiles));
        eachTile(s, count, (t, q) -> {
            tiles[t].refine(s, q);
            decode(s, t, q);
        });
    }

    /** What the rows want at least, per norm of a row, but for the {@code spared} that want least. */
    private float least(int rows, int spared) {
        if (least.length != rows) {
            least = new float[rows];
        }
        for (ForwardTile t : tiles) {
            System.arraycopy(t.least, 0, least, t.first, t.count);
        }
        return TopK.kthLargest(least, rows, rows - spared);
    }

    /** Encodes so many tiles, to their hits. */
    private void encode(StepInput s, int count) {
        eachTile(s, count, (t, q) -> encode(s, t, q));
        if (s.encoder.type.isInteger()) {
            exact(s, count);
            eachTile(s, count, (t, q) -> tiles[t].choose(s, q));
        }
    }

    /** Pre-activations in float32 of what integers left over: for all rows with the same few latents at a time. */
    private void exact(StepInput s, int count) {
        int latents = Math.max(1, engine.near / (4 * p.dIn()));
        for (int from = 0; from < p.dSae(); from += latents) {
            int end = Math.min(p.dSae(), from + latents);
            eachTile(s, count, (t, q) -> tiles[t].exact(s, q, end));
        }
    }

    private void decode(StepInput s, int t, ForwardTile.Scratch q) {
        tiles[t].clock.begin();
        tiles[t].rowPass.run(s, q, tiles[t]);
        tiles[t].clock.lap(StepClock.DECODE);
    }

    private void encode(StepInput s, int t, ForwardTile.Scratch q) {
        int first = t * ForwardTile.ROWS;
        tiles[t].encode(s, q, first, Math.min(ForwardTile.ROWS, s.rows - first));
    }

    private void eachTile(StepInput s, int count, BiConsumer<Integer, ForwardTile.Scratch> work) {
        Parallel.run(count, t -> {
            ForwardTile.Scratch mine = scratch(s);
            work.accept(t, mine);
            scratch.addFirst(mine);
        });
    }

    private ForwardTile.Scratch scratch(StepInput s) {
        ForwardTile.Scratch mine = scratch.pollFirst();
        return mine == null ? new ForwardTile.Scratch(s) : mine;
    }

    /** The operands of dense products, if they pay for this step as far as its rule or its first rows tell. */
    private @Nullable DenseStep dense(StepInput s) {
        if (!engine.mayBeDense(s.rule, s.dead.length > 0)) {
            return null;
        }
        double active = s.rule.k();
        if (active == 0) {
            ForwardTile first = new ForwardTile();
            int rows = Math.min(ForwardTile.ROWS, s.rows);
            ForwardTile.Scratch mine = scratch(s);
            first.encode(s, mine, 0, rows);
            scratch.addFirst(mine);
            active = (double) first.found() / rows;
        }
        boolean widens = engine.mayWiden(s.encoder.type);
        if (!engine.dense(active, p.dSae()) || !(widens || s.encoder.type == PanelType.FLOAT32)) {
            idle++;
            operands = idle > IDLE ? null : operands;
            return null;
        }
        if (widens) {
            s.encoder =
                    packed(PanelType.FLOAT32); // nothing else of what was begun depends on it where nothing is revived
        }
        idle = 0;
        DenseStep d = operands == null ? operands = new DenseStep(s) : operands;
        d.begin();
        return d;
    }

    /** Makes and keeps all gradients; returns Σ of the squares of those of latents. */
    private double dense(DenseStep d, LatentUpdate update, LatentUpdate.Kept room) {
        d.rows();
        double[] parts = new double[Math.ceilDiv(p.dSae(), DenseChunk.LATENTS)];
        Parallel.run(parts.length, c -> {
            clocks[c].begin();
            parts[c] = update.measureDense(c, d, room);
            clocks[c].lap(StepClock.GRADIENTS);
        });
        return Arrays.stream(parts).sum();
    }

    /** Work on all latents, a chunk a task. */
    private void each(java.util.function.IntConsumer work) {
        Parallel.run(clocks.length, c -> {
            clocks[c].begin();
            work.accept(c);
            clocks[c].lap(StepClock.GRADIENTS);
        });
    }

    private StepMetrics apply(
            StepInput s,
            BatchSums b,
            LatentGradients g,
            LatentUpdate update,
            LatentUpdate.@Nullable Kept room,
            double measured,
            StepMetrics metrics) {
        for (int i = 0; i < sinceFired.length; i++) {
            activity[i] += sums.activation[i];
            sinceFired[i] = sums.firing[i] > 0 ? 0 : sinceFired[i] + 1;
        }
        StepRule rule = s.rule;
        if (rule.average() > 0 && average == null) {
            average = p.copy();
        }
        double[] bDec = b.errorSum();
        if (rule.subtractBias()) {
            Parallel.run(bDecParts.length, c -> g.throughEncoder(c, bDecParts[c]));
            for (float[] part : bDecParts) {
                for (int j = 0; j < bDec.length; j++) {
                    bDec[j] += part[j];
                }
            }
        }
        SkipUpdate skip = new SkipUpdate(s);
        double factor = 1;
        StepMetrics result = metrics;
        if (rule.clip() > 0 && room != null) {
            double squares = measured;
            if (s.dense == null) {
                double[] parts = new double[bDecParts.length];
                each(c -> parts[c] = update.measure(c, room));
                squares = Arrays.stream(parts).sum();
            }
            squares += skip.squares();
            for (double each : bDec) {
                squares += each * each;
            }
            factor = Math.min(1, rule.clip() / (Math.sqrt(squares) + 1e-6));
            result = ScalarEngine.withNorm(metrics, Math.sqrt(squares));
        }
        AdamKernel adam = new AdamKernel(rule.adam(), step);
        Parameters kept = rule.average() > 0 ? average : null;
        LatentUpdate.Optimiser o = new LatentUpdate.Optimiser(m, v, kept, rule.average(), adam, factor);
        Parallel.run(bDecParts.length, c -> update.run(c, o, clocks[c]));
        for (ForwardTile t : tiles) {
            t.clock.drain(nanos);
        }
        for (StepClock c : clocks) {
            c.drain(nanos);
        }
        for (int j = 0; j < bDec.length; j++) {
            adam.update(p.bDec(), m.bDec(), v.bDec(), j, factor * bDec[j]);
            if (kept != null) {
                kept.bDec()[j] = (float) (rule.average() * kept.bDec()[j] + (1 - rule.average()) * p.bDec()[j]);
            }
        }
        skip.run(o);
        return result;
    }

    @Override
    public StepTimes times() {
        return StepTimes.ofNanos(nanos);
    }

    @Override
    public float[] rowErrors() {
        return input == null ? new float[0] : input.rowErrors;
    }

    @Override
    public double[] activity() {
        return activity;
    }

    @Override
    public int[] sinceFired() {
        return sinceFired;
    }

    @Override
    public Parameters parameters() {
        return p;
    }

    @Override
    public void recycle(List<Replacement> replacements) {
        for (Replacement r : replacements) {
            int i = r.latent();
            p.encoderRows().setRow(i, r.encoderRow());
            p.decoderRows().setRow(i, r.decoderRow());
            p.bEnc()[i] = r.bEnc();
            m.clearLatent(i);
            v.clearLatent(i);
            if (average != null) { // nothing of the old latent is left in what is kept in the end
                average.copyLatent(p, i);
            }
            sinceFired[i] = 0;
        }
        activity = new double[activity.length];
        stale = true;
    }

    @Override
    public TrainState snapshot() {
        return new TrainState(p, m, v, average, sinceFired, activity, step).copy();
    }

    @Override
    public void restore(TrainState state) {
        p.copyFrom(state.parameters());
        m.copyFrom(state.m());
        v.copyFrom(state.v());
        average = state.average() == null ? null : state.average().copy();
        System.arraycopy(state.sinceFired(), 0, sinceFired, 0, sinceFired.length);
        activity = state.activity().clone();
        step = state.step();
        stale = true;
    }

    @Override
    public void close() {
        arena.close();
    }
}
