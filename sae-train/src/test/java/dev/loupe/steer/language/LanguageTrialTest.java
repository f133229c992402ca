package dev.loupe.steer.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.Document;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.HeldOut;
import dev.loupe.corpus.LanguageLabeler;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.patch.ToySae;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The trial end to end on a few documents of two languages. */
class LanguageTrialTest {
    private static final String HOOK = "blocks.3.hook_resid_post";

    @TempDir
    Path folder;

    @Test
    void aDifferenceOfMeansTurnsTextsAndTheDefaultDoesNot() {
        try (LanguageModel model = LanguageModels.open(LanguageModels.builtin(folder), ModelOptions.defaults())) {
            Sae sae = ToySae.random("s", Architecture.TOPK, 192, 300, 12, HOOK);
            TrialPlan plan = new TrialPlan("t", null, "s", null, null, List.of("en", "fr"), 5, 2, 16, List.of(4.0), 1);
            LanguageTable t = LanguageTrial.run(model, sae, few(), HeldOut.share(0.4), plan, Progress.silent());
            LanguageTable.Row plain = row(t, "default");
            assertThat(plain.switched().share()).isLessThan(0.25);
            assertThat(plain.switched().texts()).isEqualTo(10);
            assertThat(row(t, "real-text").named()).isGreaterThan(0.6);
            assertThat(row(t, "real-text").switched().share()).isGreaterThan(0.2);
            LanguageTable.Row means = chosen(t, "means");
            assertThat(means.named()).isGreaterThan(0.3); // towards a language by its mean: most become it
            assertThat(means.named()).isGreaterThan(chosen(t, "random-latents").named());
            for (LanguageTable.Row row : t.rows()) {
                Share s = row.switched();
                assertThat(s.share()).isBetween(s.low(), s.high());
                Double level = row.level();
                if (level != null && row.method().equals("means")) {
                    assertThat(row.kl()).isCloseTo(level, within(0.5 * level)); // matched as well as a grid does
                }
            }
            assertThat(t.pairs().stream().filter(p -> p.method().equals("means")))
                    .hasSize(2);
            assertThat(row(t, "two-sentence-prompt").kl()).isPositive();
        }
    }

    @Test
    void aTrialThatWasStoppedGoesOnAndEndsWithTheSameTable() throws IOException {
        try (LanguageModel model = LanguageModels.open(LanguageModels.builtin(folder), ModelOptions.defaults())) {
            Sae sae = ToySae.random("s", Architecture.TOPK, 192, 300, 12, HOOK);
            TrialPlan plan = new TrialPlan("t", null, "s", null, null, List.of("en", "fr"), 2, 1, 6, List.of(1.0), 1);
            DocumentSource few = few();
            HeldOut held = HeldOut.share(0.4);
            LanguageTable whole = LanguageTrial.run(model, sae, few, held, plan, Progress.silent());
            Path at = folder.resolve("trial");
            List<String> identity = List.of("a", "b");
            StopsAt stopped = new StopsAt("writing", 7);
            assertThatThrownBy(() -> {
                        try (TrialJournal j = TrialJournal.open(at, identity)) {
                            LanguageTrial.run(model, sae, few, held, plan, j, stopped);
                        }
                    })
                    .isInstanceOf(CancelledException.class);
            Path file = at.resolve("journal.jsonl");
            List<String> lines = Files.readAllLines(file);
            assertThat(lines).hasSize(2 + 7);
            Files.writeString(
                    file,
                    String.join("\n", lines.subList(0, 8)) + "\n" + lines.get(8).substring(0, 9));
            StopsAt counted = new StopsAt("", 0);
            try (TrialJournal j = TrialJournal.open(at, identity)) {
                assertThat(j.size()).isEqualTo(6); // the seventh was cut
                assertThat(j.settings()).isNotEmpty();
                LanguageTable t = LanguageTrial.run(model, sae, few, held, plan, j, counted);
                assertThat(t.rows()).isEqualTo(whole.rows());
                assertThat(t.pairs()).isEqualTo(whole.pairs());
                assertThat(counted.stages).contains("writing").doesNotContain("matching strengths");
                j.delete();
            }
            assertThat(file).doesNotExist();
            try (TrialJournal j = TrialJournal.open(at, identity)) {
                j.written(new TrialJournal.Key(new Trials.Condition("x", 0, 1, 1.0), true, 0), new int[] {1}, "a");
            }
            try (TrialJournal j = TrialJournal.open(at, List.of("a", "c"))) {
                assertThat(j.size()).isZero(); // another plan
            }
        }
    }

