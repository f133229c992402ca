package dev.loupe.diagnose;

import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Editor;
import dev.loupe.sae.Sae;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Changes of a hook point at the ordinary positions of a text; safe to use from several passes at once. */
public final class Rewrite {
    private Rewrite() {}

    /** Changes the values of one position in place. */
    @FunctionalInterface
    public interface Row {
        /**
         * @param values of the position
         * @param token there
         * @param position in its sequence
         */
        void change(float[] values, int token, int position);
    }

    /** Changes many rows in place. */
    @FunctionalInterface
    public interface Rows {
        /** Changes values of ordinary positions, {@code [rows, width]}, in place. */
        void change(Matrix rows);
    }

    /** An editor that changes every ordinary position by itself. */
    public static Editor rows(TextSample text, Row change) {
        return a -> {
            float[] values = new float[a.width()];
            for (int b = 0; b < a.batch(); b++) {
                for (int p = 0; p < a.length(b); p++) {
                    if (ordinary(text, a, b, p)) {
                        ModelPass.copy(a, b, p, values);
                        change.change(values, a.token(b, p), a.startPosition() + p);
                        a.setRow(b, p, values);
                    }
                }
            }
        };
    }

    /** An editor that changes all ordinary positions together. */
    public static Editor together(TextSample text, Rows change) {
        return a -> {
            List<int[]> places = new ArrayList<>();
            for (int b = 0; b < a.batch(); b++) {
                for (int p = 0; p < a.length(b); p++) {
                    if (ordinary(text, a, b, p)) {
                        places.add(new int[] {b, p});
                    }
                }
            }
            if (places.isEmpty()) {
                return;
            }
            try (Arena arena = Arena.ofShared()) {
                Matrix rows = Matrix.allocate(arena, places.size(), a.width());
                float[] values = new float[a.width()];
                for (int r = 0; r < places.size(); r++) {
                    ModelPass.copy(a, places.get(r)[0], places.get(r)[1], values);
                    rows.setRow(r, values);
                }
                change.change(rows);
                for (int r = 0; r < places.size(); r++) {
                    rows.copyRow(r, values);
                    a.setRow(places.get(r)[0], places.get(r)[1], values);
                }
            }
        };
    }

    /** An editor that puts an SAE's reconstruction in place of the values. */
    public static Editor splice(TextSample text, Sae sae) {
        return together(text, rows -> {
            try (Arena arena = Arena.ofShared()) {
                rows.copyFrom(sae.reconstruct(rows, arena));
            }
        });
    }

    private static boolean ordinary(TextSample text, Activation a, int b, int p) {
        return a.startPosition() + p >= text.excludeFirst() && !text.special().contains(a.token(b, p));
    }
}
