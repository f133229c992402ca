package dev.loupe.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class LanguageFilterTest {
    @Test
    void only_documents_in_the_wanted_languages_come_out_in_the_order_of_the_corpus() {
        DocumentSource some = Corpora.of("builtin:europarl:fr,en", "");
        assertThat(some.spec()).isEqualTo("builtin:europarl:en,fr");
        assertThat(some.fingerprint())
                .isNotEqualTo(Corpora.of("builtin:europarl", "").fingerprint())
                .isEqualTo(Corpora.of("builtin:europarl:en,fr", "").fingerprint());
        try (Stream<Document> documents = some.open()) {
            List<Document> first = documents.limit(60).toList();
            assertThat(first).extracting(Document::label).contains("en", "fr").containsOnly("en", "fr");
            assertThat(first)
                    .extracting(d -> Integer.parseInt(d.name().replaceAll("europarl:(\\d+) .*", "$1")))
                    .isSorted();
        }
    }

    @Test
    void languages_that_a_corpus_does_not_have_are_named() {
        assertThatThrownBy(() -> Corpora.of("builtin:europarl:en,xx", ""))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("\"xx\"")
                .hasMessageContaining("bg, cs");
    }
}