    /** Ends the work at a place, and remembers the stages. */
    private static final class StopsAt implements Progress {
        private final String stage;
        private final long place;
        private final List<String> stages = new ArrayList<>();
        private long done;

        StopsAt(String stage, long place) {
            this.stage = stage;
            this.place = place;
        }

        @Override
        public void stage(String name, long total, String unit) {
            stages.add(name);
            done = 0;
        }

        @Override
        public void advance(long now) {
            done = now;
        }

        @Override
        public boolean cancelled() {
            return !stages.isEmpty() && stages.getLast().equals(stage) && done >= place - 1;
        }
    }

    private static LanguageTable.Row row(LanguageTable t, String method) {
        return t.rows().stream()
                .filter(r -> r.method().equals(method))
                .findFirst()
                .orElseThrow();
    }

    private static LanguageTable.Row chosen(LanguageTable t, String method) {
        return t.rows().stream()
                .filter(r -> r.method().equals(method) && r.chosen())
                .findFirst()
                .orElseThrow();
    }

    @Test
    void intervalsResampleDocuments() {
        List<Share.Text> alike = new ArrayList<>();
        List<Share.Text> apart = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            alike.add(new Share.Text("en", "d" + i / 10, i / 10 % 2 == 0)); // four documents, all or nothing
            apart.add(new Share.Text("en", "d" + i, i % 2 == 0));
        }
        Share few = Share.of(alike);
        Share many = Share.of(apart);
        assertThat(few.share()).isEqualTo(0.5);
        assertThat(many.share()).isEqualTo(0.5);
        assertThat(few.low()).isEqualTo(0);
        assertThat(few.high()).isEqualTo(1);
        assertThat(many.low()).isBetween(0.3, 0.4);
        assertThat(Share.of(List.of()).texts()).isZero();
    }

    @Test
    void aPlanThatCannotBeRunIsRefused() {
        assertThatThrownBy(() -> plan(List.of("en"), List.of(1.0)).check()).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> plan(List.of("en", "en"), List.of(1.0)).check())
                .isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> plan(List.of("en", "fr"), List.of(-1.0)).check())
                .hasMessageContaining("above 0");
        assertThat(plan(List.of(), List.of()).languages()).hasSize(6);
    }

    private static TrialPlan plan(List<String> languages, List<Double> levels) {
        return new TrialPlan("t", null, "s", null, null, languages, 0, 0, 0, levels, 0);
    }

    /** Some documents of two languages, labelled. */
    private static DocumentSource few() {
        DocumentSource all = Corpora.of(Corpora.EUROPARL, "");
        LanguageLabeler labeler = LanguageLabeler.of(all.languages());
        Map<String, Integer> left = new HashMap<>(Map.of("fr", 10, "en", 10));
        List<Document> some = new ArrayList<>();
        try (Stream<Document> open = all.open()) {
            for (Document d : (Iterable<Document>) open::iterator) {
                LanguageLabeler.Label l = labeler.label(d.text());
                if (d.text().length() > 1500 && left.getOrDefault(l.language(), 0) > 0) {
                    left.merge(l.language(), -1, Integer::sum);
                    some.add(d.labelled(l.language(), l.confidence()));
                }
                if (left.values().stream().allMatch(n -> n == 0)) {
                    break;
                }
            }
        }
        return new DocumentSource() {
            @Override
            public String spec() {
                return "few";
            }

            @Override
            public String describe() {
                return "few";
            }

            @Override
            public String fingerprint() {
                return "0";
            }

            @Override
            public Stream<Document> open() {
                return some.stream();
            }

            @Override
            public Set<String> languages() {
                return Set.of("en", "fr");
            }
        };
    }
}
