package dev.loupe.diagnose.sparsity;

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
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** How many latents a reconstruction needs: CETT (see {@link Cett}) with n_i = f_i d_i, over the latents of an SAE. */
public final class LatentsNeeded implements Diagnostic {
    private static final long TOKENS = 4096;
    private static final double[] SHARES = {0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5};

    @Override
    public About about() {
        return About.of(
                "latents-needed",
                Topic.SPARSITY,
                "How many latents does 99 % of a reconstruction need?",
                "Latent i of a token writes n_i = f_i d_i with decoder row d_i. Latents are left out from the shortest"
                        + " n_i on, as long as the sum of those left out is at most 1 % as long as the sum of all (CETT"
                        + " 0.01); b_dec does not count. The number is how many stay, mean over tokens.",
                Set.of(Need.STORE, Need.SAE),
                Source.paper(
                                "Sparsing Law: Towards Large Language Models with Greater Activation Sparsity",
                                "arXiv 2411.02335, section 3")
                        .but("Latents in place of neurons, and a share of the reconstruction in place of perplexity."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Counting(subject.sae());
    }

    private static final class Counting extends SinglePass {
        private final Sae sae;
        private final OutputShares shares;
        private long active;

        Counting(Sae sae) {
            this.sae = sae;
            this.shares = new OutputShares(OutputShares.norms(sae.decoderRows()));
        }

        @Override
        protected Wants all() {
            return Wants.codes(sae).upTo(TOKENS);
        }

        @Override
        public void see(RowPass pass) {
            SparseCodes codes = pass.codes(sae);
            for (int r = 0; r < codes.rows() && shares.tokens() < TOKENS; r++) {
                active += codes.count(r);
                shares.add(
                        Arrays.copyOfRange(codes.ids(), codes.start(r), codes.end(r)),
                        Arrays.copyOfRange(codes.values(), codes.start(r), codes.end(r)),
                        sae.decoderRows());
            }
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "left_out:number:length of what is left out over the length of all (CETT)",
                    "latents:number:latents that stay, mean over tokens",
                    "share:number:the same over active latents");
            double l0 = (double) active / shares.tokens();
            double[] needed = new double[SHARES.length];
            for (int i = 0; i < needed.length; i++) {
                needed[i] = shares.needed(SHARES[i]);
                table.row(SHARES[i], needed[i], needed[i] / l0);
            }
            return new Finding(
                    "99 % of a reconstruction need " + Numbers.fixed(needed[1], 1) + " of the " + Numbers.fixed(l0, 1)
                            + " active latents; 90 % need " + Numbers.fixed(needed[4], 1) + ".",
                    Map.of("l0", l0, "needed_99", needed[1], "needed_90", needed[4]),
                    table,
                    List.of(
                            Figure.curve(
                                            "Latents that stay",
                                            "share of the reconstruction's length left out",
                                            "latents",
                                            List.of(new Figure.Series("mean over tokens", SHARES, needed)))
                                    .withLogX(),
                            Figure.histogram(
                                    "Latents needed for 99 %, by token", "latents", shares.neededByToken(0.01), 40)));
        }
    }
}
