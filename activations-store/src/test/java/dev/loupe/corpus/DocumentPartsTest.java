package dev.loupe.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class DocumentPartsTest {
    private static final HeldOut RULE = HeldOut.share(0.2);

    private final AtomicInteger read = new AtomicInteger();
    private final AtomicInteger closed = new AtomicInteger();

    @Test
    void everyTrainingDocumentComesOnceAndNoneIsHeldOut() {
        for (long part : new long[] {1, 30, 31, 500, 1_000_000}) {
            try (DocumentParts parts = new DocumentParts(corpus(200), RULE, 7, part, Progress.silent())) {
                DocumentPool first = parts.next();
                List<Document> train = new ArrayList<>();
                parts.trainFrom(first).forEachRemaining(train::add);
                assertThat(train)
                        .as("parts of " + part)
                        .containsExactlyInAnyOrderElementsOf(
                                all(200).filter(d -> !RULE.test(d)).toList());
                assertThat(first.heldOut()).allMatch(RULE::test);
            }
        }
        assertThat(closed).hasValue(5);
    }

    @Test
    void oneLargePartIsThePoolOfTheWholeCorpus() {
        DocumentPool pool = DocumentPool.read(corpus(200), all(200).iterator(), RULE, 3, 1_000_000, Progress.silent());
        try (DocumentParts parts = new DocumentParts(corpus(200), RULE, 3, 1_000_000, Progress.silent())) {
            DocumentPool first = parts.next();
            assertThat(first.heldOut()).isEqualTo(pool.heldOut());
            List<Document> train = new ArrayList<>();
            parts.trainFrom(first).forEachRemaining(train::add);
            assertThat(train).isEqualTo(pool.train());
        }
    }

    @Test
    void laterPartsAreReadWhenTheyAreReached() {
        try (DocumentParts parts = new DocumentParts(corpus(200), HeldOut.none(), 7, 300, Progress.silent())) {
            DocumentPool part = parts.next();
            int first = read.get();
            assertThat(first).isLessThan(40);
            var train = parts.trainFrom(part);
            for (int i = 0; i < first - 1; i++) { // one more was read to see that the text goes on
                train.next();
            }
            assertThat(read).hasValue(first);
            train.next();
            assertThat(read.get()).isGreaterThan(first).isLessThan(3 * first);
        }
    }

    @Test
    void anEmptyCorpusIsRefusedAndClosed() {
        try (DocumentParts parts = new DocumentParts(corpus(0), RULE, 7, 300, Progress.silent())) {
            assertThatThrownBy(parts::next).isInstanceOf(LoupeException.class).hasMessageContaining("empty");
        }
        assertThat(closed).hasValue(1);
    }

    private static Stream<Document> all(int documents) {
        return IntStream.range(0, documents).mapToObj(i -> new Document("d" + i, "document " + i, "", 0, null));
    }

    private DocumentSource corpus(int documents) {
        return new DocumentSource() {
            @Override
            public String spec() {
                return "numbers";
            }

            @Override
            public String describe() {
                return "numbered documents";
            }

            @Override
            public String fingerprint() {
                return "none";
            }

            @Override
            public Stream<Document> open() {
                return all(documents).peek(d -> read.incrementAndGet()).onClose(closed::incrementAndGet);
            }
        };
    }
}
