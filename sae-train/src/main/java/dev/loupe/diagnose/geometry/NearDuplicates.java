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
import dev.loupe.math.Parallel;
import dev.loupe.sae.Sae;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;

/** Search for near-duplicate texts by the active sets of their tokens (He et al., arXiv 2101.05490). */
public final class NearDuplicates implements Diagnostic {
    private static final int MOST = 2000;
    private static final int SHOWN = 50;
    private static final double ALIKE = 0.8;

    @Override
    public About about() {
        return About.of(
                "near-duplicates",
                Topic.GEOMETRY,
                "Which texts are nearly the same for the SAE?",
                "The code of a sequence is the set of latents active on any of its tokens. All pairs of up to 2,000"
                        + " sequences of at least 8 tokens: Jaccard likeness |A and B| / |A or B| and Hamming distance;"
                        + " pairs with a likeness of at least 0.8 count as near-duplicates.",
                Set.of(Need.STORE, Need.SAE),
                Source.paper("Neural networks behave as hash encoders: An empirical study", "arXiv 2101.05490"));
    }

    @Override
    public Study begin(Subject subject) {
        return new Searching(subject.sae());
    }

    private record Pair(int a, int b, double jaccard) {}

    private static final class Searching extends SinglePass {
        private final Sae sae;
        private final List<BitSet> codes = new ArrayList<>();
        private final List<String> names = new ArrayList<>();
        private final List<String> places = new ArrayList<>();

        Searching(Sae sae) {
            this.sae = sae;
        }

        @Override
        protected Wants all() {
            return Wants.codes(sae);
        }

        @Override
        public void see(RowPass pass) {
            for (int s = 0; s + 1 < pass.starts().length && codes.size() < MOST; s++) {
                if (pass.starts()[s + 1] - pass.starts()[s] >= 8) {
                    codes.add(Codes.union(pass.codes(sae), pass.starts()[s], pass.starts()[s + 1], sae.dSae()));
                    names.add(pass.store().documents().name(pass.document(s)));
                    places.add(names.getLast() + " (sequence " + pass.sequences()[s] + ")");
                }
            }
        }

        @Override
        public Finding finding() {
            double[] nearest = new double[codes.size()];
            List<List<Pair>> best = new ArrayList<>();
            codes.forEach(c -> best.add(List.of()));
            int[] alike = new int[codes.size()];
            Parallel.run(codes.size(), a -> {
                PriorityQueue<Pair> top = new PriorityQueue<>(Comparator.comparingDouble(Pair::jaccard));
                for (int b = 0; b < codes.size(); b++) {
                    if (a != b) {
                        double likeness = Codes.jaccard(codes.get(a), codes.get(b));
                        nearest[a] = Math.max(nearest[a], likeness);
                        if (b > a) {
                            alike[a] += likeness >= ALIKE ? 1 : 0;
                            top.add(new Pair(a, b, likeness));
                            if (top.size() > 8) {
                                top.poll();
                            }
                        }
                    }
                }
                best.set(a, List.copyOf(top));
            });
            List<Pair> pairs = best.stream()
                    .flatMap(List::stream)
                    .sorted(Comparator.comparingDouble((Pair p) -> -p.jaccard()).thenComparingInt(Pair::a))
                    .limit(SHOWN)
                    .toList();
            ResultTable table = ResultTable.of(
                    "a:text:document and sequence",
                    "b:text:document and sequence",
                    "jaccard:number:likeness of their active sets",
                    "hamming:whole:latents in which they differ",
                    "same_document:text:yes or no");
            for (Pair p : pairs) {
                table.row(
                        places.get(p.a()),
                        places.get(p.b()),
                        p.jaccard(),
                        Codes.hamming(codes.get(p.a()), codes.get(p.b())),
                        names.get(p.a()).equals(names.get(p.b())) ? "yes" : "no");
            }
            int found = Arrays.stream(alike).sum();
            double top = pairs.isEmpty() ? 0 : pairs.getFirst().jaccard();
            return new Finding(
                    "Among " + codes.size() + " sequences " + found + " pairs are near-duplicates for " + sae.name()
                            + "; the most alike share " + Fmt.percent(top) + " of their latents.",
                    Map.of("pairs", (double) found, "sequences", (double) codes.size(), "highest", top),
                    table,
                    List.of(Figure.histogram("Likeness of the nearest other sequence", "Jaccard", nearest, 0, 1, 40)
                            .withLogY()));
        }
    }
}
