package dev.loupe.eval;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.math.DoubleOps;
import dev.loupe.math.Matrix;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SparseCodes;
import dev.loupe.sae.TranscoderSet;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.RowReader;
import java.lang.foreign.Arena;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/** Measures a transcoder set or cross-layer transcoder as a whole: every layer alone, and all of them in the model at once. */
public final class SetEvaluation {
    private static final int BLOCK = 2048;

    private SetEvaluation() {}

    /**
     * Measures. The report of a set that lies in a folder is saved beside its layers: {@link SetReport#file}.
     *
     * @throws LoupeException if set, store and model do not fit together, or nothing is held out
     */
    public static SetReport run(
            TranscoderSet set, ActivationStore store, LanguageModel model, EvalOptions options, Progress progress) {
        // long: one pass over the rows; its sums would otherwise travel through a dozen parameters
        if (store.heldOutRows() == 0) {
            throw new LoupeException("The activation store " + store.name()
                    + " has no held-out row to report on: capture it with --held-out 0.01 or more text.");
        }
        if (!store.manifest().content().model().weightsChecksum().equals(model.weightsChecksum())) {
            throw new LoupeException("The store " + store.name() + " was captured from other weights than the model "
                    + model.id() + " has: evaluate with the same model.");
        }
        SaeNeeds.check(set.layer(0), store);
        SaeNeeds.check(set.layer(0), model);
        SaeIdentity.folder(set.layer(0)).ifPresent(layer -> SetReport.checkReplaceable(layer, set.name()));
        long start = System.nanoTime();
        int layers = set.size();
        FiringCounts[] firing = new FiringCounts[layers];
        ReconstructionMetrics[] metrics = new ReconstructionMetrics[layers];
        for (int l = 0; l < layers; l++) {
            firing[l] = new FiringCounts(set.dSae(l));
            metrics[l] = new ReconstructionMetrics(
                    new Rows(store.reader(set.hookOut(l).name()), store.heldOutRowIds(), options.rows())
                            .mean(Progress.silent()));
        }
        long count = options.rows() == 0 ? store.heldOutRows() : Math.min(options.rows(), store.heldOutRows());
        progress.stage("evaluate " + set.name(), count, "tokens");
        for (long from = 0; from < count; from += BLOCK) {
            progress.check();
            int n = (int) Math.min(BLOCK, count - from);
            long[] ids = new long[n];
            for (int i = 0; i < n; i++) {
                ids[i] = store.heldOutRowIds().get((from + i) * store.heldOutRows() / count);
            }
            measure(set, store, ids, firing, metrics);
            progress.advance(from + n);
        }
        LossText text = LossText.heldOut(store, options.lossTokens());
        double[] deltas = new double[layers];
        int all = text.sequences().size();
        SpliceLoss pass =
                new SpliceLoss(model, model.hook(set.hookOut(0).name()).hook(), text, options.batch());
        progress.stage("loss of the model as it is", -1, "tokens");
        double[] clean = pass.clean(progress);
        for (int l = 0; l < layers; l++) {
            int only = l;
            progress.stage("loss with layer " + l + " replaced", clean.length, "tokens");
            deltas[l] = DoubleOps.mean(pass.through(ids -> taps(set, model, text, ids, only), progress, all))
                    - DoubleOps.mean(clean);
        }
        progress.stage("loss with all layers replaced", clean.length, "tokens");
        double replaced = DoubleOps.mean(pass.through(ids -> taps(set, model, text, ids, -1), progress, all));
        List<SetReport.Layer> reports = new ArrayList<>();
        double l0 = 0;
        double dead = 0;
        double latents = 0;
        for (int l = 0; l < layers; l++) {
            reports.add(new SetReport.Layer(
                    set.hookIn(l).name(),
                    set.hookOut(l).name(),
                    firing[l].l0(),
                    metrics[l].fvu(),
                    firing[l].dead(),
                    deltas[l]));
            l0 += firing[l].l0();
            dead += firing[l].dead();
            latents += set.dSae(l);
        }
        List<String> checksums = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            checksums.add(SaeIdentity.checksum(set.layer(l)));
        }
        SetReport report = new SetReport(
                SetReport.FORMAT,
                set.name(),
                store.name(),
                store.fingerprint(),
                checksums,
                set.modelId(),
                set.crossLayer(),
                count,
                l0,
                reports.stream().mapToDouble(SetReport.Layer::fvu).average().orElseThrow(),
                dead / latents,
                clean.length,
                DoubleOps.mean(clean),
                replaced,
                reports,
                (System.nanoTime() - start) / 1e9,
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        SaeIdentity.folder(set.layer(0)).ifPresent(layer -> report.save(layer));
        return report;
    }

    private static void measure(
            TranscoderSet set,
            ActivationStore store,
            long[] ids,
            FiringCounts[] firing,
            ReconstructionMetrics[] metrics) {
        try (Arena arena = Arena.ofShared()) {
            List<Matrix> x = new ArrayList<>();
            List<SparseCodes> codes = new ArrayList<>();
            for (int l = 0; l < set.size(); l++) {
                x.add(gather(store, set.hookIn(l), ids, arena));
                codes.add(set.encode(l, x.get(l)));
                firing[l].add(codes.get(l));
            }
            List<Matrix> predicted = set.decode(codes, x, arena);
            for (int l = 0; l < set.size(); l++) {
                Matrix y = gather(store, set.hookOut(l), ids, arena);
                for (int r = 0; r < ids.length; r++) {
                    metrics[l].add(y.row(r), predicted.get(l).row(r));
                }
            }
        }
    }

    private static Matrix gather(ActivationStore store, HookPoint hook, long[] ids, Arena arena) {
        RowReader reader = store.reader(hook.name());
        Matrix rows = Matrix.allocate(arena, ids.length, reader.width());
        reader.gather(ids, 0, ids.length, rows);
        return rows;
    }

    /** Latents are read where a layer reads, and put in place of its output: of one layer, or of all for {@code only} −1. */
    private static Taps taps(TranscoderSet set, LanguageModel model, LossText text, int[][] ids, int only) {
        Taps.Builder taps = Taps.builder();
        SparseCodes[] codes = new SparseCodes[set.size()];
        Matrix[] inputs = new Matrix[set.size()];
        for (int l = 0; l <= (only < 0 ? set.size() - 1 : only); l++) {
            int layer = l;
            taps.edit(model.hook(set.hookIn(l).name()).hook(), a -> {
                inputs[layer] = OrdinaryRows.gather(a, text, ids, Arena.ofAuto());
                codes[layer] = set.encode(layer, inputs[layer]);
            });
            if (only < 0 || l == only) {
                taps.edit(
                        model.hook(set.hookOut(l).name()).hook(),
                        a -> OrdinaryRows.put(a, text, ids, output(set, layer, codes, inputs[layer])));
            }
        }
        return taps.build();
    }

    private static Matrix output(TranscoderSet set, int to, SparseCodes[] codes, Matrix x) {
        Matrix out = Matrix.allocate(Arena.ofAuto(), x.rows(), set.dOut());
        for (int r = 0; r < x.rows(); r++) {
            float[] row = set.bDec(to);
            for (int from = 0; from <= to; from++) {
                for (int e = codes[from].start(r); set.writes(from, to) && e < codes[from].end(r); e++) {
                    set.addLatent(from, codes[from].ids()[e], to, codes[from].values()[e], row);
                }
            }
            set.addSkip(to, x.row(r), row);
            out.setRow(r, row);
        }
        return out;
    }
}
