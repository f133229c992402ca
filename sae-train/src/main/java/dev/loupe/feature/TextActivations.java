package dev.loupe.feature;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Tokenizer;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SparseCodes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What an SAE's latents do on a text that somebody typed.
 *
 * @param text the text
 * @param tokens readable text of its tokens; joined they are the text (and BOS, where the model got one)
 * @param ids the token ids as the model saw them
 * @param cutTokens tokens at the end that were left out: the text is longer than the SAE's training or the model's context
 * @param cutText the text of those
 * @param active per token the active latents, strongest first; empty for special tokens, which no SAE was trained on
 */
@JsonNaming(SnakeCaseStrategy.class)
public record TextActivations(
        String text, List<String> tokens, int[] ids, int cutTokens, String cutText, List<List<Active>> active) {

    /**
     * A latent on a token.
     *
     * @param id the latent
     * @param value its activation
     */
    public record Active(int id, float value) {}

    /**
     * Runs the model and the SAE over a text, or as much of it as they take.
     *
     * @param prependBos whether BOS goes in front, as in the store the SAE was trained on
     * @throws dev.loupe.base.UsageException if the text is empty
     */
    public static TextActivations of(Sae sae, LanguageModel model, String text, boolean prependBos) {
        if (text.isEmpty()) {
            throw new UsageException("There is no text to test: type some.");
        }
        Tokenizer tokenizer = model.tokenizer();
        int[] ids = tokenizer.encode(text, false);
        Integer bos = prependBos ? tokenizer.bosId() : null;
        if (bos != null) {
            int[] longer = new int[ids.length + 1];
            longer[0] = bos;
            System.arraycopy(ids, 0, longer, 1, ids.length);
            ids = longer;
        }
        SaeNeeds.check(sae, model);
        int trained = sae.needs().contextSize();
        int most = Math.min(
                trained > 0 ? trained : Integer.MAX_VALUE, model.config().nCtx());
        int[] rest = Arrays.copyOfRange(ids, Math.min(most, ids.length), ids.length);
        ids = Arrays.copyOf(ids, ids.length - rest.length);
        List<HookPoint> hooks =
                sae.hooksIn().stream().map(h -> model.hook(h).hook()).toList();
        Forward pass = model.forward(TokenBatch.of(ids), Taps.read(hooks), Want.NOTHING);
        List<Activation> parts = hooks.stream().map(pass::activation).toList();
        int width = parts.stream().mapToInt(Activation::width).sum();
        if (width != sae.dIn()) {
            throw new LoupeException("The SAE " + sae.name() + " reads " + sae.dIn() + " values per token, but "
                    + sae.hookName() + " of the model " + model.id() + " has " + width
                    + ": it was trained on another model.");
        }
        float[][] rows = new float[ids.length][width];
        for (int p = 0; p < ids.length; p++) {
            int at = 0;
            for (Activation x : parts) {
                System.arraycopy(x.row(0, p), 0, rows[p], at, x.width());
                at += x.width();
            }
        }
        SparseCodes codes = sae.encode(Matrix.copyOf(rows));
        List<List<Active>> active = new ArrayList<>();
        for (int p = 0; p < ids.length; p++) {
            List<Active> here = new ArrayList<>();
            for (int e = codes.start(p); e < codes.end(p) && !tokenizer.isSpecial(ids[p]); e++) {
                here.add(new Active(codes.ids()[e], codes.values()[e]));
            }
            here.sort(Comparator.comparingDouble((Active a) -> -a.value()).thenComparingInt(Active::id));
            active.add(List.copyOf(here));
        }
        return new TextActivations(
                text,
                List.copyOf(tokenizer.pieces(ids)),
                ids,
                rest.length,
                rest.length == 0 ? "" : tokenizer.decode(rest, false),
                List.copyOf(active));
    }

    /** The activation of one latent on every token, 0 where it is not active. */
    public float[] latent(int id) {
        float[] values = new float[active.size()];
        for (int t = 0; t < values.length; t++) {
            for (Active a : active.get(t)) {
                if (a.id() == id) {
                    values[t] = a.value();
                }
            }
        }
        return values;
    }
}
