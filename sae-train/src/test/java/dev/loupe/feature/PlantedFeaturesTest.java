package dev.loupe.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
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

/** A world whose features are known: an index must find them and say what they are. */
class PlantedFeaturesTest {
    private static final List<String> ENGLISH =
            List.of(" the", " house", " mr", " smith", " going", " seeing", " being");
    private static final List<String> FINNISH = List.of(" talo", " komissio", " antoi", " kissa", " ja");
    private static final List<String> COMMON = List.of(" 1", " 25", " 2004", ".", " The");
    private static final int TOKEN = 0;
    private static final int WORD = 1;
    private static final int AFTER = 2;
    private static final int DIGITS = 3;
    private static final int ENDING = 4;
    private static final int DOCUMENTS = 5;
    private static final int DEAD = 6;
    private static final int N = 7;

    @TempDir
    Path folder;

    private ToyModel model;
    private Sae sae;
    private List<ToyStore.Doc> docs;

    @BeforeEach
    void plant() {
        Cases.Random random = Cases.random();
        List<String> texts = new ArrayList<>(ENGLISH);
        texts.addAll(FINNISH);
        texts.addAll(COMMON);
        ToyTokenizer tokenizer = new ToyTokenizer(texts);
        int vocabulary = tokenizer.vocabSize();
        // dimension i is the direction of feature i; x = E[token] + E[token before] / 2
        float[][] embed = new float[vocabulary][N];
        for (int t = 1; t < vocabulary; t++) {
            String text = tokenizer.token(t);
            embed[t][TOKEN] = text.equals(" komissio") ? 9 : 0;
            embed[t][WORD] = text.strip().equalsIgnoreCase("the") ? 7 : 0;
            embed[t][AFTER] = text.equals(" mr") ? 8 : 0;
            embed[t][DIGITS] = Character.isDigit(text.charAt(text.length() - 1)) ? 5 : 0;
            embed[t][ENDING] = text.endsWith("ing") ? 6 : 0;
            embed[t][DOCUMENTS] = FINNISH.contains(text) ? 4 : 0;
        }
        float[] gain = new float[N];
        java.util.Arrays.fill(gain, 1);
        model = new ToyModel(tokenizer, embed, embed, gain);
        float[][] rows = new float[N][N];
        float[] bias = new float[N];
        for (int i = 0; i < N; i++) {
            rows[i][i] = 1;
            bias[i] = -4.6f; // above half an embedding: the token before does not count
        }
        bias[AFTER] = -3;
        rows[AFTER][AFTER] = 1;
        bias[DOCUMENTS] = -1.5f;
        sae = ToySaes.of("planted", Architecture.RELU, 0, rows, rows, bias, new float[N]);
        docs = new ArrayList<>();
        for (int d = 0; d < 80; d++) {
            List<String> words = new ArrayList<>(d % 2 == 0 ? ENGLISH : FINNISH);
            words.addAll(COMMON);
            int[] ids = new int[40];
            for (int p = 1; p < ids.length; p++) {
                ids[p] = tokenizer.encode(words.get(random.nextInt(words.size())), false)[0];
            }
            docs.add(new ToyStore.Doc("doc " + d, d % 2 == 0 ? "en" : "fi", d % 5 == 0, List.of(ids)));
        }
    }

    private FeatureIndex index() {
        try (ActivationStore store = ToyStore.write(folder.resolve("store"), N, docs, model::activations)) {
            return FeatureIndexer.build(
                    sae, store, model, IndexOptions.standard(), folder.resolve("features"), Progress.silent());
        }
    }

    @Test
    void everyPlantedFeatureIsNamedByItsOwnRuleAndTheRuleHoldsOnHeldOutText() {
        FeatureIndex index = index();
        assertLabel(index, TOKEN, LabelRule.TOKEN, "\" komissio\" 100 %");
        assertLabel(index, WORD, LabelRule.WORD, "“the” any case 100 %");
        assertLabel(index, DIGITS, LabelRule.CHARACTERS, "digits 100 %");
        assertLabel(index, ENDING, LabelRule.ENDING, "…ing 100 %");
        assertLabel(index, DOCUMENTS, LabelRule.DOCUMENTS, "Finnish 100 %");
        FeatureSummary dead = index.summary(DEAD);
        assertThat(dead.rule()).isEqualTo(LabelRule.DEAD);
        assertThat(dead.dead()).isTrue();
        assertThat(dead.labelScore()).isNull();
        LabelScore token = index.detail(TOKEN).score();
        assertThat(token).isNotNull();
        assertThat(token.coverage()).isEqualTo(1);
        assertThat(token.precision()).isEqualTo(1);
        assertThat(token.balancedAccuracy()).isEqualTo(1);
        // a language rule covers everything but says too much: not every Finnish token fires
        LabelScore language = index.detail(DOCUMENTS).score();
        assertThat(language).isNotNull();
        assertThat(language.recall()).isEqualTo(1);
        assertThat(language.balancedAccuracy()).isBetween(0.5, 0.99);
    }

