package dev.loupe.diagnose;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import java.lang.foreign.MemorySegment;

/**
 * Some sequences of the text as the model read them.
 *
 * @param text where they come from
 * @param first number of the first of them in the text
 * @param ids their token ids
 * @param forward what was read
 */
public record ModelPass(TextSample text, int first, int[][] ids, Forward forward) {
    /** Sees one position. */
    @FunctionalInterface
    public interface Rows {
        /**
         * @param values of the hook point; the same array is used for the next position
         * @param b sequence of this pass
         * @param p position in its sequence
         */
        void row(float[] values, int b, int p);
    }

    /** Shows the values of a hook point at every ordinary position, in order. */
    public void ordinary(HookPoint hook, Rows rows) {
        each(hook, true, rows);
    }

    /** Shows the values of a hook point at every position, BOS included. */
    public void all(HookPoint hook, Rows rows) {
        each(hook, false, rows);
    }

    private void each(HookPoint hook, boolean ordinary, Rows rows) {
        Activation a = forward.activation(hook);
        float[] values = new float[a.width()];
        for (int b = 0; b < ids.length; b++) {
            for (int p = 0; p < ids[b].length; p++) {
                if (!ordinary || text.ordinary(ids[b], p)) {
                    copy(a, b, p, values);
                    rows.row(values, b, p);
                }
            }
        }
    }

    /** Copies the values of one position; not of attention patterns. */
    public static void copy(Activation a, int b, int p, float[] values) {
        MemorySegment.copy(a.segment(), JAVA_FLOAT, 4 * a.index(b, p, 0), values, 0, values.length);
    }

    /** Ordinary positions of this pass. */
    public int ordinary() {
        int n = 0;
        for (int[] sequence : ids) {
            for (int p = 0; p < sequence.length; p++) {
                n += text.ordinary(sequence, p) ? 1 : 0;
            }
        }
        return n;
    }

    /** All positions of this pass. */
    public long tokens() {
        long n = 0;
        for (int[] sequence : ids) {
            n += sequence.length;
        }
        return n;
    }
}
