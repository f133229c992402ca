package dev.loupe.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The editors of texts that are written together: each sees its own row, as if it were alone. What goes wrong in an
 * editor ends its own text only.
 */
final class RowTaps {
    private final List<Taps> taps;
    private final Taps all;
    private final @Nullable RuntimeException[] failures;

    RowTaps(List<Taps> taps) {
        this.taps = taps;
        this.failures = new RuntimeException[taps.size()];
        Taps.Builder union = Taps.builder();
        taps.forEach(union::merge);
        this.all = union.build();
    }

    /** The editors of all rows. */
    Taps all() {
        return all;
    }

    /** What an editor of a row threw; null if none did. */
    @Nullable RuntimeException failure(int row) {
        return failures[row];
    }

    /**
     * Runs the editors of a hook point.
     *
     * @param memory its values {@code [batch, positions, width]}, or {@code [batch, head, query, key]} if {@code heads > 0}
     */
    void edit(HookPoint hook, MemorySegment memory, int heads, Pass pass) {
        long bytes = memory.byteSize() / pass.batch();
        for (int b = 0; b < pass.batch(); b++) {
            List<Editor> editors = taps.get(b).editors(hook);
            if (editors.isEmpty() || failures[b] != null) {
                continue;
            }
            MemorySegment row = memory.asSlice(b * bytes, bytes);
            try {
                if (heads == 0) {
                    run(editors, activation(hook, row, 0, b, pass));
                } else {
                    runByHead(editors, hook, row, heads, b, pass);
                }
            } catch (RuntimeException e) {
                failures[b] = e;
            }
        }
    }

    /** Scores and patterns without the keys that only longer rows have. */
    private static void runByHead(
            List<Editor> editors, HookPoint hook, MemorySegment row, int heads, int b, Pass pass) {
        int own = pass.start(b) + pass.lengths[b];
        int lines = heads * pass.positions;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment compact = arena.allocate(4L * lines * own, 4);
            for (int i = 0; i < lines; i++) {
                MemorySegment.copy(row, JAVA_FLOAT, 4L * i * pass.keys(), compact, JAVA_FLOAT, 4L * i * own, own);
            }
            run(editors, activation(hook, compact, heads, b, pass));
            for (int i = 0; i < lines; i++) {
                MemorySegment.copy(compact, JAVA_FLOAT, 4L * i * own, row, JAVA_FLOAT, 4L * i * pass.keys(), own);
            }
        }
    }

    private static void run(List<Editor> editors, Activation activation) {
        for (Editor editor : editors) {
            editor.edit(activation);
        }
    }

    private static Activation activation(HookPoint hook, MemorySegment memory, int heads, int b, Pass pass) {
        int width = Math.toIntExact(memory.byteSize() / 4 / pass.positions);
        int[] ids = pass.tokens(b);
        return new Activation(
                hook,
                memory,
                1,
                pass.positions,
                width,
                heads,
                pass.start(b),
                new int[] {pass.lengths[b]},
                ids == null ? null : new int[][] {ids});
    }
}
