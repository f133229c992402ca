package dev.loupe.eval;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.math.DoubleOps;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.StoreManifest;
import org.jspecify.annotations.Nullable;

/** The losses of a report. Those that do not depend on the SAE are measured once for several SAEs of one place. */
final class Losses {
    /** Predictions that the splice of x̂ + (x − x̂) is checked on. */
    private static final int IDENTITY_TOKENS = 2048;

    private static final Recent<Baseline> BASELINES = new Recent<>();

    private Losses() {}

    /** Losses without the SAE. */
    private record Baseline(double[] clean, double zero, double mean) {}

    /** @param place which of the places that the SAE writes is replaced */
    static SaeReport.Loss measure(
            Sae sae,
            String place,
            ActivationStore store,
            LanguageModel model,
            @Nullable DocumentSource source,
            EvalOptions options,
            Progress progress) {
        StoreManifest.Model captured = store.manifest().content().model();
        if (!captured.weightsChecksum().equals(model.weightsChecksum())) {
            throw new LoupeException("The store " + store.name() + " was captured from the model " + captured.id()
                    + ", but the model " + model.id() + " has other weights: evaluate with the same model.");
        }
        LossText text = source == null
                ? LossText.heldOut(store, options.lossTokens())
                : LossText.of(source, store, model, options.lossTokens());
        HookPoint hook = model.hook(place).hook();
        SpliceLoss pass = new SpliceLoss(model, hook, text, options.batch());
        Splices splices = new Splices(sae, place, store, model);
        String key = String.join(
                "|", store.fingerprint(), hook.name(), source == null ? "" : source.fingerprint(), options.toString());
        Baseline base = BASELINES.get(key, () -> baseline(pass, store.mean(hook.name()), text, progress));
        if (base.clean().length == 0) {
            throw new LoupeException("The held-out text of " + store.name()
                    + " has no token to predict: every sequence is one token long.");
        }
        progress.stage("loss with " + sae.name() + " spliced in", base.clean().length, "tokens");
        double spliced = DoubleOps.mean(
                pass.with(splices.reconstruction(), progress, text.sequences().size()));
        double[] identity = pass.with(splices.identity(), Progress.silent(), pass.sequencesWithin(IDENTITY_TOKENS));
        double identityError = 0;
        for (int i = 0; i < identity.length; i++) {
            identityError = Math.max(identityError, Math.abs(identity[i] - base.clean()[i]));
        }
        double clean = DoubleOps.mean(base.clean());
        return new SaeReport.Loss(
                text.describe(),
                base.clean().length,
                clean,
                spliced,
                base.zero(),
                base.mean(),
                spliced - clean,
                (base.zero() - spliced) / (base.zero() - clean),
                (base.mean() - spliced) / (base.mean() - clean),
                identityError);
    }

    private static Baseline baseline(SpliceLoss pass, float[] meanRow, LossText text, Progress progress) {
        int all = text.sequences().size();
        long predictions = text.sequences().stream().mapToLong(s -> s.length).sum();
        progress.stage("loss without the SAE", predictions, "tokens");
        double[] clean = pass.clean(progress);
        progress.stage("loss with zero and mean ablation", 2 * predictions, "tokens");
        double zero = DoubleOps.mean(pass.with(SpliceLoss.constant(new float[meanRow.length]), progress, all));
        double mean = DoubleOps.mean(pass.with(SpliceLoss.constant(meanRow), progress, all));
        return new Baseline(clean, zero, mean);
    }
}
