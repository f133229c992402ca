package dev.loupe.feature;

import dev.loupe.store.ActivationStore;
import dev.loupe.store.SequenceTable;
import java.util.Arrays;

/**
 * The tokens of a store (of large stores: of a spread of its sequences) in memory, for rules about what stands before and
 * behind a token, with lists of the places of every token. Places are numbered from 0; those of a sequence lie together.
 */
final class RuleText {
    /** Places at most: 18 bytes each. */
    static final int MOST = 1 << 22;

    private final int[] token;
    private final int[] sequence;
    private final boolean[] heldOut;
    private final byte[] label; // by place, of its document: there are at most Totals.MOST_LABELS and one more
    private final int[] firstPlace; // by sequence, -1 if left out
    private final long[] firstRow;
    private final Places train;
    private final Places held;
    private final int heldOutCount;

    /** The places of every token, ascending. */
    private record Places(int[] starts, int[] places) {
        static Places of(int[] token, boolean[] heldOut, boolean wanted, int vocabulary) {
            int[] starts = new int[vocabulary + 1];
            for (int p = 0; p < token.length; p++) {
                starts[token[p] + 1] += heldOut[p] == wanted ? 1 : 0;
            }
            for (int t = 0; t < vocabulary; t++) {
                starts[t + 1] += starts[t];
            }
            int[] next = Arrays.copyOf(starts, vocabulary);
            int[] places = new int[starts[vocabulary]];
            for (int p = 0; p < token.length; p++) {
                if (heldOut[p] == wanted) {
                    places[next[token[p]]++] = p;
                }
            }
            return new Places(starts, places);
        }
    }

    RuleText(ActivationStore store, Totals totals, int vocabulary) {
        SequenceTable sequences = store.sequences();
        int every = (int) Math.ceilDiv(Math.max(1, store.rows()), (long) MOST);
        firstPlace = new int[sequences.size()];
        firstRow = new long[sequences.size()];
        Arrays.fill(firstPlace, -1);
        int size = 0;
        for (int s = 0; s < sequences.size(); s++) {
            firstRow[s] = sequences.firstRow(s);
            // held-out text is scarce and scores depend on it
            if (s % every == 0) {
                firstPlace[s] = size;
                size += sequences.rows(s);
            }
        }
        token = new int[size];
        sequence = new int[size];
        heldOut = new boolean[size];
        label = new byte[size];
        for (int s = 0; s < firstPlace.length; s++) {
            if (firstPlace[s] >= 0) {
                boolean held = store.documents().heldOut(sequences.document(s));
                byte labelled = (byte) totals.label(sequences.document(s));
                for (int i = 0; i < sequences.rows(s); i++) {
                    int p = firstPlace[s] + i;
                    token[p] = store.tokens().tokenId(firstRow[s] + i);
                    sequence[p] = s;
                    heldOut[p] = held;
                    label[p] = labelled;
                }
            }
        }
        train = Places.of(token, heldOut, false, vocabulary);
        held = Places.of(token, heldOut, true, vocabulary);
        heldOutCount = held.places().length;
    }

    int size() {
        return token.length;
    }

    int heldOutCount() {
        return heldOutCount;
    }

    /** The document label of a place, by its number in {@link Totals#labels()}. */
    int label(int place) {
        return label[place];
    }

    boolean isHeldOut(int place) {
        return heldOut[place];
    }

    /** The place of a row of the store, given its sequence; -1 if it was left out. */
    int place(long row, int ofSequence) {
        return firstPlace[ofSequence] < 0 ? -1 : firstPlace[ofSequence] + (int) (row - firstRow[ofSequence]);
    }

    /** The token some places away in the same sequence, or -1 where there is none with a row. */
    int token(int place, int away) {
        int other = place + away;
        return other < 0 || other >= token.length || sequence[other] != sequence[place] ? -1 : token[other];
    }

    int token(int place) {
        return token[place];
    }

    /** Where the places of a token begin in {@link #at}. */
    int from(int ofToken, boolean heldOutOnes) {
        return (heldOutOnes ? held : train).starts()[ofToken];
    }

    /** Where they end. */
    int to(int ofToken, boolean heldOutOnes) {
        return (heldOutOnes ? held : train).starts()[ofToken + 1];
    }

    /** The place behind a number from {@link #from} to {@link #to}. */
    int at(int index, boolean heldOutOnes) {
        return (heldOutOnes ? held : train).places()[index];
    }

    /** How often a token stands in training documents. */
    int trainCount(int ofToken) {
        return to(ofToken, false) - from(ofToken, false);
    }
}
