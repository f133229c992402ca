package dev.loupe.eval;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Editor;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Streams;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.store.ValueRule;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/**
 * The model's loss with something else in place of the activations at one hook point. Losses are those of predictions
 * made from ordinary positions; special positions (BOS) are never changed and never counted.
 */
final class SpliceLoss {
    /** Puts something in place of the rows of one pass. */
    @FunctionalInterface
    interface Replacement {
        /** [rows, width], changed in place. */
        void replace(Matrix rows);
    }

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

    /** x̂ in place of x. */
    static Replacement reconstruction(Sae sae) {
        return rows -> {
            try (Arena arena = Arena.ofShared()) {
                rows.copyFrom(sae.reconstruct(rows, arena));
            }
        };
    }

    /** x̂' + (x − x') in place of x, where x' is what a rule makes of x: what the SAE never saw passes it by. */
    static Replacement reconstruction(Sae sae, ValueRule rule) {
        return rows -> {
            try (Arena arena = Arena.ofShared()) {
                Matrix changed = Matrix.allocate(arena, rows.rows(), rows.cols());
                for (long r = 0; r < rows.rows(); r++) {
                    float[] x = rows.row(r);
                    rule.apply(x);
                    changed.setRow(r, x);
                }
                Matrix predicted = sae.reconstruct(changed, arena);
                for (long r = 0; r < rows.rows(); r++) {
                    float[] x = rows.row(r);
                    float[] explained = changed.row(r);
                    float[] p = predicted.row(r);
                    for (int j = 0; j < x.length; j++) {
                        // exact where the rule left x alone: the difference is zero there
                        x[j] = p[j] + (x[j] - explained[j]);
                    }
                    rows.setRow(r, x);
                }
            }
        };
    }

    /**
     * x̂ + (x − x̂) in place of x, in double precision, where the sum gives back x bit by bit: what then differs from the
     * clean loss comes from the splice itself.
     */
    static Replacement identity(Sae sae) {
        return rows -> {
            try (Arena arena = Arena.ofShared()) {
                Matrix predicted = sae.reconstruct(rows, arena);
                for (long r = 0; r < rows.rows(); r++) {
                    float[] x = rows.row(r);
                    float[] p = predicted.row(r);
                    for (int j = 0; j < x.length; j++) {
                        x[j] = (float) (p[j] + ((double) x[j] - p[j]));
                    }
                    rows.setRow(r, x);
                }
            }
        };
    }

    /** One vector in place of every x. */
    static Replacement constant(float[] vector) {
        return rows -> {
            for (long r = 0; r < rows.rows(); r++) {
                rows.setRow(r, vector);
            }
        };
    }

    /** Loss per counted prediction with nothing replaced, in nats. */
    double[] clean(Progress progress) {
        return losses(null, progress, text.sequences().size());
    }

    /** Loss per counted prediction of the first sequences with a replacement, in nats. */
    double[] with(Replacement replacement, Progress progress, int sequences) {
        return losses(replacement, progress, sequences);
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

    private double[] losses(@Nullable Replacement replacement, Progress progress, int count) {
        List<int[]> sequences = text.sequences();
        double[][] parts = new double[Math.ceilDiv(count, batch)][];
        AtomicLong done = new AtomicLong();
        Streams.run(parts.length, i -> {
            progress.check();
            int from = i * batch;
            int[][] ids = sequences.subList(from, Math.min(count, from + batch)).toArray(int[][]::new);
            Taps taps = replacement == null ? Taps.none() : Taps.edit(hook, new Splice(replacement, ids));
            parts[i] = counted(
                    ids,
                    model.forward(new TokenBatch(ids), taps, Want.TOKEN_LOSS).tokenLoss());
            synchronized (progress) {
                progress.advance(done.addAndGet(parts[i].length));
            }
        });
        return Arrays.stream(parts).flatMapToDouble(Arrays::stream).toArray();
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

    /** Gathers the ordinary rows of an activation, has them replaced, and puts them back. */
    private final class Splice implements Editor {
        private final Replacement replacement;
        private final int[][] ids;

        Splice(Replacement replacement, int[][] ids) {
            this.replacement = replacement;
            this.ids = ids;
        }

        @Override
        public void edit(Activation a) {
            int rows = 0;
            for (int[] sequence : ids) {
                rows += ordinary(sequence);
            }
            if (rows == 0) {
                return;
            }
            try (Arena arena = Arena.ofShared()) {
                Matrix x = Matrix.allocate(arena, rows, a.width());
                each(ids, (r, b, p) -> x.setRow(r, a.row(b, p)));
                replacement.replace(x);
                each(ids, (r, b, p) -> a.setRow(b, p, x.row(r)));
            }
        }

        private void each(int[][] ids, RowVisitor visitor) {
            int r = 0;
            for (int b = 0; b < ids.length; b++) {
                for (int p = 0; p < ids[b].length; p++) {
                    if (text.ordinary(ids[b], p)) {
                        visitor.visit(r++, b, p);
                    }
                }
            }
        }
    }

    @FunctionalInterface
    private interface RowVisitor {
        void visit(int row, int b, int p);
    }

    private int ordinary(int[] sequence) {
        int n = 0;
        for (int p = 0; p < sequence.length; p++) {
            n += text.ordinary(sequence, p) ? 1 : 0;
        }
        return n;
    }
}
