package dev.loupe.eval;

import dev.loupe.base.Progress;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.math.DoubleOps;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How far the model's predictions move when x̂ replaces x: KL(clean ‖ spliced) per predicted token, beside zero and mean
 * ablation; the score is (KL_zero − KL_sae) / KL_zero (SAEBench, section 3; SAELens).
 */
final class KlScore {
    /** All logits are needed twice, so it looks at fewer tokens than the losses. */
    private static final int TOKENS = 1024;

    private KlScore() {}

    static ReportCard.Kl measure(
            Sae sae,
            String place,
            ActivationStore store,
            LanguageModel model,
            @Nullable DocumentSource source,
            EvalOptions options,
            Progress progress) {
        LossText text = source == null
                ? LossText.heldOut(store, Math.min(TOKENS, options.lossTokens() == 0 ? TOKENS : options.lossTokens()))
                : LossText.of(source, store, model, TOKENS);
        HookPoint hook = model.hook(place).hook();
        SpliceLoss pass = new SpliceLoss(model, hook, text, 1);
        float[] mean = store.mean(place);
        progress.stage("KL with " + sae.name() + " spliced in", text.sequences().size(), "sequences");
        double[][] kl = pass.kl(
                List.of(
                        new Splices(sae, place, store, model).reconstruction(),
                        SpliceLoss.constant(new float[mean.length]),
                        SpliceLoss.constant(mean)),
                progress);
        double spliced = DoubleOps.mean(kl[0]);
        double zero = DoubleOps.mean(kl[1]);
        return new ReportCard.Kl(kl[0].length, spliced, zero, DoubleOps.mean(kl[2]), (zero - spliced) / zero);
    }

    /** KL(softmax(a) ‖ softmax(b)) in nats, by log-sum-exp in double precision. */
    static double divergence(float[] a, float[] b) {
        double logA = logSumExp(a);
        double logB = logSumExp(b);
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            double p = a[i] - logA;
            sum += Math.exp(p) * (p - (b[i] - logB));
        }
        return Math.max(0, sum);
    }

    private static double logSumExp(float[] v) {
        double max = Double.NEGATIVE_INFINITY;
        for (float x : v) {
            max = Math.max(max, x);
        }
        double sum = 0;
        for (float x : v) {
            sum += Math.exp(x - max);
        }
        return max + Math.log(sum);
    }
}
