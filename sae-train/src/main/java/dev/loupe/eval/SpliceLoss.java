package dev.loupe.eval;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Editor;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Streams;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.DoubleStream;

/**
 * The model's loss with something else in place of the activations at one hook point. Losses are those of predictions
 * made from ordinary positions; special positions (BOS) are never changed and never counted.
 */
final class SpliceLoss {
    /**
     * Puts something in place of the rows of one pass.
     *
     * @param reads other hook points whose values in the undisturbed pass it needs; empty if none
     * @param change gets what {@code reads} held side by side (the rows themselves where it is empty), and the rows, [rows,
     *     width], which it changes in place
     */
    record Replacement(List<HookPoint> reads, BiConsumer<Matrix, Matrix> change) {}

    private final LanguageModel model;
    private final HookPoint hook;
    private final LossText text;
    private final int batch;

    SpliceLoss(LanguageModel model, HookPoint hook, LossText text, int batch) {
        this.model = model;
        this.hook = hook;
        this.text = text;
        this.batch = batch;
    }

    /** One vector in place of every x. */
    static Replacement constant(float[] vector) {
        return new Replacement(List.of(), (in, rows) -> {
            for (long r = 0; r < rows.rows(); r++) {
                rows.setRow(r, vector);
            }
        });
    }

    /** Loss per counted prediction with nothing replaced, in nats. */
    double[] clean(Progress progress) {
        return through(ids -> Taps.none(), progress, text.sequences().size());
    }

    /** Loss per counted prediction of the first sequences with a replacement, in nats. */
    double[] with(Replacement replacement, Progress progress, int sequences) {
        return through(
                ids -> Taps.edit(hook, new Splice(replacement, ids, read(replacement, ids))), progress, sequences);
    }

    /** How many of the first sequences have about so many counted predictions together, at least one batch. */
    int sequencesWithin(long tokens) {
        long seen = 0;
        int s = 0;
        while (s < text.sequences().size() && (seen < tokens || s % batch != 0)) {
            seen += text.sequences().get(s++).length;
        }
        return s;
    }

    /** Loss per counted prediction of the first sequences with taps made for each pass, in nats. */
    double[] through(Function<int[][], Taps> tapping, Progress progress, int count) {
        List<int[]> sequences = text.sequences();
        double[][] parts = new double[Math.ceilDiv(count, batch)][];
        AtomicLong done = new AtomicLong();
        Streams.run(parts.length, i -> {
            progress.check();
            int from = i * batch;
            int[][] ids = sequences.subList(from, Math.min(count, from + batch)).toArray(int[][]::new);
            Taps taps = tapping.apply(ids);
            parts[i] = counted(
                    ids,
                    model.forward(new TokenBatch(ids), taps, Want.TOKEN_LOSS).tokenLoss());
            synchronized (progress) {
                progress.advance(done.addAndGet(parts[i].length));
            }
        });
        return Arrays.stream(parts).flatMapToDouble(Arrays::stream).toArray();
    }

    /** KL(clean ‖ replaced) of each counted prediction in nats, for each replacement. */
    double[][] kl(List<Replacement> replacements, Progress progress) {
        List<int[]> sequences = text.sequences();
        double[][][] parts = new double[sequences.size()][][];
        AtomicLong done = new AtomicLong();
        Streams.run(parts.length, i -> {
            progress.check();
            int[][] ids = {sequences.get(i)};
            TokenBatch batch = new TokenBatch(ids);
            Activation clean =
                    model.forward(batch, Taps.none(), Want.ALL_LOGITS).allLogits();
            parts[i] = new double[replacements.size()][];
            for (int r = 0; r < replacements.size(); r++) {
                Replacement replacement = replacements.get(r);
                Taps taps = Taps.edit(hook, new Splice(replacement, ids, read(replacement, ids)));
                Activation changed = model.forward(batch, taps, Want.ALL_LOGITS).allLogits();
                DoubleStream.Builder kept = DoubleStream.builder();
                for (int p = 0; p + 1 < ids[0].length; p++) {
                    if (text.ordinary(ids[0], p)) {
                        kept.add(KlScore.divergence(clean.row(0, p), changed.row(0, p)));
                    }
                }
                parts[i][r] = kept.build().toArray();
            }
            synchronized (progress) {
                progress.advance(done.incrementAndGet());
            }
        });
        double[][] all = new double[replacements.size()][];
        for (int r = 0; r < all.length; r++) {
            int at = r;
            all[r] = Arrays.stream(parts)
                    .flatMapToDouble(part -> Arrays.stream(part[at]))
                    .toArray();
        }
        return all;
    }

    /** The losses of predictions that are made from ordinary positions. */
    private double[] counted(int[][] ids, float[][] losses) {
        DoubleStream.Builder kept = DoubleStream.builder();
        for (int b = 0; b < ids.length; b++) {
            for (int p = 0; p + 1 < ids[b].length; p++) {
                if (text.ordinary(ids[b], p)) {
                    kept.add(losses[b][p]);
                }
            }
        }
        return kept.build().toArray();
    }

    /** What a replacement reads, at the positions of a pass without it. */
    private List<Activation> read(Replacement replacement, int[][] ids) {
        if (replacement.reads().isEmpty()) {
            return List.of();
        }
        Forward clean = model.forward(new TokenBatch(ids), Taps.read(replacement.reads()), Want.NOTHING);
        return replacement.reads().stream().map(clean::activation).toList();
    }

    /** Gathers the ordinary rows of an activation, has them replaced, and puts them back. */
    private final class Splice implements Editor {
        private final Replacement replacement;
        private final int[][] ids;
        private final List<Activation> inputs;

        Splice(Replacement replacement, int[][] ids, List<Activation> inputs) {
            this.replacement = replacement;
            this.ids = ids;
            this.inputs = inputs;
        }

        @Override
        public void edit(Activation a) {
            try (Arena arena = Arena.ofShared()) {
                Matrix x = OrdinaryRows.gather(a, text, ids, arena);
                if (x.rows() == 0) {
                    return;
                }
                Matrix in = inputs.isEmpty()
                        ? x
                        : Matrix.allocate(
                                arena,
                                x.rows(),
                                inputs.stream().mapToInt(Activation::width).sum());
                int at = 0;
                for (Activation input : inputs) {
                    OrdinaryRows.gather(input, text, ids, arena).copyInto(in, at);
                    at += input.width();
                }
                replacement.change().accept(in, x);
                OrdinaryRows.put(a, text, ids, x);
            }
        }
    }
}
