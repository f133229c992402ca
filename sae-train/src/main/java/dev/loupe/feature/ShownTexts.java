package dev.loupe.feature;

import dev.loupe.model.Tokenizer;
import dev.loupe.store.SequenceTable;
import java.util.BitSet;
import java.util.List;

/** The sequences that some example is from, and the row of each in table {@code texts}. */
final class ShownTexts {
    private final BitSet shown = new BitSet();
    private int[] rows = new int[0];

    /** Takes the examples of all latents. */
    void add(List<Bands.Band>[] bands) {
        for (List<Bands.Band> list : bands) {
            list.forEach(band -> band.hits().forEach(hit -> shown.set(hit.sequence())));
        }
        rows = new int[shown.length()];
        int row = 0;
        for (int s = shown.nextSetBit(0); s >= 0; s = shown.nextSetBit(s + 1)) {
            rows[s] = row++;
        }
    }

    /** The row of a sequence that was shown. */
    int row(int sequence) {
        return rows[sequence];
    }

    void write(TableWriter texts, SequenceTable sequences, Tokenizer tokenizer) {
        for (int s = shown.nextSetBit(0); s >= 0; s = shown.nextSetBit(s + 1)) {
            texts.row(s, tokenizer.pieces(sequences.tokens(s)));
        }
    }
}
