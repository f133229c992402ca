package dev.loupe.engine;

import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.SaeWeights;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The session of {@link SimdEngine}: owns the state in native memory and drives the two halves of a step. */
final class SimdSession implements TrainSession {
    private final Arena arena = Arena.ofShared();
    private final SaeWeights p;
    private final SaeWeights m;
    private final SaeWeights v;
    private final int[] sinceFired;
    private long step;

    private final Pairs sorted = new Pairs();
    private final int[] starts;
    private final float[][] bDecParts;
    private final ConcurrentLinkedDeque<ForwardTile.Scratch> scratch = new ConcurrentLinkedDeque<>();
    private ForwardTile[] tiles = new ForwardTile[0];
    private @Nullable StepInput input;

    SimdSession(TrainState initial) {
        p = like(initial.parameters());
        m = like(initial.parameters());
        v = like(initial.parameters());
        sinceFired = new int[p.dSae()];
        starts = new int[p.dSae() + 1];
        bDecParts = new float[Math.ceilDiv(p.dSae(), LatentUpdate.CHUNK)][p.dIn()];
        restore(initial);
    }

    private SaeWeights like(SaeWeights w) {
        return new SaeWeights(
                Matrix.allocate(arena, w.dSae(), w.dIn()),
                Matrix.allocate(arena, w.dSae(), w.decoderRows().cols()),
                new float[w.dSae()],
                new float[w.bDec().length],
                new float[w.threshold().length]);
    }

    @Override
    public StepMetrics step(Matrix batch, StepRule rule) {
        if (batch.cols() != p.dIn() || batch.rows() < 1) {
            throw new UsageException("A step needs rows of " + p.dIn() + " values, not " + batch + ".");
        }
        if (rule.architecture() == Architecture.JUMPRELU && !(rule.bandwidth() > 0)) {
            throw new UsageException("JumpReLU needs a bandwidth above 0.");
        }
        int[] dead = IntStream.range(0, sinceFired.length)
                .filter(i -> sinceFired[i] >= rule.deadAfter())
                .toArray();
        boolean revive = rule.architecture() == Architecture.TOPK && rule.aux() > 0 && rule.auxK() > 0;
        StepInput s = input == null ? input = new StepInput(p, batch, rule) : input;
        s.begin(batch, rule, revive ? dead : new int[0]);

        forward(s);
        StepMetrics metrics = metrics(s, dead.length);
        if (!Double.isFinite(metrics.loss())) {
            throw ScalarEngine.diverged(step + 1);
        }
        step++;
        update(s, metrics);
        return metrics;
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
        Parallel.run(count, t -> {
            ForwardTile.Scratch mine = scratch.pollFirst();
            if (mine == null) {
                mine = new ForwardTile.Scratch(s);
            }
            int first = t * ForwardTile.ROWS;
            tiles[t].run(s, mine, first, Math.min(ForwardTile.ROWS, s.rows - first));
            scratch.addFirst(mine);
        });
    }

    private StepMetrics metrics(StepInput s, int dead) {
        double[] mean = new double[s.d];
        double reconstruction = 0;
        double auxError = 0;
        double energy = 0;
        double variance = 0;
        double l1 = 0;
        long active = 0;
        for (ForwardTile t : tiles) {
            reconstruction += t.reconstruction;
            auxError += t.auxError;
            energy += t.energy;
            variance += t.centredEnergy;
            l1 += t.l1;
            active += t.active;
            for (int j = 0; j < s.d; j++) {
                mean[j] += t.inputSum[j] / s.rows;
            }
        }
        for (double c : mean) {
            variance -= s.rows * c * c;
        }
        double l0 = (double) active / s.rows;
        double penalty = switch (s.rule.architecture()) {
            case RELU -> s.rule.l1() * l1 / s.rows;
            case TOPK -> 0;
            case JUMPRELU -> s.rule.l0Penalty(l0);
        };
        auxWeight = s.dead.length > 0 && reconstruction > 0 ? s.rule.aux() * energy / reconstruction : 0;
        double aux = auxWeight * auxError / s.rows;
        double perRow = reconstruction / s.rows;
        return new StepMetrics(
                perRow + penalty + aux, perRow, penalty, aux, l0, l1 / s.rows, reconstruction / variance, dead);
    }

    private double auxWeight;

    private void update(StepInput s, StepMetrics metrics) {
        Pairs[] parts = new Pairs[tiles.length];
        for (int t = 0; t < parts.length; t++) {
            parts[t] = tiles[t].pairs;
        }
        sorted.sortByLatent(parts, starts, s.rows, (float) auxWeight);
        AdamKernel adam = new AdamKernel(s.rule.adam(), step);
        double slope = s.rule.architecture() == Architecture.JUMPRELU ? s.rule.l0Slope(metrics.l0()) : 0;
        LatentUpdate update = new LatentUpdate(s, sorted, starts, m, v, sinceFired, adam, slope);
        Parallel.run(bDecParts.length, c -> update.run(c, bDecParts[c]));
        double[] gradient = new double[s.d];
        for (ForwardTile t : tiles) {
            for (int j = 0; j < s.d; j++) {
                gradient[j] += t.errorSum[j];
            }
        }
        for (float[] part : bDecParts) {
            for (int j = 0; j < s.d; j++) {
                gradient[j] += part[j];
            }
        }
        for (int j = 0; j < s.d; j++) {
            adam.update(p.bDec(), m.bDec(), v.bDec(), j, gradient[j]);
        }
    }

    @Override
    public TrainState snapshot() {
        return new TrainState(p, m, v, sinceFired, step).copy();
    }

    @Override
    public void restore(TrainState state) {
        copy(state.parameters(), p);
        copy(state.m(), m);
        copy(state.v(), v);
        System.arraycopy(state.sinceFired(), 0, sinceFired, 0, sinceFired.length);
        step = state.step();
    }

    private static void copy(SaeWeights from, SaeWeights to) {
        to.encoderRows().copyFrom(from.encoderRows());
        to.decoderRows().copyFrom(from.decoderRows());
        System.arraycopy(from.bEnc(), 0, to.bEnc(), 0, to.bEnc().length);
        System.arraycopy(from.bDec(), 0, to.bDec(), 0, to.bDec().length);
        System.arraycopy(from.threshold(), 0, to.threshold(), 0, to.threshold().length);
    }

    @Override
    public void close() {
        arena.close();
    }
}
