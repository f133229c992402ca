package dev.loupe.diagnose.health;

import dev.loupe.base.Fmt;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.RowPass;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Graded dormancy of the latents of an SAE, by the definition of {@link Dormancy}. */
public final class DormantLatents implements Diagnostic {
    @Override
    public About about() {
        return About.of(
                "dormant-latents",
                Topic.HEALTH,
                "Which share of the SAE's latents does next to nothing?",
                Dormancy.DEFINITION + " Softer than counting latents that never fire: a latent that fires once with a"
                        + " small value is dormant too.",
                Set.of(Need.STORE, Need.SAE),
                Dormancy.SOURCE.but("Latents in place of the neurons of a policy network."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Counting(subject.sae());
    }

    private static final class Counting extends SinglePass {
        private final Sae sae;
        private final double[] sums;
        private final long[] fired;
        private long rows;

        Counting(Sae sae) {
            this.sae = sae;
            sums = new double[sae.dSae()];
            fired = new long[sae.dSae()];
        }

        @Override
        protected Wants all() {
            return Wants.codes(sae);
        }

        @Override
        public void see(RowPass pass) {
            SparseCodes codes = pass.codes(sae);
            for (int e = 0; e < codes.size(); e++) {
                sums[codes.ids()[e]] += codes.values()[e];
                fired[codes.ids()[e]]++;
            }
            rows += pass.rows();
        }

        @Override
        public Finding finding() {
            double[] scores = Dormancy.scores(sums);
            ResultTable table = ResultTable.of(
                    "latent:whole:number of the latent",
                    "score:number:mean activation over the mean of all latents",
                    "fires:number:share of tokens on which it is active");
            for (int i = 0; i < scores.length; i++) {
                table.row(i, scores[i], (double) fired[i] / rows);
            }
            double silent = Dormancy.dormant(scores, 0);
            double dormant = Dormancy.dormant(scores, Dormancy.TAU);
            double quiet = Dormancy.dormant(scores, 0.1);
            return new Finding(
                    Fmt.percent(dormant) + " of the latents of " + sae.name() + " are dormant (score at most 0.025): "
                            + Fmt.percent(silent) + " never fire, and the rest of them hardly count.",
                    Map.of("silent", silent, "dormant", dormant, "quiet", quiet),
                    table,
                    List.of(Figure.histogram("Scores of all latents", "score", scores, 0, 4, 40)
                            .withLogY()));
        }
    }
}
