package dev.loupe.steer;

import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/** Both models read one text: log-probabilities and KL(default ‖ steered) at every written token. */
final class Comparison {
    private static final int ALTERNATIVES = 5;

    private final LanguageModel model;
    private final CompiledVariant variant;
    private final int[] prompt;

    Comparison(LanguageModel model, CompiledVariant variant, int[] prompt) {
        this.model = model;
        this.variant = variant;
        this.prompt = prompt;
    }

    /**
     * A stream as both models see it.
     *
     * @param tokens its tokens
     * @param meanKl mean KL over its tokens; over the place after the prompt if nothing was written
     */
    record Stream(List<SteerResult.StreamToken> tokens, double meanKl) {}

    /**
     * Reads a written stream with both models, without a cache.
     *
     * @param written the tokens after the prompt
     * @param bySteered whether the steered model wrote it
     */
    Stream stream(int[] written, boolean bySteered) {
        int[] ids = Arrays.copyOf(prompt, prompt.length + written.length);
        System.arraycopy(written, 0, ids, prompt.length, written.length);
        TokenBatch batch = new TokenBatch(new int[][] {ids});
        Forward plain = model.forward(batch, Taps.none(), Want.ALL_LOGITS);
        Forward steered = model.forward(batch, variant.on(ids, prompt.length).taps(), Want.ALL_LOGITS);
        List<String> pieces = model.tokenizer().pieces(ids);
        List<SteerResult.StreamToken> tokens = new ArrayList<>();
        double sum = 0;
        int places = Math.max(1, written.length);
        for (int i = 0; i < places; i++) {
            int at = prompt.length - 1 + i;
            double[] p = logProbs(plain.allLogits(), at);
            double[] q = logProbs(steered.allLogits(), at);
            double kl = kl(p, q);
            sum += kl;
            if (i < written.length) {
                double[] own = bySteered ? q : p;
                double[] other = bySteered ? p : q;
                tokens.add(new SteerResult.StreamToken(
                        written[i],
                        pieces.get(prompt.length + i),
                        own[written[i]],
                        other[written[i]],
                        kl,
                        alternatives(own, other)));
            }
        }
        return new Stream(List.copyOf(tokens), sum / places);
    }

    /** KL(p ‖ q) in nats from log-probabilities. */
    static double kl(double[] p, double[] q) {
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            sum += Math.exp(p[i]) * (p[i] - q[i]);
        }
        return Math.max(0, sum); // rounding can leave −1e-17
    }

    private static double[] logProbs(Activation logits, int position) {
        float[] row = logits.row(0, position);
        double max = Double.NEGATIVE_INFINITY;
        for (float v : row) {
            max = Math.max(max, v);
        }
        double sum = 0;
        for (float v : row) {
            sum += Math.exp(v - max);
        }
        double norm = max + Math.log(sum);
        double[] p = new double[row.length];
        for (int i = 0; i < p.length; i++) {
            p[i] = row[i] - norm;
        }
        return p;
    }

    private List<SteerResult.Alternative> alternatives(double[] own, double[] other) {
        PriorityQueue<Integer> top = new PriorityQueue<>(Comparator.comparingDouble(i -> own[i]));
        for (int i = 0; i < own.length; i++) {
            top.add(i);
            if (top.size() > ALTERNATIVES) {
                top.poll();
            }
        }
        return top.stream()
                .sorted(Comparator.comparingDouble((Integer i) -> -own[i]))
                .map(i -> new SteerResult.Alternative(
                        i, model.tokenizer().token(i), Math.exp(own[i]), Math.exp(other[i])))
                .toList();
    }
}
