package dev.loupe.diagnose.health;

import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.ModelPass;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.OwnWork;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.Matrix;
import dev.loupe.model.HookPoint;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import dev.loupe.train.Method;
import dev.loupe.train.TrainConfig;
import dev.loupe.train.TrainJob;
import dev.loupe.train.TrainPreset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the largest activations of a place do to the training of an SAE, with and without the presets against them (Oh et al.,
 * "A Refined Analysis of Massive Activations in LLMs", arXiv 2503.22329, is about the activations; the presets are those of
 * capture).
 */
public final class MassiveTraining implements Diagnostic {
    private static final int ROWS = 8192;
    private static final int HELD_OUT = 1024;
    private static final int STEPS = 250;
    private static final List<String> NAMES =
            List.of("as it is, BOS included", "first positions left out", "largest dimensions masked", "clipped");

    @Override
    public About about() {
        return About.of(
                "massive-training",
                Topic.HEALTH,
                "Do the largest activations spoil the training of an SAE, and which preset helps?",
                "The residual stream behind the block (but the last) where the largest |a| over the median |a| is"
                        + " greatest. Four TopK SAEs (k 16, twice as many latents as dimensions, " + STEPS
                        + " steps of 256 rows) are trained on the same text: on all positions; without the first"
                        + " position and special tokens (--exclude-first); on all positions with the four largest"
                        + " dimensions set to zero (--mask-dims); on all positions clipped at 30 times the median"
                        + " (--clip). Each is judged on the same held-out ordinary rows, on the dimensions that are"
                        + " masked nowhere: squared error over squared distance to the mean.",
                Set.of(Need.MODEL),
                Source.paper("A Refined Analysis of Massive Activations in LLMs", "arXiv 2503.22329")
                        .but("A short training stands for a long one."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Training(subject);
    }

    private static final class Training implements Study, OwnWork {
        private final Subject subject;
        private final List<HookPoint> hooks;
        private final LayerSizes[] sizes;
        private final List<float[]> all = new ArrayList<>();
        private final List<float[]> ordinary = new ArrayList<>();
        private final List<float[]> heldOut = new ArrayList<>();
        private final double[] fvu = new double[NAMES.size()];
        private int layer;
        private int stage;

        Training(Subject subject) {
            this.subject = subject;
            hooks = Numbers.layers(subject, HookPoint::residPost);
            sizes = LayerSizes.of(hooks.size());
        }

        @Override
        public Wants wants() {
            stage++;
            if (stage == 2) {
                layer = LayerSizes.mostUneven(sizes);
            }
            return stage == 1
                    ? Wants.model(hooks).upTo(4096)
                    : stage == 2 ? Wants.model(List.of(hooks.get(layer))).upTo(ROWS + 2L * HELD_OUT) : Wants.nothing();
        }

        @Override
        public void see(ModelPass pass) {
            if (stage == 1) {
                for (int l = 0; l < sizes.length; l++) {
                    LayerSizes here = sizes[l];
                    pass.all(hooks.get(l), (row, b, p) -> here.add(row));
                }
                return;
            }
            pass.all(hooks.get(layer), (row, b, p) -> {
                boolean counts = pass.text().ordinary(pass.ids()[b], p);
                if (counts && heldOut.size() < HELD_OUT) {
                    heldOut.add(row.clone());
                } else if (all.size() < ROWS) {
                    all.add(row.clone());
                    if (counts && p > 0) {
                        ordinary.add(all.getLast());
                    }
                }
            });
        }

        @Override
        public void work(Progress progress) {
            if (heldOut.size() < 32 || ordinary.size() < 256) {
                throw new LoupeException("The text is too short to train an SAE on: give at least 2,000 tokens.");
            }
            float limit = 30 * sizes[layer].median();
            int[] masked = sizes[layer].dimensions(4);
            for (int v = 0; v < NAMES.size(); v++) {
                List<float[]> rows =
                        v == 1 ? ordinary : all.stream().map(float[]::clone).toList();
                for (float[] row : rows) {
                    for (int j = 0; v == 2 && j < masked.length; j++) {
                        row[masked[j]] = 0;
                    }
                    for (int j = 0; v == 3 && j < row.length; j++) {
                        row[j] = Math.clamp(row[j], -limit, limit);
                    }
                }
                fvu[v] = judge(train(rows, v, progress), masked, limit, v);
            }
        }

        private Sae train(List<float[]> rows, int variant, Progress progress) {
            int d = rows.getFirst().length;
            TrainConfig config = TrainPreset.DEMO
                    .config(Method.TOPK, 2 * d)
                    .with(Map.of("k", Math.min(16, d), "steps", STEPS, "batch", Math.min(256, rows.size())));
            try (KeptRows source = new KeptRows(rows, subject.limits().seed())) {
                return TrainJob.onRows(
                        "massive-training-" + (variant + 1) + "-of-" + NAMES.size(),
                        source,
                        config,
                        subject.limits().seed(),
                        progress);
            }
        }

        /** FVU on the held-out rows as this variant would store them, on dimensions that no variant masks. */
        private double judge(Sae sae, int[] masked, float limit, int variant) {
            int d = sae.dIn();
            boolean[] left = new boolean[d];
            for (int j : masked) {
                left[j] = true;
            }
            double[] mean = new double[d];
            heldOut.forEach(r -> {
                for (int j = 0; j < d; j++) {
                    mean[j] += (double) r[j] / heldOut.size();
                }
            });
            float[][] rows = heldOut.stream().map(float[]::clone).toArray(float[][]::new);
            for (float[] row : rows) {
                for (int j = 0; j < d; j++) {
                    row[j] = variant == 2 && left[j] ? 0 : variant == 3 ? Math.clamp(row[j], -limit, limit) : row[j];
                }
            }
            SparseCodes codes = sae.encode(Matrix.copyOf(rows));
            float[] out = new float[d];
            double error = 0;
            double whole = 0;
            for (int r = 0; r < rows.length; r++) {
                sae.decode(codes, r, out);
                for (int j = 0; j < d; j++) {
                    if (!left[j]) {
                        error += Math.pow(out[j] - rows[r][j], 2);
                        whole += Math.pow(heldOut.get(r)[j] - mean[j], 2);
                    }
                }
            }
            return error / whole;
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "trained_on:text:which rows", "unexplained:number:share of the variance of ordinary held-out rows");
            int best = 0;
            for (int v = 0; v < fvu.length; v++) {
                table.row(NAMES.get(v), fvu[v]);
                best = fvu[v] < fvu[best] ? v : best;
            }
            double ratio = sizes[layer].ratio();
            return new Finding(
                    "Behind block " + layer + ", where the largest activation is " + Numbers.fixed(ratio, 0)
                            + " times the median, training on everything leaves " + Fmt.percent(fvu[0])
                            + " unexplained; best is \"" + NAMES.get(best) + "\" with " + Fmt.percent(fvu[best]) + ".",
                    Map.of(
                            "ratio", ratio,
                            "layer", (double) layer,
                            "fvu_all", fvu[0],
                            "fvu_exclude_first", fvu[1],
                            "fvu_mask", fvu[2],
                            "fvu_clip", fvu[3]),
                    table,
                    List.of());
        }
    }
}