    private static void assertLabel(FeatureIndex index, int id, LabelRule rule, String label) {
        assertThat(index.summary(id).rule()).as("rule of " + id).isEqualTo(rule);
        assertThat(index.summary(id).label()).startsWith(label);
        assertThat(index.summary(id).labelScore()).isNotNull();
    }

    @Test
    void aFeatureThatLooksBackIsNamedByTheTokenBefore() {
        // reads only what the token before left: fires after " mr", whatever comes
        float[][] rows = {{0, 0, 1, 0, 0, 0, 0}};
        Sae after = ToySaes.of("planted", Architecture.TOPK, 1, rows, rows, new float[] {-3.5f}, new float[N]);
        for (ToyStore.Doc doc : docs) {
            for (int[] ids : doc.sequences()) {
                for (int p = 1; p < ids.length; p++) { // never twice: " mr" itself would fire
                    ids[p] = p % 2 == 0 && ids[p] == model.tokenizer().encode(" mr", false)[0]
                            ? model.tokenizer().encode(" smith", false)[0]
                            : ids[p];
                }
            }
        }
        int mr = model.tokenizer().encode(" mr", false)[0];
        try (ActivationStore store = ToyStore.write(folder.resolve("store"), N, docs, ids -> {
            float[][] x = model.activations(ids);
            for (int p = 0; p < ids.length; p++) {
                if (ids[p] == mr) {
                    x[p][AFTER] = 0;
                }
            }
            return x;
        })) {
            FeatureIndex index = FeatureIndexer.build(
                    after, store, model, IndexOptions.standard(), folder.resolve("features"), Progress.silent());
            assertThat(index.summary(0).rule()).isEqualTo(LabelRule.AFTER);
            assertThat(index.summary(0).label()).isEqualTo("after \" mr\" 100 %");
            assertThat(index.summary(0).labelScore()).isEqualTo(1);
        }
    }

    @Test
    void searchFindsNumbersLabelsTokensAndTexts() {
        FeatureIndex index = index();
        assertThat(index.search("3", 5).getFirst().summary().id()).isEqualTo(3);
        assertThat(index.search("KOMISSIO", 5).getFirst().summary().id()).isEqualTo(TOKEN);
        assertThat(index.search("finnish", 5).getFirst().summary().id()).isEqualTo(DOCUMENTS);
        SearchHit text = index.search(" komissio antoi", 5).stream()
                .filter(h -> h.summary().id() == TOKEN)
                .findFirst()
                .orElseThrow();
        assertThat(text.where()).isIn("rule", "text");
        assertThat(text.example()).isNotNull();
        assertThat(String.join("", text.example().tokens())).contains(" komissio", "antoi");
        assertThat(index.search("no such words", 5)).isEmpty();
        assertThat(index.search("  ", 5)).isEmpty();
        assertThat(index.searchTokens("^ kom.*o$", 5).getFirst().summary().id()).isEqualTo(TOKEN);
        assertThat(index.searchTokens("\\d", 5).getFirst().summary().id()).isEqualTo(DIGITS);
        assertThatThrownBy(() -> index.searchTokens("(", 5))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("no regular expression");
        assertThatThrownBy(() -> index.searchTokens("x".repeat(201), 5)).isInstanceOf(UsageException.class);
    }

    @Test
    void aTypedTextShowsWhatFiresOnEveryToken() {
        TextActivations t = TextActivations.of(sae, model, " talo komissio 25", true);
        assertThat(String.join("", t.tokens())).isEqualTo("<s> talo komissio 25");
        assertThat(t.active().getFirst()).isEmpty();
        assertThat(t.active().get(2).getFirst().id()).isEqualTo(DOCUMENTS);
        assertThat(t.latent(TOKEN)).containsExactly(0, 0, 9 - 4.6f, 0);
        assertThat(t.latent(DEAD)).containsOnly(0);
        assertThatThrownBy(() -> TextActivations.of(sae, model, "", true)).isInstanceOf(UsageException.class);
        TextActivations longer = TextActivations.of(sae, model, " talo".repeat(64), true);
        assertThat(longer.tokens()).hasSize(64).endsWith(" talo");
        assertThat(longer.cutTokens()).isEqualTo(1);
        assertThat(longer.cutText()).isEqualTo(" talo");
    }

    @Test
    void aStoreOfAnotherModelIsRefused() {
        ToyModel other = new ToyModel((ToyTokenizer) model.tokenizer(), model.embed, model.unembed, model.gain) {
            @Override
            public String weightsChecksum() {
                return "other";
            }
        };
        try (ActivationStore store = ToyStore.write(folder.resolve("store"), N, docs, model::activations)) {
            assertThatThrownBy(() -> FeatureIndexer.build(
                            sae, store, other, IndexOptions.standard(), folder.resolve("f"), Progress.silent()))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("other weights");
        }
        assertThat(folder.resolve("f")).doesNotExist();
    }
}
