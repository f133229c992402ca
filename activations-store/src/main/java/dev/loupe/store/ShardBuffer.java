package dev.loupe.store;

import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The rows of one shard while they are gathered: sequences are added in order, each gets a run of rows, and their
 * activations may be filled in any order. Reusable after {@link #clear}. Not safe for several threads.
 */
public final class ShardBuffer implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final int capacity;
    private final Set<Integer> excluded;
    private final int excludeFirst;
    private final Map<String, Matrix> activations = new LinkedHashMap<>();

    final int[] tokenId;
    final int[] sequence; // within the shard
    final int[] position;
    final int[] document;
    final @Nullable String[] label; // null where a row has its document's label
    final List<int[]> sequences = new ArrayList<>();
    int[] sequenceDocument = new int[64];
    int[] sequenceFirstRow = new int[64];
    private int rows;

    ShardBuffer(int capacity, Set<Integer> excluded, int excludeFirst, Map<String, StoreSpec.HookSpec> hooks) {
        this.capacity = capacity;
        this.excluded = excluded;
        this.excludeFirst = excludeFirst;
        this.tokenId = new int[capacity];
        this.sequence = new int[capacity];
        this.position = new int[capacity];
        this.document = new int[capacity];
        this.label = new String[capacity];
        hooks.forEach((name, hook) -> activations.put(name, Matrix.allocate(arena, capacity, hook.width())));
    }

    /**
     * A buffer that belongs to no store.
     *
     * @param rules which tokens have no row
     * @param widths floats a row, by hook point
     */
    public static ShardBuffer standalone(int capacity, StoreManifest.Sequence rules, Map<String, Integer> widths) {
        Map<String, StoreSpec.HookSpec> hooks = new LinkedHashMap<>();
        widths.forEach((hook, width) -> hooks.put(hook, new StoreSpec.HookSpec(width, Dtype.FLOAT32)));
        return new ShardBuffer(capacity, Set.copyOf(rules.excludedTokens()), rules.firstRows(), hooks);
    }

    /** Most rows that fit. */
    public int capacity() {
        return capacity;
    }

    /** Rows so far. */
    public int rows() {
        return rows;
    }

    /** How many rows a sequence takes: its tokens less the excluded ones and the excluded first positions. */
    public int rowsOf(int[] tokens) {
        int count = 0;
        for (int p = 0; p < tokens.length; p++) {
            count += hasRow(tokens[p], p) ? 1 : 0;
        }
        return count;
    }

    /** Whether a token at a position of its sequence has a row. */
    public boolean hasRow(int token, int position) {
        return position >= excludeFirst && !excluded.contains(token);
    }

    /**
     * Adds a sequence.
     *
     * @param document what {@link StoreWriter#addDocument} gave
     * @param tokens as the model sees them, special ones included; at least one must have a row
     * @return the first of its rows in this buffer: one for every token that is not excluded, in order
     */
    public int add(int document, int[] tokens) {
        return add(new int[] {document}, new int[] {0}, tokens, null);
    }

    /**
     * Adds a sequence of several documents, all of them held out or none.
     *
     * @param documents in the order of the sequence
     * @param from where the tokens of each begin; the first at 0
     * @param labels of tokens; null, as a whole or for a token, where rows have the label of their document
     */
    public int add(int[] documents, int[] from, int[] tokens, @Nullable String @Nullable [] labels) {
        int first = rows;
        int count = rowsOf(tokens);
        if (count == 0 || count > capacity - rows) {
            throw new IllegalArgumentException(
                    "a sequence of " + count + " rows does not fit: " + rows + " of " + capacity);
        }
        int s = sequences.size();
        if (s == sequenceDocument.length) {
            sequenceDocument = Arrays.copyOf(sequenceDocument, 2 * s);
            sequenceFirstRow = Arrays.copyOf(sequenceFirstRow, 2 * s);
        }
        sequenceDocument[s] = documents[0];
        sequenceFirstRow[s] = first;
        sequences.add(tokens.clone());
        int part = 0;
        for (int p = 0; p < tokens.length; p++) {
            if (part + 1 < from.length && from[part + 1] == p) {
                part++;
            }
            if (hasRow(tokens[p], p)) {
                document[rows] = documents[part];
                label[rows] = labels == null ? null : labels[p];
                tokenId[rows] = tokens[p];
                sequence[rows] = s;
                position[rows] = p;
                rows++;
            }
        }
        return first;
    }

    /** The activations of a hook point, {@code [capacity, width]}: to be filled for every row. */
    public Matrix activations(String hook) {
        Matrix matrix = activations.get(hook);
        if (matrix == null) {
            throw new IllegalArgumentException("no hook point " + hook);
        }
        return matrix;
    }

    /** The sequences so far, as added. */
    public List<int[]> sequences() {
        return sequences;
    }

    /** The first row of a sequence. */
    public int firstRow(int index) {
        return sequenceFirstRow[index];
    }

    /** Forgets all rows. */
    public void clear() {
        rows = 0;
        sequences.clear();
    }

    @Override
    public void close() {
        arena.close();
    }
}
