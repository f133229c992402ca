package dev.loupe.service;

import dev.loupe.base.NotFoundException;
import dev.loupe.math.Matrix;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Projection;
import dev.loupe.sae.Sae;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Which neurons a latent lies along: entries of its decoder row, and MLP neurons of the model that write its direction. */
public final class Alignments {
    private static final Set<String> STREAM =
            Set.of("hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out");

    private final Saes saes;
    private final Models models;

    Alignments(Saes saes, Models models) {
        this.saes = saes;
        this.models = models;
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
            Matrix out = model.projection(layer, Projection.MLP_OUT).weight(); // [d_model, d_mlp]
            if (out.rows() != row.length) {
                return List.of();
            }
            int n = out.cols();
            double[] dot = new double[n];
            double[] squares = new double[n];
            float[] values = new float[n];
            for (int j = 0; j < row.length; j++) {
                out.copyRow(j, values);
                for (int k = 0; k < n; k++) {
                    dot[k] += (double) row[j] * values[k];
                    squares[k] += (double) values[k] * values[k];
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
