package dev.loupe.steer;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.math.DoubleOps;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Backward;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LogitSeed;
import dev.loupe.model.Rules;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SparseCodes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Which latents made a model expect a token: gradient times activation. The score of latent i at a position is
 * f_i · (d_i · ∂ log p(token) / ∂h): to first order, how much the token's log-probability would fall if the latent were
 * ablated there and the SAE's error kept. One pass forward and one back.
 *
 * @param sae the SAE
 * @param tokens text of the tokens that were read
 * @param token the token asked about
 * @param tokenText its text
 * @param logprob its log-probability after the text, in nats
 * @param features latents by the sum of their scores over positions, largest size first
 * @param total sum of all scores of latents
 * @param error the score of what the SAE does not explain, with its b_dec
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record TokenAttribution(
        String sae,
        List<String> tokens,
        int token,
        String tokenText,
        double logprob,
        List<Feature> features,
        double total,
        double error) {

    /**
     * A latent.
     *
     * @param id its number
     * @param score over all positions, nats
     * @param scores at each position
     * @param activations at each position
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Feature(int id, double score, float[] scores, float[] activations) {}

    /**
     * Attributes the token after a text.
     *
     * @param ids the text
     * @param token the token asked about; −1 for the one that the model finds likeliest
     * @param limit at most so many latents
     * @throws UsageException if SAE and model do not fit, or an id is none of the vocabulary's
     * @throws dev.loupe.base.CancelledException if the progress asks for it
     */
    public static TokenAttribution of(
            LanguageModel model, Sae sae, int[] ids, int token, int limit, Progress progress) {
        SaeNeeds.check(sae, model);
        sae.requireSae("attribute");
        if (ids.length == 0 || ids.length > model.config().nCtx()) {
            throw new UsageException("The text has " + ids.length + " tokens; the model reads 1 to "
                    + model.config().nCtx() + ".");
        }
        if (token < -1 || token >= model.config().dVocab()) {
            throw new UsageException("The token id " + token + " is not in the vocabulary of the model.");
        }
        int[] asked = {token};
        HookPoint hook = model.hook(sae.hookName()).hook();
        progress.check();
        Backward back = model.backward(
                TokenBatch.of(ids), Taps.read(hook), BackwardPlan.of(logProb(asked), Rules.NONE, Set.of(hook)));
        Activation gradient = back.gradient(hook);
        Activation value = back.forward().activation(hook);
        float[][] rows = new float[ids.length][];
        for (int p = 0; p < ids.length; p++) {
            rows[p] = value.row(0, p);
        }
        progress.check();
        SparseCodes codes = sae.encode(Matrix.copyOf(rows));
        float[][] scores = new float[sae.dSae()][];
        float[][] activations = new float[sae.dSae()][];
        double total = 0;
        double all = 0;
        for (int p = 0; p < ids.length; p++) {
            progress.check();
            if (model.tokenizer().isSpecial(ids[p])) {
                continue; // no SAE was trained on special tokens
            }
            float[] g = gradient.row(0, p);
            all += DoubleOps.dot(g, rows[p]);
            for (int e = codes.start(p); e < codes.end(p); e++) {
                int id = codes.ids()[e];
                if (scores[id] == null) {
                    scores[id] = new float[ids.length];
                    activations[id] = new float[ids.length];
                }
                double s =
                        codes.values()[e] * DoubleOps.dot(g, sae.decoderRows().row(id));
                scores[id][p] = (float) s;
                activations[id][p] = codes.values()[e];
                total += s;
            }
        }
        List<Feature> features = new ArrayList<>();
        for (int i = 0; i < scores.length; i++) {
            if (scores[i] != null) {
                double sum = 0;
                for (float s : scores[i]) {
                    sum += s;
                }
                features.add(new Feature(i, sum, scores[i], activations[i]));
            }
        }
        features.sort(Comparator.comparingDouble((Feature f) -> -Math.abs(f.score())));
        return new TokenAttribution(
                sae.name(),
                List.copyOf(model.tokenizer().pieces(ids)),
                asked[0],
                model.tokenizer().token(asked[0]),
                back.value(0),
                List.copyOf(features.subList(0, Math.min(limit, features.size()))),
                total,
                all - total);
    }

    /** The log-probability of a token; where it is −1, the likeliest is put there. */
    private static LogitSeed logProb(int[] asked) {
        return (row, logits, grad) -> {
            int t = asked[0] < 0 ? largest(logits) : asked[0];
            asked[0] = t;
            double max = logits[largest(logits)];
            double sum = 0;
            for (float v : logits) {
                sum += Math.exp(v - max);
            }
            for (int i = 0; i < logits.length; i++) {
                grad[i] -= (float) (Math.exp(logits[i] - max) / sum);
            }
            grad[t] += 1;
            return logits[t] - max - Math.log(sum);
        };
    }

    private static int largest(float[] v) {
        int best = 0;
        for (int i = 1; i < v.length; i++) {
            best = v[i] > v[best] ? i : best;
        }
        return best;
    }
}
