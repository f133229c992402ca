package dev.loupe.corpus;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Documents to token sequences. A sequence holds tokens of one document only: a document longer than the context
 * becomes several sequences, each with BOS in front, so that a position always counts from the start of what the model
 * saw and attention never crosses documents. Ends after exactly as many rows as asked for, cutting the last sequence.
 */
public final class Packer {
    /** What the manifest of a store says about the rule. */
    public static final String DESCRIPTION =
            "one document per sequence; longer documents are cut at the context, each piece starts a sequence";

    private static final int DOCUMENTS_AT_ONCE = 128;

    private final Iterator<Document> documents;
    private final Function<List<String>, List<int[]>> tokenize;
    private final UnaryOperator<List<Document>> label;
    private final int context;
    private final @Nullable Integer bos;
    private final IntPredicate hasRow;
    private final Deque<Sequence> ready = new ArrayDeque<>();
    private long rowsLeft;

    /**
     * One sequence.
     *
     * @param document where its text comes from, labelled
     * @param startsDocument whether this is the first sequence of that document
     * @param tokens as the model shall see them, BOS included
     * @param rows how many of them have a row
     */
    public record Sequence(Document document, boolean startsDocument, int[] tokens, int rows) {}

    /**
     * A packer.
     *
     * @param documents in the order of the sequences
     * @param tokenize texts to ids, without special tokens
     * @param label gives a batch of documents their labels
     * @param context longest sequence, BOS included
     * @param bos put in front of every sequence, or null
     * @param hasRow whether a token id counts and is stored
     * @param rows how many rows to give
     */
    public Packer(
            Iterator<Document> documents,
            Function<List<String>, List<int[]>> tokenize,
            UnaryOperator<List<Document>> label,
            int context,
            @Nullable Integer bos,
            IntPredicate hasRow,
            long rows) {
        this.documents = documents;
        this.tokenize = tokenize;
        this.label = label;
        this.context = context;
        this.bos = bos;
        this.hasRow = hasRow;
        this.rowsLeft = rows;
    }

    /** The next sequence, or null at the end of the documents or of the rows asked for. */
    public @Nullable Sequence next() {
        while (ready.isEmpty() && rowsLeft > 0 && documents.hasNext()) {
            fill();
        }
        return ready.poll();
    }

    /** Rows asked for and not given yet; read after the end, how many were missing. */
    public long rowsLeft() {
        return rowsLeft;
    }

    private void fill() {
        List<Document> some = new ArrayList<>();
        while (some.size() < DOCUMENTS_AT_ONCE && documents.hasNext()) {
            some.add(documents.next());
        }
        List<int[]> ids = tokenize.apply(some.stream().map(Document::text).toList());
        List<List<int[]>> pieces = new ArrayList<>();
        int used = 0;
        while (used < some.size() && rowsLeft > 0) {
            pieces.add(pieces(ids.get(used++)));
        }
        List<Document> labelled = label.apply(some.subList(0, used)); // only what is used is worth the time
        for (int d = 0; d < used; d++) {
            boolean first = true;
            for (int[] tokens : pieces.get(d)) {
                ready.add(new Sequence(labelled.get(d), first, tokens, rows(tokens)));
                first = false;
            }
        }
    }

    /** Cuts the tokens of a document; sequences without any row are left out. */
    private List<int[]> pieces(int[] ids) {
        int head = bos == null ? 0 : 1;
        List<int[]> result = new ArrayList<>();
        for (int from = 0; from < ids.length && rowsLeft > 0; from += context - head) {
            int[] tokens = new int[Math.min(context, ids.length - from + head)];
            if (bos != null) {
                tokens[0] = bos;
            }
            System.arraycopy(ids, from, tokens, head, tokens.length - head);
            int rows = rows(tokens);
            if (rows > rowsLeft) {
                tokens = cut(tokens, (int) rowsLeft);
                rows = (int) rowsLeft;
            }
            if (rows > 0) {
                result.add(tokens);
                rowsLeft -= rows;
            }
        }
        return result;
    }

    private int[] cut(int[] tokens, int rows) {
        int seen = 0;
        for (int p = 0; p < tokens.length; p++) {
            seen += hasRow.test(tokens[p]) ? 1 : 0;
            if (seen == rows) {
                return Arrays.copyOf(tokens, p + 1);
            }
        }
        return tokens;
    }

    private int rows(int[] tokens) {
        int rows = 0;
        for (int id : tokens) {
            rows += hasRow.test(id) ? 1 : 0;
        }
        return rows;
    }
}
