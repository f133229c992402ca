package dev.loupe.steer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The identifier on two made-up languages and their mixture. */
class LanguageIdentifierTest {
    private static String text(Cases.Random r, String letters, int words) {
        return IntStream.range(0, words)
                .mapToObj(w -> IntStream.range(0, 3 + r.nextInt(5))
                        .mapToObj(i -> String.valueOf(letters.charAt(r.nextInt(letters.length()))))
                        .collect(Collectors.joining()))
                .collect(Collectors.joining(" "));
    }

    @Test
    void certainWhereTheLettersTellAndInDoubtWhereTheyDoNot() {
        Cases.Random r = Cases.Random.of(3);
        List<String> one = new ArrayList<>();
        List<String> two = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            one.add(text(r, "aeioulmn", 60));
            two.add(text(r, "aeioukst", 60));
        }
        LanguageIdentifier id = LanguageIdentifier.train(Map.of("one", one, "two", two));
        assertThat(id.languages()).containsExactly("one", "two");
        for (int i = 0; i < 20; i++) {
            assertThat(id.of(text(r, "aeioulmn", 12)).language()).isEqualTo("one");
            assertThat(id.of(text(r, "aeioukst", 12)).confidence()).isGreaterThan(0.9);
        }
        assertThat(id.of("").confidence()).isLessThan(0.6);
        assertThat(id.of("12 34 !").confidence()).isLessThan(0.6);
    }

    @Test
    void withoutTwoLanguagesThereIsNothingToTellApart() {
        assertThatThrownBy(() -> LanguageIdentifier.train(Map.of("one", List.of("a", "b"))))
                .isInstanceOf(UsageException.class);
    }
}
