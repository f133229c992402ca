package dev.loupe.steer;

import org.jspecify.annotations.Nullable;

/**
 * An edit with its strength worked out.
 *
 * @param op what is done
 * @param strength the factor of scale, the multiple of ‖h‖ if {@code ofNorm}, else in absolute units
 * @param ofNorm whether the strength counts in sizes of the hook's value
 * @param positions where
 * @param specials whether special tokens too
 * @param schedule how much of it there is as the text goes on
 */
record CompiledEdit(
        EditOp op, double strength, boolean ofNorm, Positions positions, boolean specials, Schedule schedule) {
    /**
     * The new value a′.
     *
     * @param a the value before
     * @param norm ‖h‖ in units of a; used only if {@code ofNorm}
     * @param factor how much of the edit, 0 to 1
     */
    double apply(double a, double norm, double factor) {
        double s = ofNorm ? strength * norm : strength;
        double whole = switch (op) {
            case ADD -> a + s;
            case SET -> s;
            case SCALE -> a * s;
            case ABLATE -> 0;
            case CAP -> Math.min(a, s);
            case PROJECT -> a;
        };
        return factor == 1 ? whole : a + factor * (whole - a);
    }

    /** Whether the value before must be known. */
    boolean needsValue() {
        return op != EditOp.ADD && op != EditOp.PROJECT;
    }

    boolean covers(int position, int promptLength, boolean special) {
        return (specials || !special) && positions.covers(position, promptLength);
    }

    /** Whether a list has something that covers a position. */
    static boolean any(
            Iterable<CompiledEdit> edits, int position, int promptLength, boolean special, @Nullable EditOp only) {
        for (CompiledEdit e : edits) {
            if ((only == null || e.op == only) && e.covers(position, promptLength, special)) {
                return true;
            }
        }
        return false;
    }
}
