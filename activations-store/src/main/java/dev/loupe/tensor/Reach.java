package dev.loupe.tensor;

import ai.djl.ndarray.NDManager;
import java.util.Collections;
import java.util.Set;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Which tensors Java must not touch in place: those of managers on a GPU, and of those that behave like one
 * ({@link Device#CPU_TENSORS}). Where no such manager was ever made, the question costs one field.
 */
final class Reach {
    private static final Set<NDManager> AWAY =
            Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));
    private static volatile boolean any;

    private Reach() {}

    /** Puts the tensors of a manager, and of those made by it, out of Java's reach. */
    static void remove(NDManager manager) {
        AWAY.add(manager);
        any = true;
    }

    /** Whether Java must not touch the tensors of a manager. */
    static boolean isAway(NDManager manager) {
        return any && under(manager);
    }

    private static boolean under(NDManager manager) {
        for (@Nullable NDManager m = manager; m != null; m = m.getParentManager()) {
            if (AWAY.contains(m)) {
                return true;
            }
        }
        return false;
    }
}
