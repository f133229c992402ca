package dev.loupe.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class PackerTest {
    @Test
    void every_document_is_cut_in_order_and_no_row_is_lost() {
        Cases.check(300, random -> {
            boolean withBos = random.nextBoolean();
            int context = random.nextInt(withBos ? 2 : 1, 20);
            List<Document> documents = new ArrayList<>();
            List<int[]> ids = new ArrayList<>();
            int available = 0;
            for (int d = 0; d < random.nextInt(1, 300); d++) {
                documents.add(new Document("d" + d, "" + d));
                int[] tokens = random.ints(random.nextInt(0, 50), 0, 30); // id 1 has no row either
                ids.add(tokens);
                available += (int) Arrays.stream(tokens).filter(t -> t > 1).count();
            }
            long rows = random.nextBoolean() ? available + 5 : random.nextInt(1, available + 2);
            Packer packer = new Packer(
                    documents.iterator(),
                    texts -> texts.stream()
                            .map(t -> ids.get(Integer.parseInt(t)))
                            .toList(),
                    UnaryOperator.identity(),
                    context,
                    withBos ? 0 : null,
                    id -> id > 1,
                    rows);
            long got = 0;
            List<List<Integer>> back = new ArrayList<>();
            for (int d = 0; d < documents.size(); d++) {
                back.add(new ArrayList<>());
            }
            String previous = "";
            for (Packer.Sequence s; (s = packer.next()) != null; ) {
                int[] tokens = s.tokens();
                assertThat(tokens.length).isBetween(withBos ? 2 : 1, context);
                assertThat(s.rows())
                        .isEqualTo(
                                (int) Arrays.stream(tokens).filter(t -> t > 1).count())
                        .isPositive();
                assertThat(s.startsDocument()).isNotEqualTo(s.document().name().equals(previous));
                previous = s.document().name();
                int from = 0;
                if (withBos) {
                    assertThat(tokens[0]).isZero();
                    from = 1;
                }
                for (int i = from; i < tokens.length; i++) {
                    back.get(Integer.parseInt(s.document().text())).add(tokens[i]);
                }
                got += s.rows();
            }
            assertThat(got).isEqualTo(Math.min(rows, available));
            assertThat(packer.rowsLeft()).isEqualTo(rows - got);
            if (rows > available) { // everything was taken: what has a row comes back in order
                for (int d = 0; d < documents.size(); d++) {
                    assertThat(back.get(d).stream().filter(t -> t > 1).toList())
                            .isEqualTo(Arrays.stream(ids.get(d))
                                    .filter(t -> t > 1)
                                    .boxed()
                                    .toList());
                }
            }
        });
    }
}
