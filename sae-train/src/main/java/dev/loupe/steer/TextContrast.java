package dev.loupe.steer;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What tells two sets of texts apart inside a model: the difference of their means and a linear probe at one hook point, and
 * the latents of an SAE that differ most. Every text counts once, by its mean over tokens that are no special ones.
 *
 * @param hook the hook point
 * @param sae the SAE
 * @param texts texts of both sets, A first
 * @param probeAccuracy share of texts that a ridge probe tells right, each by a probe that was fitted without it
 * @param chance the same for always naming the larger set
 * @param norm size of the difference of means
 * @param features latents, best separated first
 * @param difference mean of A minus mean of B {@code [d_in]}: a steering vector towards A
 * @param probe weights of the probe {@code [d_in]}, scaled to the size of the difference; towards A
 * @param isolated the difference without most of what it shares with what shall stay as it is; null if nothing shall
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record TextContrast(
        String hook,
        String sae,
        List<Integer> texts,
        double probeAccuracy,
        double chance,
        double norm,
        List<Feature> features,
        float[] difference,
        float[] probe,
        RepIt.@Nullable Isolated isolated) {
    /** Texts of a set at most. */
    public static final int MOST_TEXTS = 256;

    /**
     * A latent.
     *
     * @param id its number
     * @param meanA its mean over the texts of A
     * @param meanB its mean over the texts of B
     * @param auc share of pairs of a text of A and one of B in which A's is higher, ties counting half: 1 and 0 separate
     *     perfectly, 0.5 not at all
     * @param cosine of its decoder row and the difference of means
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Feature(int id, double meanA, double meanB, double auc, double cosine) {}

    /**
     * Contrasts two sets.
     *
     * @param keep sets of texts of what shall stay as it is, each told apart from B as A is; may be empty
     * @param rho the share of what the difference has in common with those that is taken out ({@link RepIt#isolate})
     * @param limit at most so many features
     * @throws UsageException if a set has fewer than two texts or too many, or a text does not fit the model
     */
    public static TextContrast of(
            LanguageModel model,
            Sae sae,
            List<String> a,
            List<String> b,
            List<List<String>> keep,
            double rho,
            int limit,
            Progress progress) {
        if (a.size() < 2 || b.size() < 2 || a.size() > MOST_TEXTS || b.size() > MOST_TEXTS) {
            throw new UsageException("A contrast takes two sets of 2 to " + MOST_TEXTS + " texts; these are " + a.size()
                    + " and " + b.size() + ".");
        }
        for (List<String> set : keep) {
            if (set.size() < 2 || set.size() > MOST_TEXTS) {
                throw new UsageException(
                        "Each set of texts to keep has 2 to " + MOST_TEXTS + " texts; one has " + set.size() + ".");
            }
        }
        int kept = keep.stream().mapToInt(List::size).sum();
        progress.stage("reading", (long) a.size() + b.size() + kept, "texts");
        float[][] hidden = new float[a.size() + b.size()][];
        double[][] latents = new double[hidden.length][];
        for (int i = 0; i < hidden.length; i++) {
            progress.check();
            read(model, sae, i < a.size() ? a.get(i) : b.get(i - a.size()), i, hidden, latents);
            progress.advance(i + 1);
        }
        float[] difference = difference(hidden, a.size());
        double norm = Direction.norm(difference);
        RidgeProbe probe = RidgeProbe.fit(hidden, a.size());
        return new TextContrast(
                sae.hookName(),
                sae.name(),
                List.of(a.size(), b.size()),
                probe.accuracy(),
                (double) Math.max(a.size(), b.size()) / hidden.length,
                norm,
                features(sae, latents, a.size(), difference, norm, limit),
                difference,
                probe.scaled(norm),
                keep.isEmpty()
                        ? null
                        : RepIt.of(difference, others(model, sae, hidden, a.size(), keep, progress))
                                .isolate(rho));
    }

    /** The mean of the first rows less that of the others. */
    private static float[] difference(float[][] hidden, int inA) {
        float[] difference = new float[hidden[0].length];
        for (int i = 0; i < hidden.length; i++) {
            float by = i < inA ? 1f / inA : -1f / (hidden.length - inA);
            for (int d = 0; d < difference.length; d++) {
                difference[d] += by * hidden[i][d];
            }
        }
        return difference;
    }

    /** Differences of means of the kept sets from B, whose texts lie behind those of A. */
    private static List<float[]> others(
            LanguageModel model, Sae sae, float[][] hidden, int inA, List<List<String>> keep, Progress progress) {
        List<float[]> others = new ArrayList<>();
        int inB = hidden.length - inA;
        int read = hidden.length;
        for (List<String> set : keep) {
            float[][] rows = new float[set.size() + inB][];
            for (int i = 0; i < set.size(); i++) {
                progress.check();
                read(model, sae, set.get(i), i, rows, new double[set.size()][]);
                progress.advance(++read);
            }
            System.arraycopy(hidden, inA, rows, set.size(), inB);
            others.add(difference(rows, set.size()));
        }
        return others;
    }

    private static void read(LanguageModel model, Sae sae, String text, int at, float[][] hidden, double[][] latents) {
        int[] ids = model.tokenizer().encode(text);
        if (ids.length > model.config().nCtx()) {
            throw new UsageException("A text has " + ids.length + " tokens and the model reads at most "
                    + model.config().nCtx() + "; shorten it.");
        }
        int[] real = IntStream.range(0, ids.length)
                .filter(p -> !model.tokenizer().isSpecial(ids[p]))
                .toArray();
        if (real.length == 0) {
            throw new UsageException("A text is empty; leave it out.");
        }
        HookPoint hook = model.hook(sae.hookName()).hook();
        Activation x =
                model.forward(TokenBatch.of(ids), Taps.read(hook), Want.NOTHING).activation(hook);
        float[][] rows = new float[real.length][];
        hidden[at] = new float[sae.dIn()];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = x.row(0, real[i]);
            for (int d = 0; d < rows[i].length; d++) {
                hidden[at][d] += rows[i][d] / rows.length;
            }
        }
        SparseCodes codes = sae.encode(Matrix.copyOf(rows));
        latents[at] = new double[sae.dSae()];
        for (int e = 0; e < codes.size(); e++) {
            latents[at][codes.ids()[e]] += codes.values()[e] / rows.length;
        }
    }

    private static List<Feature> features(
            Sae sae, double[][] latents, int inA, float[] difference, double norm, int limit) {
        List<Feature> all = new ArrayList<>();
        for (int f = 0; f < sae.dSae(); f++) {
            double[] mean = new double[2];
            double higher = 0;
            boolean ever = false;
            for (int i = 0; i < latents.length; i++) {
                mean[i < inA ? 0 : 1] += latents[i][f] / (i < inA ? inA : latents.length - inA);
                ever |= latents[i][f] > 0;
            }
            if (!ever) {
                continue;
            }
            for (int i = 0; i < inA; i++) {
                for (int j = inA; j < latents.length; j++) {
                    higher += latents[i][f] > latents[j][f] ? 1 : latents[i][f] == latents[j][f] ? 0.5 : 0;
                }
            }
            float[] d = sae.decoderRows().row(f);
            double dot = 0;
            for (int k = 0; k < d.length; k++) {
                dot += (double) d[k] * difference[k];
            }
            double size = Direction.norm(d) * norm;
            all.add(new Feature(f, mean[0], mean[1], higher / inA / (latents.length - inA), size > 0 ? dot / size : 0));
        }
        all.sort(Comparator.comparingDouble((Feature f) -> -Math.abs(f.auc() - 0.5))
                .thenComparingDouble(f -> -Math.abs(f.meanA() - f.meanB())));
        return List.copyOf(all.subList(0, Math.min(limit, all.size())));
    }
}
