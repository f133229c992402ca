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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which languages' own words a latent picks: planted latents, and every figure against a count of all pairs. */
class OwnWordsTest {
    private static final String[] LANGUAGES = {"el", "en", "fi"};
    private static final int OWN = 40;
    private static final int SHARED = 5;
    private static final int VOCABULARY = 1 + LANGUAGES.length * OWN + SHARED;
    private static final int LATENTS = 8;

    @TempDir
    Path folder;

    private static int word(int language, int n) {
        return 1 + language * OWN + n;
    }

    /** What each latent does at a token: planted ones first, then ones that fire at random. */
    private static float[] fires(Cases.Random random, int language, int token) {
        float[] x = new float[LATENTS];
        x[0] = token == word(1, 3) || token == word(2, 7) ? 2 : 0; // a word of each of two languages
        x[1] = token >= VOCABULARY - SHARED ? 1 : 0; // what stands everywhere
        x[2] = random.nextFloat() < .3f ? 1 : 0; // anything
        x[3] = language == 0 && token == word(0, 1) && random.nextFloat() < .9f ? 3 : 0;
        x[4] = language == 1 ? 1 : 0; // everything of one language
        for (int i = 5; i < LATENTS; i++) {
            x[i] = token % (i + 20) == 3 || random.nextFloat() < .02f ? .5f : 0;
        }
        return x;
    }

    @Test
    void every_figure_equals_a_count_of_all_pairs_and_what_fires_anywhere_picks_nothing() {
        Cases.check(2, random -> {
            List<ToyStore.Doc> docs = new ArrayList<>();
            Map<Integer, float[][]> values =
                    new HashMap<>(); // by the document's number, which is its first own token's
            List<int[]> all = new ArrayList<>();
            List<Integer> languages = new ArrayList<>();
            for (int d = 0; d < 150; d++) {
                int language = random.nextInt(0, 3);
                int[] ids = new int[40];
                float[][] x = new float[40][LATENTS];
                for (int p = 1; p < ids.length; p++) {
                    // now and then a word of another language is quoted
                    int from = random.nextInt(0, 20) == 0 ? random.nextInt(0, 3) : language;
                    ids[p] = random.nextInt(0, 5) == 0
                            ? VOCABULARY - 1 - random.nextInt(0, SHARED)
                            : word(from, random.nextInt(0, OWN));
                    x[p] = fires(random, language, ids[p]);
                }
                all.add(ids);
                languages.add(language);
                values.put(System.identityHashCode(ids), x);
                docs.add(new ToyStore.Doc("d" + d, LANGUAGES[language], d % 9 == 0, List.of(ids)));
            }
            FeatureIndex index = index(random, docs, values);
            Map<Integer, Integer> own = ownTokens(all, languages);
            for (int i = 0; i < LATENTS; i++) {
                Map<String, Double> expected = expected(all, languages, values, own, i);
                List<LabelWords> found = index.detail(i).words();
                assertThat(found).extracting(LabelWords::label).containsExactlyInAnyOrderElementsOf(expected.keySet());
                found.forEach(w -> assertThat(w.lift()).isCloseTo(expected.get(w.label()), within(1e-3)));
                assertThat(index.summary(i).selectiveLabels()).isEqualTo(found.size());
            }
            assertThat(index.detail(0).words()).extracting(LabelWords::label).containsExactlyInAnyOrder("en", "fi");
            assertThat(index.detail(0).words())
                    .allSatisfy(w -> assertThat(w.words())
                            .containsExactly(w.label().equals("en") ? "w" + word(1, 3) : "w" + word(2, 7)));
            assertThat(index.detail(1).words()).isEmpty();
            assertThat(index.detail(2).words()).isEmpty();
            assertThat(index.detail(3).words()).extracting(LabelWords::label).containsExactly("el");
            assertThat(index.detail(4).words()).isEmpty();
        });
    }

    private FeatureIndex index(Cases.Random random, List<ToyStore.Doc> docs, Map<Integer, float[][]> values) {
        List<String> texts = new ArrayList<>();
        for (int t = 1; t < VOCABULARY; t++) {
            texts.add("w" + t);
        }
        float[][] any = random.matrix(VOCABULARY, LATENTS);
        ToyModel model = new ToyModel(new ToyTokenizer(texts), any, any, random.floats(LATENTS));
        float[][] identity = new float[LATENTS][LATENTS];
        for (int i = 0; i < LATENTS; i++) {
            identity[i][i] = 1;
        }
        Sae sae = ToySaes.of("words", Architecture.RELU, 0, identity, identity, new float[LATENTS], new float[LATENTS]);
        Path place = folder.resolve("case-" + random.index());
        try (ActivationStore store = ToyStore.write(
                place.resolve("store"), LATENTS, docs, ids -> values.get(System.identityHashCode(ids)))) {
            return FeatureIndexer.build(
                    sae, store, model, IndexOptions.standard(), place.resolve("features"), Progress.silent());
        }
    }

    /** The language in which a token stands at least half of the time. */
    private static Map<Integer, Integer> ownTokens(List<int[]> all, List<Integer> languages) {
        int[][] counts = new int[VOCABULARY][LANGUAGES.length];
        for (int d = 0; d < all.size(); d++) {
            for (int p = 1; p < all.get(d).length; p++) {
                counts[all.get(d)[p]][languages.get(d)]++;
            }
        }
        Map<Integer, Integer> own = new TreeMap<>();
        for (int t = 1; t < VOCABULARY; t++) {
            for (int l = 0; l < LANGUAGES.length; l++) {
                if (counts[t][l] * 2 >= counts[t][0] + counts[t][1] + counts[t][2] && counts[t][l] > 0) {
                    own.putIfAbsent(t, l);
                }
            }
        }
        return own;
    }

    private static Map<String, Double> expected(
            List<int[]> all,
            List<Integer> languages,
            Map<Integer, float[][]> values,
            Map<Integer, Integer> own,
            int latent) {
        Map<String, Double> expected = new TreeMap<>();
        for (int l = 0; l < LANGUAGES.length; l++) {
            List<Integer> firing = new ArrayList<>();
            List<Integer> standing = new ArrayList<>();
            for (int d = 0; d < all.size(); d++) {
                for (int p = 1; p < all.get(d).length && languages.get(d) == l; p++) {
                    standing.add(all.get(d)[p]);
                    if (values.get(System.identityHashCode(all.get(d)))[p][latent] > 0) {
                        firing.add(all.get(d)[p]);
                    }
                }
            }
            double pairs = 0;
            for (int a = 0; a < firing.size(); a++) {
                for (int b = 0; b < firing.size(); b++) {
                    pairs += a != b && firing.get(a).equals(firing.get(b)) && own.getOrDefault(firing.get(a), -1) == l
                            ? 1
                            : 0;
                }
            }
            double chance = 0;
            for (int t = 1; t < VOCABULARY; t++) {
                int token = t;
                double p = standing.stream().filter(s -> s == token).count() / (double) standing.size();
                chance += own.getOrDefault(t, -1) == l ? p * p : 0;
            }
            double n = firing.size();
            double lift = pairs / (n * (n - 1)) / chance;
            if (n >= 20 && lift >= 10) {
                expected.put(LANGUAGES[l], lift);
            }
        }
        return expected;
    }
}
