package dev.loupe.diagnose.geometry;

import dev.loupe.base.Fmt;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Need;
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
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Active sets as hash codes (He et al., "Neural networks behave as hash encoders: An empirical study", arXiv 2101.05490):
 * how often two inputs share a code, and how well simple methods tell labels from codes.
 */
public final class HashCodes implements Diagnostic {
    private static final int K = 9;
    private static final int MOST = 1500;

    @Override
    public About about() {
        return About.of(
                "hash-codes",
                Topic.GEOMETRY,
                "Do the sets of active latents identify texts, and do they tell their labels?",
                "The code of a token is its set of active latents; redundancy of N tokens: (N − number of different"
                        + " codes) / N. The code of a sequence is the set of latents active on any of its tokens. With"
                        + " document labels, accuracy on every third sequence from the others: 9 nearest neighbours by"
                        + " Hamming distance; logistic regression on the 256 most varied latents, one label against"
                        + " another, by votes. K-means with as many clusters as labels, each cluster under its most"
                        + " frequent label, on all sequences. Chance: the most frequent label.",
                Set.of(Need.STORE, Need.SAE),
                Source.paper("Neural networks behave as hash encoders: An empirical study", "arXiv 2101.05490")
                        .but("Active latents in place of active neurons of all layers."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Coding(subject);
    }

    private static final class Coding extends SinglePass {
        private final Sae sae;
        private final long seed;
        private final List<BitSet> tokens = new ArrayList<>();
        private final List<BitSet> sequences = new ArrayList<>();
        private final List<String> labels = new ArrayList<>();

        Coding(Subject subject) {
            this.sae = subject.sae();
            this.seed = subject.limits().seed();
        }

        @Override
        protected Wants all() {
            return Wants.codes(sae).upTo(100_000);
        }

        @Override
        public void see(RowPass pass) {
            SparseCodes codes = pass.codes(sae);
            for (int r = 0; r < codes.rows() && tokens.size() < 20_000; r++) {
                tokens.add(Codes.union(codes, r, r + 1, sae.dSae()));
            }
            for (int s = 0; s + 1 < pass.starts().length && sequences.size() < MOST; s++) {
                if (pass.starts()[s + 1] - pass.starts()[s] >= 8) {
                    sequences.add(Codes.union(codes, pass.starts()[s], pass.starts()[s + 1], sae.dSae()));
                    labels.add(pass.label(s));
                }
            }
        }

        @Override
        public Finding finding() {
            double redundancy = Codes.redundancy(tokens);
            double sequenceRedundancy = Codes.redundancy(sequences);
            ResultTable table = ResultTable.of("measure:text:what", "value:number:share");
            table.row("redundancy of tokens", redundancy).row("redundancy of sequences", sequenceRedundancy);
            Map<String, Double> numbers = new LinkedHashMap<>();
            numbers.put("redundancy", redundancy);
            long kinds = labels.stream().distinct().count();
            String answer = Fmt.percent(redundancy) + " of " + tokens.size()
                    + " tokens share their set of active latents" + " with an earlier one";
            List<String> notes = new ArrayList<>();
            if (kinds > 1) {
                List<BitSet> train = new ArrayList<>();
                List<String> trainLabels = new ArrayList<>();
                List<BitSet> test = new ArrayList<>();
                List<String> testLabels = new ArrayList<>();
                for (int i = 0; i < sequences.size(); i++) {
                    (i % 3 == 2 ? test : train).add(sequences.get(i));
                    (i % 3 == 2 ? testLabels : trainLabels).add(labels.get(i));
                }
                double knn = Codes.knn(train, trainLabels, test, testLabels, K);
                double logistic = LabelVotes.accuracy(train, trainLabels, test, testLabels, sae.dSae());
                double means = Codes.kMeans(sequences, labels, sae.dSae(), seed);
                double chance =
                        labels.stream().collect(Collectors.groupingBy(l -> l, Collectors.counting())).values().stream()
                                .mapToLong(n -> n)
                                .max()
                                .orElse(0);
                chance /= labels.size();
                table.row("9 nearest neighbours", knn)
                        .row("logistic, one against one", logistic)
                        .row("K-means", means)
                        .row("chance", chance);
                numbers.put("knn", knn);
                numbers.put("logistic", logistic);
                numbers.put("k_means", means);
                numbers.put("chance", chance);
                answer += "; from the sets of whole sequences nearest neighbours tell the label in " + Fmt.percent(knn)
                        + " (" + kinds + " labels, chance " + Fmt.percent(chance) + ")";
            } else {
                notes.add("The documents carry one label, so accuracies have no meaning.");
            }
            return new Finding(
                    answer + ".",
                    numbers,
                    table,
                    List.of(Figure.histogram(
                            "Active latents of a sequence",
                            "latents",
                            sequences.stream().mapToDouble(BitSet::cardinality).toArray(),
                            40)),
                    notes);
        }
    }
}
