package dev.loupe.inspect;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.feature.PartialText;
import dev.loupe.math.Matrix;
import dev.loupe.math.TopK;
import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SparseCodes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Runs a text with and without a latent: {@link AblationEffect}. */
public final class LatentAblation {
    /** Logits at a time: 64 MiB. */
    private static final long MOST_LOGITS = 1L << 24;

    private static final int TOKENS = 8;

    private LatentAblation() {}

    /**
     * Measures the effect.
     *
     * @param positions at most so many positions are taken out alone
     */
    public static AblationEffect run(
            Sae sae, LanguageModel model, InspectedText text, int id, int positions, Progress progress) {
        if (id < 0 || id >= sae.dSae()) {
            throw new NotFoundException("The SAE " + sae.name() + " has no feature " + id + "; its features are 0 to "
                    + (sae.dSae() - 1) + ".");
        }
        if (positions < 0 || positions > 64) {
            throw new UsageException("At most 64 positions are taken out one by one, not " + positions + ".");
        }
        if (sae.hooksIn().size() > 1 || sae.hooksOut().size() > 1) {
            throw new UsageException("The crosscoder " + sae.name()
                    + " reads or writes several places at once; the effect of a latent is measured at one place only.");
        }
        SaeNeeds.check(sae, model);
        HookPoint in = model.hook(sae.hookName()).hook();
        String out = sae.isTranscoder() ? sae.config().hookNameOut() : null;
        HookPoint place = out == null ? in : model.hook(out).hook();
        int n = text.ids().length;
        Forward base = model.forward(TokenBatch.of(text.ids()), Taps.read(in), Want.ALL_LOGITS);
        float[] values = values(sae, model, text, base.activation(in), id);
        int[] strongest = IntStream.range(0, n)
                .filter(p -> values[p] > 0)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer p) -> -values[p]).thenComparingInt(p -> p))
                .limit(positions)
                .mapToInt(Integer::intValue)
                .toArray();
        List<float[]> masks = new ArrayList<>(); // what is taken out of each run
        masks.add(values);
        for (int p : strongest) {
            float[] one = new float[n];
            one[p] = values[p];
            masks.add(one);
        }
        float[] loss = losses(base.allLogits(), 0, text.ids());
        float[] everywhere = new float[n];
        List<AblationEffect.AtPosition> found = new ArrayList<>();
        int atOnce = (int) Math.clamp(MOST_LOGITS / ((long) n * model.config().dVocab()), 1, 16);
        progress.stage("take out " + sae.name() + ":" + id, masks.size(), "runs");
        for (int from = 0; from < masks.size(); from += atOnce) {
            progress.check();
            List<float[]> part = masks.subList(from, Math.min(masks.size(), from + atOnce));
            int[][] rows = new int[part.size()][];
            Arrays.fill(rows, text.ids());
            Activation logits = model.forward(
                            TokenBatch.of(rows), Taps.edit(place, a -> subtract(a, part, sae, id)), Want.ALL_LOGITS)
                    .allLogits();
            for (int r = 0; r < part.size(); r++) {
                float[] difference = losses(logits, r, text.ids());
                for (int t = 0; t < n; t++) {
                    difference[t] -= loss[t];
                }
                if (from + r == 0) {
                    everywhere = difference;
                } else {
                    int p = strongest[from + r - 1];
                    Arrays.fill(difference, 0, Math.min(n, p + 1), 0);
                    found.add(effect(
                            model, p, values[p], difference, base.allLogits().row(0, p), logits.row(r, p)));
                }
            }
            progress.advance(from + part.size());
        }
        return new AblationEffect(sae.name(), id, text, values, loss, everywhere, List.copyOf(found));
    }

    private static float[] values(Sae sae, LanguageModel model, InspectedText text, Activation x, int id) {
        float[][] rows = new float[text.ids().length][];
        for (int p = 0; p < rows.length; p++) {
            rows[p] = x.row(0, p);
        }
        SparseCodes codes = sae.encode(Matrix.copyOf(rows));
        float[] values = new float[rows.length];
        for (int p = 0; p < rows.length; p++) {
            // no SAE was trained on special tokens
            values[p] = model.tokenizer().isSpecial(text.ids()[p]) ? 0 : codes.value(p, id);
        }
        return values;
    }

    private static void subtract(Activation a, List<float[]> masks, Sae sae, int id) {
        float[] direction = sae.decoderRows().row(id);
        for (int b = 0; b < a.batch(); b++) {
            for (int p = 0; p < a.length(b); p++) {
                float value = masks.get(b)[p];
                if (value != 0) {
                    float[] row = a.row(b, p);
                    for (int i = 0; i < row.length; i++) {
                        row[i] -= value * direction[i];
                    }
                    a.setRow(b, p, row);
                }
            }
        }
    }

    /** Loss of every token, 0 for the first. */
    private static float[] losses(Activation logits, int row, int[] ids) {
        float[] losses = new float[ids.length];
        for (int p = 0; p + 1 < ids.length; p++) {
            losses[p + 1] = (float) -new Softmax(logits.row(row, p)).logProbability(ids[p + 1]);
        }
        return losses;
    }

    private static AblationEffect.AtPosition effect(
            LanguageModel model, int position, float activation, float[] difference, float[] with, float[] without) {
        Softmax a = new Softmax(with);
        Softmax b = new Softmax(without);
        float[] effect = new float[with.length];
        float[] opposite = new float[with.length];
        for (int t = 0; t < effect.length; t++) {
            effect[t] = with[t] - without[t];
            opposite[t] = -effect[t];
        }
        return new AblationEffect.AtPosition(
                position,
                activation,
                difference,
                a.kl(b),
                changes(model, effect, 1, a, b),
                changes(model, opposite, -1, a, b));
    }

    private static List<AblationEffect.Change> changes(
            LanguageModel model, float[] by, float sign, Softmax with, Softmax without) {
        int[] ids = new int[TOKENS];
        int found = new TopK().select(by, 0, by.length, Math.min(TOKENS, by.length), ids);
        return IntStream.range(0, found)
                .mapToObj(k -> new AblationEffect.Change(
                        ids[k],
                        PartialText.token(model.tokenizer(), ids[k]),
                        sign * by[ids[k]],
                        with.probability(ids[k]),
                        without.probability(ids[k])))
                .sorted(Comparator.comparingDouble((AblationEffect.Change c) -> -sign * c.effect())
                        .thenComparingInt(AblationEffect.Change::token))
                .toList();
    }
}
