package dev.loupe.eval;

import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import java.lang.foreign.Arena;

/** The rows of an activation at the positions that a report changes and counts. */
final class OrdinaryRows {
    private OrdinaryRows() {}

    @FunctionalInterface
    private interface Visitor {
        void visit(int row, int b, int p);
    }

    private static int each(LossText text, int[][] ids, Visitor visitor) {
        int r = 0;
        for (int b = 0; b < ids.length; b++) {
            for (int p = 0; p < ids[b].length; p++) {
                if (text.ordinary(ids[b], p)) {
                    visitor.visit(r++, b, p);
                }
            }
        }
        return r;
    }

    /** A copy of them, [rows, width]. */
    static Matrix gather(Activation a, LossText text, int[][] ids, Arena arena) {
        Matrix x = Matrix.allocate(arena, each(text, ids, (r, b, p) -> {}), a.width());
        each(text, ids, (r, b, p) -> x.setRow(r, a.row(b, p)));
        return x;
    }

    /** Puts rows in their place. */
    static void put(Activation a, LossText text, int[][] ids, Matrix x) {
        each(text, ids, (r, b, p) -> a.setRow(b, p, x.row(r)));
    }
}
