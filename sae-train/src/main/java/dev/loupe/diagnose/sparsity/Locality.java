package dev.loupe.diagnose.sparsity;

import dev.loupe.base.Fmt;
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

/**
 * How bursty latents are: token-level sparsity TLS, chunk-level sparsity CLS_L and the reuse ratio of neighbouring tokens
 * (Song et al., "BlockFFN: Towards End-Side Acceleration-Friendly Mixture-of-Experts with Chunk-Level Activation
 * Sparsity", arXiv 2507.08771).
 */
public final class Locality implements Diagnostic {
    private static final int LONGEST = 64;

    @Override
    public About about() {
        return About.of(
                "latent-locality",
                Topic.SPARSITY,
                "Do neighbouring tokens use the same latents, and does storing them chunk by chunk pay?",
                "TLS: mean share of latents that are inactive on a token. CLS_L: mean share of latents that are inactive"
                        + " on all tokens of a chunk of L consecutive tokens; chunks do not overlap or cross sequences,"
                        + " and what is left over is dropped. Reuse: mean over neighbouring tokens of |S_t and S_t+1| /"
                        + " |S_t| with the active sets S. Independent latents would give CLS_L = mean of (1 − p_i)^L,"
                        + " shown beside. Storage: bytes per token if a chunk holds the union of its active latents"
                        + " once and a dense block of 4-byte values under it, against 8 bytes for each pair of a number"
                        + " and a value.",
                Set.of(Need.STORE, Need.SAE),
                Source.paper(
                                "BlockFFN: Towards End-Side Acceleration-Friendly Mixture-of-Experts with Chunk-Level"
                                        + " Activation Sparsity",
                                "arXiv 2507.08771")
                        .but("Latents in place of experts."),
                Source.paper(
                        "Training for temporal sparsity in deep neural networks, application in video processing",
                        "arXiv 2107.07305"));
    }

    @Override
    public Study begin(Subject subject) {
        return new Counting(subject.sae());
    }

    private static final class Counting extends SinglePass {
        private final Sae sae;
        private final long[] unions = new long[LONGEST + 1]; // sizes of unions, summed over chunks
        private final long[] chunks = new long[LONGEST + 1];
        private final long[] fired;
        private final int[] stamp; // the last union that a latent was counted in
        private int unionsSeen;
        private long active;
        private long rows;
        private double reuse;
        private long neighbours;
        private double change;

        Counting(Sae sae) {
            this.sae = sae;
            this.fired = new long[sae.dSae()];
            this.stamp = new int[sae.dSae()];
        }

        @Override
        protected Wants all() {
            return Wants.codes(sae);
        }

        @Override
        public void see(RowPass pass) {
            SparseCodes codes = pass.codes(sae);
            rows += codes.rows();
            active += codes.size();
            for (int e = 0; e < codes.size(); e++) {
                fired[codes.ids()[e]]++;
            }
            for (int s = 0; s + 1 < pass.starts().length; s++) {
                int from = pass.starts()[s];
                int to = pass.starts()[s + 1];
                for (int length = 1; length <= LONGEST; length *= 2) {
                    chunks(codes, from, to, length);
                }
                for (int r = from; r + 1 < to; r++) {
                    neighbours(codes, r);
                }
            }
        }

        private void chunks(SparseCodes codes, int from, int to, int length) {
            for (int at = from; at + length <= to; at += length) {
                unionsSeen++;
                int size = 0;
                for (int e = codes.start(at); e < codes.end(at + length - 1); e++) {
                    if (stamp[codes.ids()[e]] != unionsSeen) {
                        stamp[codes.ids()[e]] = unionsSeen;
                        size++;
                    }
                }
                unions[length] += size;
                chunks[length]++;
            }
        }

        private void neighbours(SparseCodes codes, int r) {
            int a = codes.start(r);
            int b = codes.start(r + 1);
            int both = 0;
            while (a < codes.end(r) && b < codes.end(r + 1)) {
                int order = Integer.compare(codes.ids()[a], codes.ids()[b]);
                both += order == 0 ? 1 : 0;
                a += order <= 0 ? 1 : 0;
                b += order >= 0 ? 1 : 0;
            }
            if (codes.count(r) > 0) {
                reuse += (double) both / codes.count(r);
                change += codes.count(r) + codes.count(r + 1) - 2.0 * both;
                neighbours++;
            }
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "chunk:whole:consecutive tokens L",
                    "cls:number:mean share of latents that are inactive on all of them",
                    "independent:number:what latents of the same frequencies would give if they fired independently",
                    "chunks:whole:how many",
                    "bytes_per_token:number:stored chunk by chunk");
            double[] lengths = new double[7];
            double[] cls = new double[7];
            double[] null_ = new double[7];
            double pairs = 8.0 * active / rows;
            double best = pairs;
            int bestLength = 1;
            for (int i = 0; i < lengths.length; i++) {
                int length = 1 << i;
                lengths[i] = length;
                double union = chunks[length] == 0 ? Double.NaN : (double) unions[length] / chunks[length];
                cls[i] = 1 - union / sae.dSae();
                null_[i] = Arrays.stream(fired)
                        .mapToDouble(f -> Math.pow(1 - (double) f / rows, length))
                        .average()
                        .orElse(Double.NaN);
                double bytes = union * (4.0 / length + 4);
                table.row(length, cls[i], null_[i], chunks[length], bytes);
                if (bytes < best) {
                    best = bytes;
                    bestLength = length;
                }
            }
            double tls = 1 - (double) active / rows / sae.dSae();
            double ratio = reuse / neighbours;
            String storage = bestLength == 1
                    ? "storing pairs of number and value (" + Numbers.fixed(pairs, 0)
                            + " bytes per token) is the smallest layout"
                    : "chunks of " + bestLength + " tokens take " + Numbers.fixed(best, 0) + " bytes per token against "
                            + Numbers.fixed(pairs, 0) + " for pairs";
            return new Finding(
                    "A token keeps " + Fmt.percent(ratio) + " of the latents of the one before it; " + storage + ".",
                    Map.of(
                            "tls",
                            tls,
                            "reuse",
                            ratio,
                            "change",
                            change / neighbours,
                            "cls8",
                            cls[3],
                            "cls64",
                            cls[6],
                            "best_chunk",
                            (double) bestLength,
                            "bytes_per_token",
                            best,
                            "bytes_of_pairs",
                            pairs),
                    table,
                    List.of(Figure.curve(
                                    "Latents inactive on a whole chunk",
                                    "tokens of the chunk",
                                    "share of latents",
                                    List.of(
                                            new Figure.Series("measured", lengths, cls),
                                            new Figure.Series("independent latents", lengths, null_)))
                            .withLogX()));
        }
    }
}
