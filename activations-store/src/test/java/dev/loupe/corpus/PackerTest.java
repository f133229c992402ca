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
                    Packer.texts(texts -> texts.stream()
                            .map(t -> ids.get(Integer.parseInt(t)))
                            .toList()),
                    UnaryOperator.identity(),
                    new Packer.Rules(Packing.DOCUMENTS, context, withBos ? 0 : null, (id, position) -> id > 1),
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
                assertThat(s.parts().getFirst().starts())
                        .isNotEqualTo(s.document().name().equals(previous));
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

    @Test
    void concatenated_documents_fill_every_sequence_and_no_token_is_lost() {
        Cases.check(300, random -> {
            Integer bos = random.nextBoolean() ? (Integer) 0 : null;
            int context = random.nextInt(bos == null ? 1 : 2, 20);
            List<Document> documents = new ArrayList<>();
            List<int[]> ids = new ArrayList<>();
            for (int d = 0; d < random.nextInt(1, 300); d++) {
                documents.add(new Document("d" + d, "" + d));
                ids.add(random.ints(random.nextInt(0, 30), 2, 30));
            }
            Packer packer = new Packer(
                    documents.iterator(),
                    Packer.texts(texts -> texts.stream()
                            .map(t -> ids.get(Integer.parseInt(t)))
                            .toList()),
                    UnaryOperator.identity(),
                    new Packer.Rules(Packing.CONCATENATED, context, bos, (id, position) -> id > 1),
                    Long.MAX_VALUE);
            List<List<Integer>> back = new ArrayList<>();
            documents.forEach(d -> back.add(new ArrayList<>()));
            List<String> begun = new ArrayList<>();
            boolean last = false;
            for (Packer.Sequence s; (s = packer.next()) != null; ) {
                assertThat(last).as("a short sequence before the last").isFalse();
                int[] tokens = s.tokens();
                assertThat(tokens.length).isLessThanOrEqualTo(context);
                last = tokens.length < context - (bos == null ? 0 : 1); // one place may be too few for BOS and a token
                assertThat(s.parts().getFirst().from()).isZero();
                for (int i = 0; i < s.parts().size(); i++) {
                    Packer.Part part = s.parts().get(i);
                    int end = i + 1 < s.parts().size() ? s.parts().get(i + 1).from() : tokens.length;
                    assertThat(end).isGreaterThan(part.from());
                    assertThat(part.starts())
                            .isNotEqualTo(begun.contains(part.document().name()));
                    begun.add(part.document().name());
                    int from = part.from();
                    if (bos != null) {
                        assertThat(tokens[from++]).isZero();
                    }
                    for (; from < end; from++) {
                        assertThat(tokens[from]).isGreaterThan(1);
                        back.get(Integer.parseInt(part.document().text())).add(tokens[from]);
                    }
                }
            }
            for (int d = 0; d < ids.size(); d++) {
                assertThat(back.get(d))
                        .isEqualTo(Arrays.stream(ids.get(d)).boxed().toList());
            }
        });
    }
}
