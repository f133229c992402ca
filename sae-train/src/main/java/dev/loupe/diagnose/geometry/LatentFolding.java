package dev.loupe.diagnose.geometry;

import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.RowPass;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** {@link SpaceFolding} between two activations, with the active latents of an SAE as codes. */
public final class LatentFolding implements Diagnostic {
    private static final int POINTS = 11;
    private static final int PAIRS = 256;

    @Override
    public About about() {
        return About.of(
                "latent-folding",
                Topic.GEOMETRY,
                "Do latents come and go on a straight line between two activations?",
                "Eleven points on the straight line between two rows of the store, " + PAIRS + " pairs; the code of a"
                        + " point is its set of active latents. Folding chi as in space-folding. A latent with a"
                        + " threshold of its own is on along one stretch that reaches an end, so ReLU and JumpReLU SAEs"
                        + " have chi 0; where latents compete (TopK), one may come and go.",
                Set.of(Need.STORE, Need.SAE),
                Source.paper("On Space Folds of ReLU Neural Networks", "arXiv 2502.09954")
                        .but("One layer of latents in place of all layers of a network."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Walking(subject);
    }

    private static final class Walking extends SinglePass {
        private final Sae sae;
        private final long seed;
        private final List<float[]> rows = new ArrayList<>();

        Walking(Subject subject) {
            this.sae = subject.sae();
            this.seed = subject.limits().seed();
        }

        @Override
        protected Wants all() {
            return Wants.rows(sae.hookName()).upTo(4096);
        }

        @Override
        public void see(RowPass pass) {
            Matrix x = pass.values(sae.hookName());
            for (long r = 0; r < x.rows() && rows.size() < 4096; r++) {
                rows.add(x.row(r));
            }
        }

        @Override
        public Finding finding() {
            Random random = new Random(seed);
            double[] chi = new double[PAIRS];
            double[] path = new double[POINTS];
            ResultTable table = ResultTable.of(
                    "pair:whole:number of the walk",
                    "folding:number:chi",
                    "changed:whole:latents that differ between start and end",
                    "passing:whole:latents that are active between the ends only");
            for (int i = 0; i < PAIRS; i++) {
                float[] a = rows.get(random.nextInt(rows.size()));
                float[] b = rows.get(random.nextInt(rows.size()));
                float[][] points = new float[POINTS][a.length];
                for (int k = 0; k < POINTS; k++) {
                    float t = (float) k / (POINTS - 1);
                    for (int j = 0; j < a.length; j++) {
                        points[k][j] = (1 - t) * a[j] + t * b[j];
                    }
                }
                SparseCodes codes = sae.encode(Matrix.copyOf(points));
                List<BitSet> walk = new ArrayList<>();
                BitSet between = new BitSet();
                for (int k = 0; k < POINTS; k++) {
                    walk.add(Codes.union(codes, k, k + 1, sae.dSae()));
                    between.or(walk.getLast());
                    path[k] += (double) Codes.hamming(walk.getFirst(), walk.get(k)) / PAIRS;
                }
                between.andNot(walk.getFirst());
                between.andNot(walk.getLast());
                chi[i] = SpaceFolding.folding(walk);
                table.row(i, chi[i], Codes.hamming(walk.getFirst(), walk.getLast()), between.cardinality());
            }
            double mean = Numbers.mean(chi);
            return new Finding(
                    "Between two activations the active latents of " + sae.name() + " fold by " + Numbers.fixed(mean, 3)
                            + " on average (0 goes straight).",
                    Map.of("mean", mean, "largest", Arrays.stream(chi).max().orElse(0)),
                    table,
                    List.of(
                            Figure.histogram("Folding of walks", "chi", chi, 0, 1, 25),
                            Figure.curve(
                                    "Latents that differ from the start, mean over walks",
                                    "step",
                                    "latents",
                                    List.of(Figure.Series.byIndex("distance", path)))));
        }
    }
}
