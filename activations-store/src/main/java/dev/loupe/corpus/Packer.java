package dev.loupe.corpus;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Documents to token sequences by the rule of a {@link Packing}. By {@link Packing#DOCUMENTS} a position counts from the
 * start of a document's piece and attention never crosses documents; by {@link Packing#CONCATENATED} every sequence but
 * the last has the full context. Ends after exactly as many rows as asked for, cutting the last sequence.
 */
public final class Packer {
    private static final int DOCUMENTS_AT_ONCE = 128;

    private final Iterator<Document> documents;
    private final Function<List<Document>, List<Tokens>> tokenize;
    private final UnaryOperator<List<Document>> label;
    private final Rules rules;
    private final Deque<Sequence> ready = new ArrayDeque<>();
    private final PieceCutter cutter;
    private long rowsLeft;

    /**
     * The tokens of a document, without BOS.
     *
     * @param labels of tokens, of equal length; null where tokens have the document's label
     */
    public record Tokens(int[] ids, String @Nullable [] labels) {
        /** Tokens that have their document's label. */
        public Tokens(int[] ids) {
            this(ids, null);
        }
    }

    /**
     * A run of tokens from one document.
     *
     * @param document where they come from, labelled
     * @param starts whether this is the first run of that document
     * @param from place of the first of them in the sequence; the run ends where the next begins
     */
    public record Part(Document document, boolean starts, int from) {}

    /**
     * One sequence.
     *
     * @param parts in order, at least one; the first begins at 0
     * @param tokens as the model shall see them, BOS included
     * @param labels of tokens; null where tokens have the document's label
     * @param rows how many of them have a row
     */
    public record Sequence(List<Part> parts, int[] tokens, String @Nullable [] labels, int rows) {
        /** The document that it begins with. */
        public Document document() {
            return parts.getFirst().document();
        }
    }

    /** Whether a token at a position of its sequence has a row. */
    @FunctionalInterface
    public interface RowRule {
        /** Whether it counts and is stored. */
        boolean test(int token, int position);
    }

    /**
     * How sequences are made.
     *
     * @param packing how documents share them
     * @param context longest sequence, BOS included
     * @param bos put in front of every sequence, or null
     * @param hasRow whether a token at a position counts and is stored
     */
    public record Rules(
            Packing packing, int context, @Nullable Integer bos, RowRule hasRow) {}

    /**
     * A packer.
     *
     * @param documents in the order of the sequences
     * @param tokenize documents to tokens, without BOS
     * @param label gives a batch of documents their labels
     * @param rows how many rows to give
     */
    public Packer(
            Iterator<Document> documents,
            Function<List<Document>, List<Tokens>> tokenize,
            UnaryOperator<List<Document>> label,
            Rules rules,
            long rows) {
        this.documents = documents;
        this.tokenize = tokenize;
        this.label = label;
        this.rules = rules;
        this.cutter = rules.packing() == Packing.CONCATENATED ? new Concatenation(rules) : new OnePerSequence(rules);
        this.rowsLeft = rows;
    }

    /** Tokenizing of texts as tokenizing of documents. */
    public static Function<List<Document>, List<Tokens>> texts(Function<List<String>, List<int[]>> tokenize) {
        return some -> tokenize.apply(some.stream().map(Document::text).toList()).stream()
                .map(Tokens::new)
                .toList();
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
        List<Tokens> tokens = tokenize.apply(some);
        List<Holder> holders = new ArrayList<>();
        List<Draft> drafts = new ArrayList<>();
        int used = 0;
        while (used < some.size() && rowsLeft > 0) {
            Holder holder = new Holder();
            holders.add(holder);
            take(cutter.add(holder, tokens.get(used++)), drafts);
        }
        if (rowsLeft > 0 && !documents.hasNext()) {
            take(cutter.rest(), drafts);
        }
        List<Document> labelled = label.apply(some.subList(0, used)); // only what is used is worth the time
        for (int d = 0; d < used; d++) {
            holders.get(d).document = labelled.get(d);
        }
        for (Draft draft : drafts) {
            ready.add(draft.sequence());
        }
    }

    /** Takes sequences until the rows asked for are there, cutting the last; those without any row are left out. */
    private void take(List<Draft> more, List<Draft> drafts) {
        for (Draft draft : more) {
            int rows = rows(draft.tokens);
            if (rows > rowsLeft) {
                draft.tokens = cut(draft.tokens, (int) rowsLeft);
                rows = (int) rowsLeft;
            }
            if (rows > 0) {
                draft.rows = rows;
                drafts.add(draft);
                rowsLeft -= rows;
            }
        }
    }

    private int[] cut(int[] tokens, int rows) {
        int seen = 0;
        for (int p = 0; p < tokens.length; p++) {
            seen += rules.hasRow().test(tokens[p], p) ? 1 : 0;
            if (seen == rows) {
                return Arrays.copyOf(tokens, p + 1);
            }
        }
        return tokens;
    }

    private int rows(int[] tokens) {
        int rows = 0;
        for (int p = 0; p < tokens.length; p++) {
            rows += rules.hasRow().test(tokens[p], p) ? 1 : 0;
        }
        return rows;
    }

    /** A document that gets its label later, if it is used. */
    static final class Holder {
        @Nullable Document document;

        boolean begun;
    }

    /** A sequence in the making. */
    static final class Draft {
        final List<Holder> documents = new ArrayList<>();
        final List<Integer> from = new ArrayList<>();
        int[] tokens = new int[0];
        String @Nullable [] labels;
        int rows;

        Sequence sequence() {
            List<Part> parts = new ArrayList<>();
            for (int i = 0; i < documents.size() && from.get(i) < tokens.length; i++) {
                Holder holder = documents.get(i);
                Document document = holder.document;
                if (document == null) {
                    throw new IllegalStateException("a document without a label");
                }
                parts.add(new Part(document, !holder.begun, from.get(i)));
                holder.begun = true;
            }
            String[] all = labels;
            return new Sequence(
                    List.copyOf(parts), tokens, all == null ? null : Arrays.copyOf(all, tokens.length), rows);
        }
    }

    /** Cuts documents into sequences. */
    interface PieceCutter {
        /** Adds a document; the sequences that are complete. */
        List<Draft> add(Holder document, Tokens tokens);

        /** What is left at the end of the documents. */
        List<Draft> rest();
    }
}
