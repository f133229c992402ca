package dev.loupe.diagnose;

import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import dev.loupe.store.ActivationStore;
import java.util.Map;

/**
 * Rows of a store: whole sequences, one after the other.
 *
 * @param store where they come from
 * @param rowIds numbers of the rows in the store, {@code [rows]}
 * @param starts where each sequence begins among these rows; one more entry: the number of rows
 * @param sequences number of each sequence in the store
 * @param values by hook point, {@code [rows, width]}
 * @param codes by SAE
 */
public record RowPass(
        ActivationStore store,
        long[] rowIds,
        int[] starts,
        int[] sequences,
        Map<String, Matrix> values,
        Map<Sae, SparseCodes> codes) {

    /** How many rows. */
    public int rows() {
        return rowIds.length;
    }

    /** The values of a hook point that was asked for. */
    public Matrix values(String hook) {
        Matrix m = values.get(hook);
        if (m == null) {
            throw new IllegalStateException("the rows of " + hook + " were not asked for");
        }
        return m;
    }

    /** The active latents of an SAE that was asked for. */
    public SparseCodes codes(Sae sae) {
        SparseCodes c = codes.get(sae);
        if (c == null) {
            throw new IllegalStateException("the latents of " + sae.name() + " were not asked for");
        }
        return c;
    }

    /** The document that a sequence of this pass belongs to. */
    public int document(int sequence) {
        return store.sequences().document(sequences[sequence]);
    }

    /** Its label. */
    public String label(int sequence) {
        return store.documents().label(document(sequence));
    }
}
