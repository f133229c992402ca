package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.Corpora;
import dev.loupe.diagnose.TextSample;
import dev.loupe.diagnose.memory.NeuronCorrelation;
import dev.loupe.diagnose.memory.NeuronCorrelations;
import dev.loupe.math.Matrix;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Projection;
import dev.loupe.model.ProjectionWeights;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Which neurons belong to a latent: entries of its decoder row, MLP neurons of the model that write its direction, and those
 * that are active where it is.
 */
public final class Alignments {
    private static final Set<String> STREAM =
            Set.of("hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out");

    /** Multiplications of a pass over text that nobody said the length of: some ten seconds on two cores. */
    private static final double WORK = 2e12;

    private static final int FEWEST_TOKENS = 2048;
    private static final int USUAL_TOKENS = 65_536;
    private static final int MOST_TOKENS = 1_000_000;
    private static final int CONTEXT = 128;

    private final Saes saes;
    private final Models models;
    private final Stores stores;
    private final Features features;

    Alignments(Saes saes, Models models, Stores stores, Features features) {
        this.saes = saes;
        this.models = models;
        this.stores = stores;
        this.features = features;
    }

    /**
     * The neurons whose activations go together with a latent's, on sequences spread evenly over the store that its index
     * was made of, or that it was trained on; on the built-in text where that store is gone.
     *
     * @param limit neurons and dimensions at most
     * @param tokens about how many; 0 for as many as the model reads in some ten seconds on two cores, 65,536 at most
     * @throws NotFoundException if there is no such SAE or latent
     */
    public NeuronCorrelation correlated(String sae, int id, int limit, int tokens, Progress progress) {
        if (tokens < 0 || tokens > MOST_TOKENS) {
            throw new UsageException("Correlations are taken over at most " + MOST_TOKENS + " tokens, not " + tokens
                    + ": leave the number out for as many as suit the model.");
        }
        Sae s = saes.open(sae);
        LanguageModel model = models.of(s);
        int read = tokens > 0
                ? tokens
                : (int) Math.clamp(WORK / (2.0 * model.config().parameters()), FEWEST_TOKENS, USUAL_TOKENS);
        return NeuronCorrelations.of(s, model, text(sae, model, read), id, Math.clamp(limit, 1, 1000), progress);
    }

    private TextSample text(String sae, LanguageModel model, int tokens) {
        try {
            String name = features.indexed().contains(sae)
                    ? features.index(sae).manifest().store()
                    : saes.store(sae);
            try (ActivationStore store =
                    features.texts().has(name) ? features.texts().tokens(name) : stores.open(name)) {
                return TextSample.of(store, tokens, 0);
            }
        } catch (LoupeException gone) { // of a published SAE there never was one here
            return TextSample.of(Corpora.of(Corpora.EUROPARL, ""), model, CONTEXT, tokens, 0);
        }
    }

    /**
     * The alignment of a latent.
     *
     * @param limit entries and neurons at most
     * @param writers whether the model's MLP neurons are looked through, too: reads the output weights of all blocks up
     *     to the SAE's
     * @throws NotFoundException if there is no such SAE or latent
     */
    public NeuronAlignment of(String sae, int id, int limit, boolean writers) {
        Sae s = saes.open(sae);
        if (id < 0 || id >= s.dSae()) {
            throw new NotFoundException(
                    "The SAE " + sae + " has no feature " + id + "; its features are 0 to " + (s.dSae() - 1) + ".");
        }
        int most = Math.clamp(limit, 1, 1000);
        float[] row = unit(s.decoderRows().row(id));
        boolean same = s.dIn() == s.dOut() && s.hookName().equals(s.hookNameOut());
        float[] read = same ? unit(s.encoderRows().row(id)) : new float[row.length];
        double all = 0;
        for (float v : row) {
            all += Math.abs(v);
        }
        double sum = all;
        List<NeuronAlignment.Dimension> dimensions = IntStream.range(0, row.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer d) -> -Math.abs(row[d]))
                        .thenComparingInt(d -> d))
                .limit(most)
                .map(d -> new NeuronAlignment.Dimension(
                        d, row[d], sum > 0 ? Math.abs(row[d]) / sum : 0, same ? (Double) (double) read[d] : null))
                .toList();
        return new NeuronAlignment(
                sae,
                id,
                s.hookNameOut(),
                neurons(s.hookNameOut()),
                dimensions,
                writers && writes(s) ? writers(models.of(s), s, row, most) : List.of());
    }

    /** Whether MLP neurons of the model write into the place that an SAE writes to. */
    public boolean writes(String sae) {
        return writes(saes.open(sae));
    }

    private static boolean writes(Sae s) {
        return s.hooksOut().size() == 1
                && STREAM.contains(HookPoint.of(s.hookNameOut()).local());
    }

    private static boolean neurons(String place) {
        String local = HookPoint.of(place).local();
        return local.startsWith("mlp.hook_");
    }

    private static List<NeuronAlignment.Writer> writers(LanguageModel model, Sae s, float[] row, int most) {
        HookPoint place = HookPoint.of(s.hookNameOut());
        boolean behind =
                place.local().equals("hook_resid_post") || place.local().equals("hook_mlp_out");
        int first = place.local().equals("hook_mlp_out") ? place.layer() : 0;
        int end = Math.min(model.config().nLayers(), behind ? place.layer() + 1 : place.layer());
        List<NeuronAlignment.Writer> all = new ArrayList<>();
        for (int layer = first; layer < end; layer++) {
            ProjectionWeights written = model.projection(layer, Projection.MLP_OUT);
            Matrix out = written.weight(); // [d_model, d_mlp]
            if (out.rows() != row.length) {
                return List.of();
            }
            int n = out.cols();
            double[] dot = new double[n];
            double[] squares = new double[n];
            float[] values = new float[n];
            for (int j = 0; j < row.length; j++) {
                out.copyRow(j, values);
                double gain = written.outGain()[j];
                for (int k = 0; k < n; k++) {
                    double v = gain * values[k];
                    dot[k] += row[j] * v;
                    squares[k] += v * v;
                }
            }
            for (int k = 0; k < n; k++) {
                all.add(new NeuronAlignment.Writer(layer, k, squares[k] > 0 ? dot[k] / Math.sqrt(squares[k]) : 0));
            }
            all.sort(Comparator.comparingDouble((NeuronAlignment.Writer w) -> -Math.abs(w.cosine()))
                    .thenComparingInt(NeuronAlignment.Writer::layer)
                    .thenComparingInt(NeuronAlignment.Writer::neuron));
            all.subList(Math.min(most, all.size()), all.size()).clear();
        }
        return List.copyOf(all);
    }

    private static float[] unit(float[] row) {
        double squares = 0;
        for (float v : row) {
            squares += (double) v * v;
        }
        double norm = Math.sqrt(squares);
        float[] unit = row.clone();
        for (int i = 0; i < unit.length && norm > 0; i++) {
            unit[i] = (float) (unit[i] / norm);
        }
        return unit;
    }
}
