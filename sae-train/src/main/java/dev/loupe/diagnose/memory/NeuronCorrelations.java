package dev.loupe.diagnose.memory;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.diagnose.ModelPass;
import dev.loupe.diagnose.TextSample;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.LatentReader;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Reads a text once and says which neurons go together with a latent: {@link NeuronCorrelation}. */
public final class NeuronCorrelations {
    /** Tokens of one pass of the model. */
    private static final int AT_ONCE = 1024;

    private NeuronCorrelations() {}

    /** A hook point, what was seen of it, and its values at the present token. */
    private record Seen(HookPoint hook, CoMoments moments, float[] values) {
        static Seen of(HookPoint hook, int width) {
            return new Seen(hook, new CoMoments(width), new float[width]);
        }
    }

    /**
     * Reads the text.
     *
     * @param limit neurons and dimensions at most
     * @throws NotFoundException if there is no such latent
     * @throws UsageException if the SAE reads several places, or another model
     */
    public static NeuronCorrelation of(
            Sae sae, LanguageModel model, TextSample text, int id, int limit, Progress progress) {
        if (id < 0 || id >= sae.dSae()) {
            throw new NotFoundException("The SAE " + sae.name() + " has no feature " + id + "; its features are 0 to "
                    + (sae.dSae() - 1) + ".");
        }
        if (sae.hooksIn().size() > 1) {
            throw new UsageException("The crosscoder " + sae.name()
                    + " reads several places at once; correlations are of an SAE that reads one.");
        }
        SaeNeeds.check(sae, model);
        HookPoint place = model.hook(sae.hookName()).hook();
        int layers = Math.clamp(place.layer(), 0, model.config().nLayers() - 1) + 1;
        List<HookPoint> read = new ArrayList<>(
                IntStream.range(0, layers).mapToObj(HookPoint::mlpPost).toList());
        if (!read.contains(place)) {
            read.add(place);
        }
        List<Seen> seen =
                read.stream().map(h -> Seen.of(h, model.hook(h.name()).width())).toList();
        Seen own = seen.get(read.indexOf(place));
        LatentReader latent = sae.reader(id);
        List<int[]> sequences = text.sequences();
        long tokens = 0;
        long firings = 0;
        progress.stage("neurons beside " + sae.name() + ":" + id, sequences.size(), "sequences");
        for (int from = 0; from < sequences.size(); ) {
            progress.check();
            int to = end(sequences, from);
            int[][] ids = sequences.subList(from, to).toArray(int[][]::new);
            Forward run = model.forward(TokenBatch.of(ids), Taps.read(read), Want.NOTHING);
            for (int b = 0; b < ids.length; b++) {
                for (int p = 0; p < ids[b].length; p++) {
                    if (text.ordinary(ids[b], p)) {
                        for (Seen s : seen) {
                            ModelPass.copy(run.activation(s.hook), b, p, s.values);
                        }
                        float value = latent.read(own.values)[0];
                        for (Seen s : seen) {
                            s.moments.add(s.values, value);
                        }
                        tokens++;
                        firings += value != 0 ? 1 : 0;
                    }
                }
            }
            from = to;
            progress.advance(from);
        }
        return new NeuronCorrelation(
                sae.name(),
                id,
                text.describe(),
                tokens,
                firings,
                place.name(),
                place.local().startsWith("mlp.hook_"),
                layers,
                neurons(seen.subList(0, layers), limit),
                dimensions(own.moments, limit));
    }

    /** The end of a pass: sequences of about so many tokens, padding counted. */
    private static int end(List<int[]> sequences, int from) {
        int longest = 0;
        int to = from;
        do {
            longest = Math.max(longest, sequences.get(to).length);
            to++;
        } while (to < sequences.size()
                && (long) Math.max(longest, sequences.get(to).length) * (to + 1 - from) <= AT_ONCE);
        return to;
    }

    private static List<NeuronCorrelation.Neuron> neurons(List<Seen> layers, int limit) {
        List<NeuronCorrelation.Neuron> best = new ArrayList<>();
        for (int layer = 0; layer < layers.size(); layer++) {
            CoMoments m = layers.get(layer).moments;
            for (int i = 0; i < m.width(); i++) {
                double pearson = m.pearson(i);
                if (!Double.isNaN(pearson)) {
                    best.add(new NeuronCorrelation.Neuron(layer, i, pearson, m.cosine(i)));
                }
            }
            best.sort(Comparator.comparingDouble((NeuronCorrelation.Neuron n) -> -Math.abs(n.pearson()))
                    .thenComparingInt(NeuronCorrelation.Neuron::layer)
                    .thenComparingInt(NeuronCorrelation.Neuron::neuron));
            best.subList(Math.min(limit, best.size()), best.size()).clear();
        }
        return List.copyOf(best);
    }

    private static List<NeuronCorrelation.Dimension> dimensions(CoMoments m, int limit) {
        return IntStream.range(0, m.width())
                .mapToObj(i -> new NeuronCorrelation.Dimension(i, m.pearson(i), m.cosine(i)))
                .filter(d -> !Double.isNaN(d.pearson()))
                .sorted(Comparator.comparingDouble((NeuronCorrelation.Dimension d) -> -Math.abs(d.pearson()))
                        .thenComparingInt(NeuronCorrelation.Dimension::dimension))
                .limit(limit)
                .toList();
    }
}
