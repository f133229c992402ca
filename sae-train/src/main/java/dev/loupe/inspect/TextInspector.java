package dev.loupe.inspect;

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
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Looks into a model while it reads one text. */
public final class TextInspector {
    /** Logits at a time: 16 MiB. */
    private static final int BLOCK_VALUES = 1 << 22;

    private final LanguageModel model;

    /** An inspector of a model. */
    public TextInspector(LanguageModel model) {
        this.model = model;
    }

    /**
     * The logit lens at every layer and position.
     *
     * @param token whose rank is shown; null for the text's own next token
     * @param top tokens shown in each cell
     */
    public LensGrid lens(InspectedText text, @Nullable Integer token, int top, Progress progress) {
        if (top < 1 || top > 50) {
            throw new UsageException("A cell shows 1 to 50 tokens, not " + top + ".");
        }
        List<HookPoint> hooks = new ArrayList<>();
        hooks.add(HookPoint.residPre(0));
        for (int layer = 0; layer < model.config().nLayers(); layer++) {
            hooks.add(HookPoint.residPost(layer));
        }
        Forward run = model.forward(TokenBatch.of(text.ids()), Taps.read(hooks), Want.NOTHING);
        progress.stage("logit lens", hooks.size(), "layers");
        List<List<LensCell>> cells = new ArrayList<>();
        for (HookPoint hook : hooks) {
            progress.check();
            cells.add(row(text, run.activation(hook), token, top));
            progress.advance(cells.size());
        }
        TokenScore chosen = token == null
                ? null
                : new TokenScore(
                        token,
                        PartialText.token(model.tokenizer(), token),
                        0,
                        cells.getLast().getLast().probability());
        return new LensGrid(text, chosen, hooks.stream().map(HookPoint::name).toList(), LensGrid.NORM, cells);
    }

    private List<LensCell> row(InspectedText text, Activation resid, @Nullable Integer token, int top) {
        int n = text.ids().length;
        int step = Math.max(1, BLOCK_VALUES / model.config().dVocab());
        TopK topK = new TopK();
        List<LensCell> row = new ArrayList<>();
        for (int from = 0; from < n; from += step) {
            int count = Math.min(step, n - from);
            float[][] values = new float[count][];
            for (int i = 0; i < count; i++) {
                values[i] = resid.row(0, from + i);
            }
            Matrix logits = model.logitsOf(Matrix.copyOf(values));
            for (int i = 0; i < count; i++) {
                Softmax s = new Softmax(logits.row(i));
                Integer chosen = token != null ? token : next(text, from + i);
                row.add(new LensCell(
                        s.top(top, topK, model.tokenizer()),
                        chosen == null ? 0 : s.rank(chosen),
                        chosen == null ? 0 : s.probability(chosen),
                        (float) s.entropy()));
            }
        }
        return row;
    }

    private static @Nullable Integer next(InspectedText text, int position) {
        return position + 1 < text.ids().length ? text.ids()[position + 1] : null;
    }

    /** The attention pattern of every head of a layer. */
    public AttentionPattern attention(InspectedText text, int layer) {
        if (layer < 0 || layer >= model.config().nLayers()) {
            throw new UsageException("There is no layer " + layer + ": the model " + model.id() + " has layers 0 to "
                    + (model.config().nLayers() - 1) + ".");
        }
        HookPoint hook = HookPoint.block(layer, "attn.hook_pattern");
        int n = text.ids().length;
        Activation a = model.forward(TokenBatch.of(text.ids()), Taps.read(hook), Want.NOTHING)
                .activation(hook);
        int heads = a.width() / n;
        float[][][] pattern = new float[heads][n][];
        for (int h = 0; h < heads; h++) {
            for (int q = 0; q < n; q++) {
                pattern[h][q] = new float[q + 1];
                for (int k = 0; k <= q; k++) {
                    pattern[h][q][k] = a.get(0, q, h * n + k);
                }
            }
        }
        return new AttentionPattern(text, layer, heads, pattern);
    }

    /** What each of some vectors of the last residual stream adds to a logit, in front of the norm's division. */
    double[] direct(List<float[]> vectors, int token, @Nullable Integer versus) {
        double[] values = new double[vectors.size()];
        int step = Math.max(1, BLOCK_VALUES / model.config().dVocab());
        for (int from = 0; from < values.length; from += step) {
            int count = Math.min(step, values.length - from);
            Matrix logits = model.logitLens(
                    Matrix.copyOf(vectors.subList(from, from + count).toArray(float[][]::new)), true);
            for (int i = 0; i < count; i++) {
                values[from + i] = (double) logits.get(i, token) - (versus == null ? 0 : logits.get(i, versus));
            }
        }
        return values;
    }

    /** What the biases behind the last residual stream add to a logit. */
    double bias(int token, @Nullable Integer versus) {
        try (Arena arena = Arena.ofShared()) {
            Matrix zero = Matrix.allocate(arena, 1, model.config().dModel());
            Matrix logits = model.logitsOf(zero);
            return (double) logits.get(0, token) - (versus == null ? 0 : logits.get(0, versus));
        }
    }

    LanguageModel model() {
        return model;
    }
}
