package dev.loupe.graph;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A number that a graph explains: the logit of a token less the mean of all logits, or the difference of two logits; before
 * any soft cap.
 *
 * @param token the token; null for a difference
 * @param plus id of the token whose logit counts
 * @param minus id of the token whose logit is subtracted; -1 for the mean of all
 * @param text what it is, for people
 * @param weight probability of the token; 1 for a difference
 */
record Explained(@Nullable Integer token, int plus, int minus, String text, double weight) {
    /** What a request asks for. */
    static List<Explained> of(LanguageModel model, GraphRequest request, float[] logits) {
        for (float l : logits) {
            if (!Float.isFinite(l)) {
                throw new LoupeException("The model's logits after this prompt hold " + l
                        + "; there is nothing to explain. Check the model with loupe model check.");
            }
        }
        double[] p = probabilities(logits);
        String answer = request.answer();
        if (answer == null) {
            return salient(model, request, p);
        }
        int plus = single(model, "answer", answer);
        String wrong = request.wrong();
        if (wrong == null) {
            return List.of(new Explained(plus, plus, -1, answer, p[plus]));
        }
        int minus = single(model, "wrong answer", wrong);
        if (plus == minus) {
            throw new UsageException("The answer and the wrong answer are the same token \"" + answer + "\".");
        }
        return List.of(new Explained(null, plus, minus, answer + " − " + wrong, 1));
    }

    private static List<Explained> salient(LanguageModel model, GraphRequest request, double[] p) {
        int[] order = IntStream.range(0, p.length)
                .boxed()
                .sorted((a, b) -> Double.compare(p[b], p[a]))
                .mapToInt(Integer::intValue)
                .limit(request.maxLogits())
                .toArray();
        List<Explained> list = new ArrayList<>();
        double mass = 0;
        for (int id : order) {
            list.add(new Explained(id, id, -1, model.tokenizer().token(id), p[id]));
            mass += p[id];
            if (mass >= request.logitMass()) {
                break;
            }
        }
        return list;
    }

    private static int single(LanguageModel model, String what, String text) {
        int[] ids = model.tokenizer().encode(text, false);
        if (ids.length == 1) {
            return ids[0];
        }
        String other = text.startsWith(" ") ? text.stripLeading() : " " + text;
        boolean helps = !other.isEmpty() && model.tokenizer().encode(other, false).length == 1;
        throw new UsageException("The " + what + " \"" + text + "\" is " + ids.length + " tokens of this model ("
                + String.join("|", model.tokenizer().pieces(ids)) + ") where one is needed"
                + (helps ? "; \"" + other + "\" is one token." : "; choose a word that is one token."));
    }

    /** The gradient by the logits. */
    float[] seed(int vocab) {
        float[] seed = new float[vocab];
        if (minus < 0) {
            java.util.Arrays.fill(seed, -1f / vocab);
        } else {
            seed[minus] -= 1;
        }
        seed[plus] += 1;
        return seed;
    }

    /** The number for logits. */
    double value(float[] logits, double cap) {
        double off;
        if (minus >= 0) {
            off = uncapped(logits[minus], cap);
        } else {
            off = 0;
            for (float l : logits) {
                off += uncapped(l, cap) / logits.length;
            }
        }
        return uncapped(logits[plus], cap) - off;
    }

    private static double uncapped(double logit, double cap) {
        if (cap == 0) {
            return logit;
        }
        double tanh = Math.clamp(logit / cap, -1 + 1e-12, 1 - 1e-12);
        return cap * 0.5 * Math.log((1 + tanh) / (1 - tanh));
    }

    /** The number in words. */
    String words() {
        return minus < 0 ? "logit of \"" + text + "\" less the mean of all logits" : "difference of logits " + text;
    }

    static double[] probabilities(float[] logits) {
        double most = Double.NEGATIVE_INFINITY;
        for (float l : logits) {
            most = Math.max(most, l);
        }
        double[] p = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            p[i] = Math.exp(logits[i] - most);
            sum += p[i];
        }
        for (int i = 0; i < p.length; i++) {
            p[i] /= sum;
        }
        return p;
    }
}
