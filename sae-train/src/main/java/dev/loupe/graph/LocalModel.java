package dev.loupe.graph;

import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SparseCodes;
import dev.loupe.sae.TranscoderSet;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * A model on one prompt with its MLPs taken apart: features that are active, what they leave (errors), embeddings. Features
 * are counted by layer, then position, then latent; columns of edges are features, then errors (layer by layer), then
 * embeddings.
 */
final class LocalModel {
    final LanguageModel model;
    final TranscoderSet set;
    final int[] ids;

    /** Where nodes begin: 1 if the MLP outputs at the beginning-of-sequence token count as constants. */
    final int first;

    private final int[] layer;
    private final int[] position;
    private final int[] latent;
    private final float[] activation;
    private final int[] layerStart;
    private final List<float[][]> errors;
    private final float[][] embeddings;
    private final float[] logits;

    /** Takes a model apart whose transcoders are known to fit. */
    LocalModel(LanguageModel model, TranscoderSet set, int[] ids, int first) {
        this.model = model;
        this.set = set;
        this.ids = ids;
        this.first = first;
        int layers = set.size();
        List<HookPoint> hooks = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            hooks.add(set.hookIn(l));
            hooks.add(HookPoint.mlpOut(l));
        }
        hooks.add(HookPoint.residPre(0));
        Forward f = model.forward(new TokenBatch(new int[][] {ids}), Taps.read(hooks), Want.LAST_LOGITS);
        logits = f.lastLogits(0);
        embeddings = rows(f, HookPoint.residPre(0));
        List<Matrix> inputs = new ArrayList<>();
        List<SparseCodes> codes = new ArrayList<>();
        int total = 0;
        for (int l = 0; l < layers; l++) {
            Matrix x = Matrix.copyOf(rows(f, set.hookIn(l)));
            inputs.add(x);
            SparseCodes c = set.encode(l, x);
            codes.add(c);
            total += c.end(ids.length - 1) - c.start(first);
        }
        layer = new int[total];
        position = new int[total];
        latent = new int[total];
        activation = new float[total];
        layerStart = new int[layers + 1];
        int at = 0;
        for (int l = 0; l < layers; l++) {
            layerStart[l] = at;
            SparseCodes c = codes.get(l);
            for (int p = first; p < ids.length; p++) {
                for (int e = c.start(p); e < c.end(p); e++) {
                    layer[at] = l;
                    position[at] = p;
                    latent[at] = c.ids()[e];
                    activation[at++] = c.values()[e];
                }
            }
        }
        layerStart[layers] = at;
        List<Matrix> decoded = set.decode(codes, inputs, Arena.ofAuto());
        errors = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            float[][] out = rows(f, HookPoint.mlpOut(l));
            for (int p = 0; p < ids.length; p++) {
                float[] is = decoded.get(l).row(p);
                for (int i = 0; i < is.length; i++) {
                    out[p][i] = p < first ? 0 : out[p][i] - is[i];
                }
            }
            errors.add(out);
        }
    }

    /** Takes a model apart on the tokens of a prompt. */
    static LocalModel of(LanguageModel model, TranscoderSet set, int[] ids, boolean bosNodes) {
        check(model, set);
        Integer bos = model.tokenizer().bosId();
        boolean constant = !bosNodes && bos != null && ids[0] == bos;
        if (ids.length < (constant ? 2 : 1)) {
            throw new UsageException("The prompt has no tokens.");
        }
        if (ids.length > model.config().nCtx()) {
            throw new UsageException("The prompt has " + ids.length + " tokens; the model reads at most "
                    + model.config().nCtx() + ".");
        }
        return new LocalModel(model, set, ids, constant ? 1 : 0);
    }

    private static void check(LanguageModel model, TranscoderSet set) {
        int layers = model.config().nLayers();
        if (set.size() != layers) {
            throw new UsageException("The transcoder set " + set.name() + " has " + set.size()
                    + " layers and the model " + layers + "; an attribution graph replaces every MLP.");
        }
        for (int l = 0; l < layers; l++) {
            SaeNeeds.check(set.layer(l), model);
            HookPoint in = set.hookIn(l);
            if (in.layer() != l || !set.hookOut(l).equals(HookPoint.mlpOut(l))) {
                throw new UsageException("Layer " + l + " of " + set.name() + " goes from " + in.name() + " to "
                        + set.hookOut(l).name() + "; an attribution graph needs one that writes "
                        + HookPoint.mlpOut(l).name() + " and reads the same block.");
            }
            int width = model.hook(in.name()).width();
            if (width != set.layer(l).dIn() || set.dOut() != model.config().dModel()) {
                throw new UsageException("The transcoder " + set.layer(l).name() + " reads "
                        + set.layer(l).dIn() + " and writes " + set.dOut() + " numbers, but the model has " + width
                        + " at " + in.name() + " and a residual stream of "
                        + model.config().dModel() + "; it was trained on another model.");
            }
        }
    }

    private static float[][] rows(Forward f, HookPoint hook) {
        var a = f.activation(hook);
        float[][] rows = new float[a.positions()][];
        for (int p = 0; p < rows.length; p++) {
            rows[p] = a.row(0, p);
        }
        return rows;
    }

    int layers() {
        return set.size();
    }

    int positions() {
        return ids.length;
    }

    int features() {
        return layer.length;
    }

    /** Columns of edges: features, errors, embeddings. */
    int columns() {
        return features() + (layers() + 1) * positions();
    }

    int errorColumn(int ofLayer, int ofPosition) {
        return features() + ofLayer * positions() + ofPosition;
    }

    int embeddingColumn(int ofPosition) {
        return errorColumn(layers(), ofPosition);
    }

    int layer(int feature) {
        return layer[feature];
    }

    int position(int feature) {
        return position[feature];
    }

    int latent(int feature) {
        return latent[feature];
    }

    float activation(int feature) {
        return activation[feature];
    }

    /** The first feature of a layer; of the number of layers: the number of features. */
    int start(int ofLayer) {
        return layerStart[ofLayer];
    }

    /** What the transcoders leave of a layer's MLP output at a position, [d_model]; not to be changed. */
    float[] error(int ofLayer, int ofPosition) {
        return errors.get(ofLayer)[ofPosition];
    }

    /** The residual stream before the first block, [d_model]; not to be changed. */
    float[] embedding(int ofPosition) {
        return embeddings[ofPosition];
    }

    /** Logits behind the last token, [d_vocab]; not to be changed. */
    float[] lastLogits() {
        return logits;
    }
}
