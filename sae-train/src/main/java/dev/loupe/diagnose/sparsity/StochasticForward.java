package dev.loupe.diagnose.sparsity;

import dev.loupe.base.Fmt;
import dev.loupe.base.Progress;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Effect;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.OwnWork;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.Rewrite;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Trial;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Stochastic activations at test time (Lomeli et al., "Stochastic activations", arXiv 2509.22358): below 0 ReLU is drawn
 * with probability 1 − p, else another function; what that does to predictions and to each latent of an SAE.
 */
public final class StochasticForward implements Diagnostic {
    static final double P = 0.7;
    private static final int SEEDS = 8;
    private static final long TOKENS = 768;

    @Override
    public About about() {
        return About.of(
                "stochastic-forward",
                Topic.SPARSITY,
                "How much do predictions and latents waver when activations are drawn at random?",
                "Where the input x of an MLP's activation is below 0, the result is 0 (ReLU) with probability 1 − p = 0.3,"
                        + " else what the model itself computes (SiLU's value in a ReLU model). Draws depend on seed,"
                        + " layer, place and neuron alone. KL to the model as it is, by seed; for each latent the"
                        + " variance over " + SEEDS + " seeds of its activation on a token, over its variance over"
                        + " tokens.",
                Set.of(Need.MODEL, Need.SAE),
                Source.paper("Stochastic activations", "arXiv 2509.22358")
                        .but("Values at or above 0 are left as they are; models are not trained for it."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Drawing(subject);
    }

    /** A number in [0, 1) that depends on its arguments alone. */
    static double draw(long seed, int layer, int position, int token, int unit) {
        long z = seed * 0x9E3779B97F4A7C15L
                + layer * 0xBF58476D1CE4E5B9L
                + position * 0x94D049BB133111EBL
                + token * 0xD6E8FEB86659FD93L
                + unit * 0xA0761D6478BD642FL;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return ((z ^ (z >>> 31)) >>> 11) * 0x1.0p-53;
    }

    /** Editors that draw with a seed; in a ReLU model the other function is SiLU, put in behind the activation. */
    static Taps taps(Subject subject, long seed, double p) {
        Taps.Builder taps = Taps.builder();
        boolean relu = subject.model().mlp().isRelu() && !subject.model().mlp().gated();
        for (int l = 0; l < subject.model().config().nLayers(); l++) {
            int layer = l;
            if (relu) {
                ThreadLocal<Map<Integer, float[]>> pres = ThreadLocal.withInitial(HashMap::new);
                taps.edit(
                        HookPoint.block(l, "mlp.hook_pre"),
                        Rewrite.rows(
                                subject.text(), (row, token, at) -> pres.get().put(at, row.clone())));
                taps.edit(HookPoint.mlpPost(l), Rewrite.rows(subject.text(), (row, token, at) -> {
                    float[] pre = Objects.requireNonNull(pres.get().remove(at));
                    for (int i = 0; i < row.length; i++) {
                        if (pre[i] < 0 && draw(seed, layer, at, token, i) < p) {
                            row[i] = (float) (pre[i] / (1 + Math.exp(-pre[i])));
                        }
                    }
                }));
            } else {
                taps.edit(HookPoint.block(l, "mlp.hook_pre"), Rewrite.rows(subject.text(), (row, token, at) -> {
                    for (int i = 0; i < row.length; i++) {
                        if (row[i] < 0 && draw(seed, layer, at, token, i) >= p) {
                            row[i] = 0;
                        }
                    }
                }));
            }
        }
        return taps.build();
    }

    private static final class Drawing extends SinglePass implements OwnWork {
        private final Subject subject;
        private final List<Effect> effects = new ArrayList<>();
        private final double[] between; // Σ variance over seeds
        private final double[] sum; // of values, over tokens and seeds
        private final double[] squares;
        private long tokens;

        Drawing(Subject subject) {
            this.subject = subject;
            subject.sae().requireSae("be watched under noise");
            between = new double[subject.sae().dSae()];
            sum = new double[between.length];
            squares = new double[between.length];
        }

        @Override
        protected Wants all() {
            return Wants.trials(IntStream.range(0, 3)
                    .mapToObj(s ->
                            Trial.of("seed " + s, taps(subject, subject.limits().seed() + s, P)))
                    .toList());
        }

        @Override
        public void see(Trial trial, Effect effect) {
            effects.add(effect);
        }

        @Override
        public void work(Progress progress) {
            Sae sae = subject.sae();
            HookPoint hook = subject.model().hook(sae.hookName()).hook();
            progress.stage("latents under noise", TOKENS, "tokens");
            for (int[] ids : subject.text().sequences()) {
                progress.check();
                if (tokens >= TOKENS) {
                    return;
                }
                List<SparseCodes> bySeed = new ArrayList<>();
                for (int s = 0; s < SEEDS; s++) {
                    Activation a = subject.model()
                            .forward(
                                    TokenBatch.of(ids),
                                    taps(subject, subject.limits().seed() + s, P)
                                            .merge(Taps.read(hook)),
                                    Want.NOTHING)
                            .activation(hook);
                    List<float[]> rows = new ArrayList<>();
                    for (int p = 0; p < ids.length; p++) {
                        if (subject.text().ordinary(ids, p)) {
                            rows.add(a.row(0, p));
                        }
                    }
                    if (!rows.isEmpty()) {
                        bySeed.add(sae.encode(Matrix.copyOf(rows.toArray(float[][]::new))));
                    }
                }
                count(bySeed);
                progress.advance(Math.min(tokens, TOKENS));
            }
        }

        private void count(List<SparseCodes> bySeed) {
            if (bySeed.isEmpty()) {
                return;
            }
            for (int r = 0; r < bySeed.getFirst().rows(); r++) {
                Map<Integer, double[]> here = new HashMap<>();
                for (SparseCodes codes : bySeed) {
                    for (int e = codes.start(r); e < codes.end(r); e++) {
                        double v = codes.values()[e];
                        double[] s = here.computeIfAbsent(codes.ids()[e], k -> new double[2]);
                        s[0] += v;
                        s[1] += v * v;
                    }
                }
                here.forEach((latent, s) -> {
                    double mean = s[0] / SEEDS;
                    between[latent] += Math.max(0, s[1] / SEEDS - mean * mean);
                    sum[latent] += mean;
                    squares[latent] += s[1] / SEEDS;
                });
                tokens++;
            }
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "latent:whole:number of the latent",
                    "noise:number:mean variance over seeds",
                    "signal:number:variance over tokens and seeds",
                    "ratio:number:noise over signal");
            List<Double> ratios = new ArrayList<>();
            for (int i = 0; i < between.length; i++) {
                double mean = sum[i] / tokens;
                double signal = squares[i] / tokens - mean * mean;
                if (signal > 0) {
                    double ratio = between[i] / tokens / signal;
                    ratios.add(ratio);
                    table.row(i, between[i] / tokens, signal, ratio);
                }
            }
            double[] sorted = ratios.stream().mapToDouble(d -> d).sorted().toArray();
            double kl = Numbers.mean(effects.stream().mapToDouble(Effect::kl).toArray());
            double median = Numbers.quantile(sorted, 0.5);
            return new Finding(
                    "Drawing activations costs " + Numbers.short3(kl) + " nats of KL, and the noise in a latent is "
                            + Fmt.percent(median) + " of its variance (median over latents that fire).",
                    Map.of("kl", kl, "noise_median", median, "latents", (double) sorted.length),
                    table,
                    List.of(Figure.histogram("Noise over signal, by latent", "share of variance", sorted, 0, 1, 40)));
        }
    }
}
