package dev.loupe.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Progress;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LanguageLabelerTest {
    private static final LanguageLabeler ANY = LanguageLabeler.of(Set.of());

    @Test
    void plain_sentences_get_their_language_and_gibberish_none() {
        assertThat(ANY.label("The committee will meet again tomorrow morning to discuss the budget.")
                        .language())
                .isEqualTo("en");
        assertThat(ANY.label("Der Ausschuss wird morgen früh wieder tagen, um den Haushalt zu beraten.")
                        .language())
                .isEqualTo("de");
        assertThat(ANY.label("12 34 56 -- 78").language()).isEqualTo(Document.UNDETERMINED);
        assertThat(ANY.label("").language()).isEqualTo(Document.UNDETERMINED);
    }

    @Test
    void only_allowed_languages_are_given() {
        LanguageLabeler two = LanguageLabeler.of(Set.of("en", "de"));
        String russian =
                "Завтра утром комитет снова соберётся, чтобы обсудить бюджет на следующий год и новые правила.";
        assertThat(ANY.label(russian).language()).isEqualTo("ru");
        assertThat(two.label(russian).language()).isEqualTo(Document.UNDETERMINED);
        assertThat(two.label("Where is the nearest railway station, please?").language())
                .isEqualTo("en");
    }

    @Test
    void labels_of_the_corpus_are_kept_and_many_documents_get_the_labels_of_each() {
        List<Document> documents = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            documents.add(
                    i % 2 == 0
                            ? new Document(
                                    "d" + i, "This is an English sentence about the number " + i + " and nothing else.")
                            : new Document("d" + i, "whatever", "sport", 1));
        }
        List<Document> labelled = ANY.label(documents, Progress.silent());
        for (int i = 0; i < 100; i++) {
            assertThat(labelled.get(i).name()).isEqualTo("d" + i);
            assertThat(labelled.get(i).label()).isEqualTo(i % 2 == 0 ? "en" : "sport");
            assertThat(labelled.get(i).confidence()).isBetween(0.6, 1.0);
        }
    }
}
