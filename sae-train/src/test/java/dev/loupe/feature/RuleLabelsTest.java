package dev.loupe.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToyModel;
import dev.loupe.toy.ToySaes;
import dev.loupe.toy.ToyStore;
import dev.loupe.toy.ToyTokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rules about surroundings, on latents that were planted to follow one, and their scores against brute force. */
class RuleLabelsTest {
    private static final int BIGRAM = 0;
    private static final int GAP = 1;
    private static final int NEXT = 2;
    private static final int N = 3;

    @TempDir
    Path folder;

    private ToyModel model;
    private List<ToyStore.Doc> docs;
    private FeatureIndex index;

    @BeforeEach
    void plant() {
        // always the same text: in another one, a pair of tokens may happen to stand by a planted one often enough to
        // be a rule
        Cases.Random random = Cases.Random.of(2);
        List<String> texts = new ArrayList<>();
        for (int t = 1; t < 16; t++) {
            texts.add(" w" + t);
        }
        model = new ToyModel(
                new ToyTokenizer(texts), random.matrix(16, N), random.matrix(16, N), new float[] {1, 1, 1});
        docs = new ArrayList<>();
        for (int d = 0; d < 100; d++) {
            int[] ids = random.ints(40, 1, 16);
            ids[0] = ToyTokenizer.BOS;
            docs.add(new ToyStore.Doc("doc " + d, "en", d % 4 == 0, List.of(ids)));
        }
        float[][] unit = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
        Sae sae = ToySaes.of("planted", Architecture.RELU, 0, unit, unit, new float[N], new float[N]);
        try (ActivationStore store = ToyStore.write(folder.resolve("store"), N, docs, RuleLabelsTest::activations)) {
            index = FeatureIndexer.build(
                    sae, store, model, IndexOptions.standard(), folder.resolve("features"), Progress.silent());
        }
    }

    private static float[][] activations(int[] ids) {
        float[][] x = new float[ids.length][N];
        for (int p = 1; p < ids.length; p++) {
            // " w5 w3", or weaker " w6 w3"; " w4", anything, " w7"; whatever stands before " w9"
            x[p][BIGRAM] = ids[p] == 3 && ids[p - 1] == 5 ? 4 : ids[p] == 3 && ids[p - 1] == 6 ? 2 : 0;
            x[p][GAP] = p > 2 && ids[p] == 7 && ids[p - 2] == 4 ? 3 : 0;
            x[p][NEXT] = p + 1 < ids.length && ids[p + 1] == 9 ? 5 : 0;
        }
        return x;
    }

    private LabelCandidate candidate(int id, String kind) {
        return index.detail(id).labels().stream()
                .filter(c -> c.kind().equals(kind))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void a_tree_of_patterns_predicts_what_follows_a_pattern_gaps_included() {
        LabelCandidate bigram = candidate(BIGRAM, LabelCandidate.PATTERNS);
        assertThat(bigram.balancedAccuracy()).isGreaterThan(0.8);
        assertThat(bigram.correlation()).isGreaterThan(0.8);
        assertThat(bigram.patterns()).anyMatch(p -> p.contains("\" w5\" \" w3\" → "));
        LabelCandidate gap = candidate(GAP, LabelCandidate.PATTERNS);
        assertThat(gap.balancedAccuracy()).isGreaterThan(0.8);
        assertThat(gap.patterns()).anyMatch(p -> p.contains("\" w4\" ∗ \" w7\" → "));
        // the token alone knows one case in fifteen
        LabelCandidate token = candidate(GAP, LabelCandidate.TOKENS);
        assertThat(token.precision()).isLessThan(0.3);
        assertThat(token.correlation()).isLessThan(gap.correlation());
    }

    @Test
    void ngrams_and_next_tokens_are_found_and_become_the_name_where_the_token_says_nothing() {
        LabelCandidate ngrams = candidate(BIGRAM, LabelCandidate.NGRAMS);
        assertThat(ngrams.text()).contains("“ w5 w3”").contains("“ w6 w3”");
        assertThat(ngrams.balancedAccuracy()).isEqualTo(1);
        assertThat(ngrams.precision()).isEqualTo(1);
        LabelCandidate next = candidate(NEXT, LabelCandidate.NEXT);
        assertThat(next.text()).isEqualTo("before \" w9\"");
        assertThat(next.balancedAccuracy()).isEqualTo(1);
        assertThat(next.correlation()).isCloseTo(1, within(1e-9));
        assertThat(next.coverage()).isEqualTo(1);
        FeatureSummary s = index.summary(NEXT);
        assertThat(s.rule()).isEqualTo(LabelRule.NEXT);
        assertThat(s.label()).isEqualTo("before \" w9\" 100 %");
        assertThat(s.labelScore()).isEqualTo(1);
        assertThat(index.detail(NEXT).labels())
                .filteredOn(c -> c.kind().equals(LabelCandidate.LOGITS))
                .hasSize(1);
    }

    @Test
    void scores_equal_brute_force() {
        // every rule that names tokens: what it claims can be read off the patterns
        for (int id = 0; id < N; id++) {
            for (LabelCandidate c : index.detail(id).labels()) {
                if (c.kind().equals(LabelCandidate.NEXT) || c.kind().equals(LabelCandidate.TOKENS)) {
                    int away =
                            c.kind().equals(LabelCandidate.NEXT) ? 1 : c.text().startsWith("after") ? -1 : 0;
                    check(id, c, away);
                }
            }
        }
    }

    private void check(int id, LabelCandidate c, int away) {
        double[] means = new double[16];
        for (int t = 1; t < 16; t++) {
            String start = "\" w" + t + "\" → ";
            for (String pattern : c.patterns()) {
                means[t] = pattern.startsWith(start) ? Double.parseDouble(pattern.substring(start.length())) : means[t];
            }
        }
        List<double[]> rows = new ArrayList<>(); // predicted, true
        for (ToyStore.Doc doc : docs) {
            for (int[] ids : doc.sequences()) {
                float[][] x = activations(ids);
                for (int p = 1; doc.heldOut() && p < ids.length; p++) {
                    int other = p + away;
                    rows.add(new double[] {other < 1 || other >= ids.length ? 0 : means[ids[other]], x[p][id]});
                }
            }
        }
        long fired = rows.stream().filter(r -> r[1] > 0).count();
        long claimed = rows.stream().filter(r -> r[0] > 0).count();
        long both = rows.stream().filter(r -> r[0] > 0 && r[1] > 0).count();
        assertThat(c.firings()).isEqualTo(fired);
        assertThat(c.claimed()).isEqualTo(claimed);
        assertThat(c.recall()).isCloseTo((double) both / fired, within(1e-9));
        assertThat(c.precision()).isCloseTo((double) both / claimed, within(1e-9));
        double rejected = 1 - (double) (claimed - both) / (rows.size() - fired);
        assertThat(c.balancedAccuracy()).isCloseTo(((double) both / fired + rejected) / 2, within(1e-9));
        assertThat(c.correlation()).isCloseTo(pearson(rows), within(1e-2)); // patterns are shown with two decimals
    }

    private static double pearson(List<double[]> rows) {
        double mx = rows.stream().mapToDouble(r -> r[0]).average().orElse(0);
        double my = rows.stream().mapToDouble(r -> r[1]).average().orElse(0);
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (double[] r : rows) {
            xy += (r[0] - mx) * (r[1] - my);
            xx += (r[0] - mx) * (r[0] - mx);
            yy += (r[1] - my) * (r[1] - my);
        }
        return xy / Math.sqrt(xx * yy);
    }
}
