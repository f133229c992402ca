package dev.loupe.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Progress;
import dev.loupe.model.LanguageModels;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EuroparlTest {
    @Test
    void the_extract_gives_17_496_normalised_documents() {
        // counted by the recipe of the embedded model: 17,597 lines, 17,496 texts of more than 80 characters
        List<Document> documents = documents();
        assertThat(documents).hasSize(17_496);
        assertThat(documents).allSatisfy(d -> {
            assertThat(d.text())
                    .doesNotContain("  ")
                    .doesNotContain("\t")
                    .doesNotStartWith(" ")
                    .doesNotEndWith(".");
            assertThat(d.label()).isEmpty();
        });
        assertThat(documents.get(0).name()).startsWith("europarl:1 2004-03-30 ");
        assertThat(Corpora.of(Corpora.EUROPARL, "").languages()).hasSize(21);
    }

    @Test
    void two_hundred_and_one_of_its_documents_are_held_out_by_the_embedded_model(@TempDir Path cache) {
        HeldOut rule = HeldOut.ofFile(LanguageModels.builtin(cache).resolve("held-out.txt"));
        assertThat(documents().stream().filter(d -> rule.test(d.text()))).hasSize(201);
    }

    @Test
    void language_labels_agree_with_a_reader_on_200_documents() throws IOException {
        Map<String, String> byEye = new HashMap<>();
        try (InputStream in = Objects.requireNonNull(getClass().getResourceAsStream("languages-by-eye.tsv"))) {
            for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList()) {
                if (!line.startsWith("#")) {
                    byEye.put("europarl:" + line.split("\t")[0], line.split("\t")[1]);
                }
            }
        }
        List<Document> sample = new ArrayList<>();
        for (Document d : documents()) {
            if (byEye.containsKey(d.name().split(" ")[0])) {
                sample.add(d);
            }
        }
        assertThat(sample).hasSize(200);
        LanguageLabeler labeler =
                LanguageLabeler.of(Corpora.of(Corpora.EUROPARL, "").languages());
        List<Document> labelled = labeler.label(sample, Progress.silent());
        int doubtful = 0;
        for (Document d : labelled) {
            String told = byEye.get(d.name().split(" ")[0]);
            if (d.label().equals(Document.UNDETERMINED)) {
                doubtful++;
            } else {
                assertThat(d.label()).as(d.name()).isEqualTo(told);
            }
        }
        assertThat(doubtful).isLessThanOrEqualTo(2); // so at least 198 of 200 agree, and none is wrong
    }

    private static List<Document> documents() {
        try (Stream<Document> all = Corpora.of(Corpora.EUROPARL, "").open()) {
            return all.toList();
        }
    }
}
