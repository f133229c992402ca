package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.loupe.tensor.Torch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One run through the model: its tensors' manager, its sizes, and what happens at hook points. Used by one thread. */
final class Pass {
    static final String SCORES = "attn.hook_attn_scores";
    static final String PATTERN = "attn.hook_pattern";

    final NDManager manager;
    final int[] lengths;
    final int positions;
    final int start;
    private final int[] starts;
    private final int keys;
    private final @Nullable RowTaps rows;
    private int @Nullable [][] ids;
    private final Taps taps;
    private final boolean toTheEnd;
    private final Map<Integer, Map<String, HookPoint>> tapped = new HashMap<>();
    private final Map<HookPoint, Activation> read = new HashMap<>();
    private final @Nullable Map<HookPoint, NDArray> edited;
    private final PassMemory memory;
    private int open;
    private boolean replaying;
    private final Map<Integer, NDArray> masks = new HashMap<>();
    private final Map<Rotary, NDArray[]> angles = new HashMap<>();

    /**
     * Creates a pass over sequences from their beginning.
     *
     * @param toTheEnd whether the last residual stream is needed, whatever the taps are
     * @param keepEdits whether edited values are kept, so that {@link #replay} can repeat them
     */
    Pass(NDManager manager, int[] lengths, int positions, Taps taps, boolean toTheEnd, boolean keepEdits) {
        this(manager, lengths, positions, new int[lengths.length], null, taps, toTheEnd, keepEdits);
    }

    /** Creates a pass over rows that all begin at the same position and run to the end, under the same editors. */
    static Pass from(int position, NDManager manager, int[] lengths, int positions, Taps taps) {
        int[] starts = new int[lengths.length];
        java.util.Arrays.fill(starts, position);
        return new Pass(manager, lengths, positions, starts, null, taps, true, false);
    }

    /**
     * Creates a pass that continues sequences, each from its own position and under its own editors.
     *
     * @param starts position in its sequence of each row's first token
     * @param rows the editors
     * @param toTheEnd whether the last residual stream is needed
     */
    static Pass continuing(
            NDManager manager, int[] lengths, int positions, int[] starts, RowTaps rows, boolean toTheEnd) {
        return new Pass(manager, lengths, positions, starts, rows, rows.all(), toTheEnd, false);
    }

    private Pass(
            NDManager manager,
            int[] lengths,
            int positions,
            int[] starts,
            @Nullable RowTaps rows,
            Taps taps,
            boolean toTheEnd,
            boolean keepEdits) {
        this.manager = manager;
        this.memory = new PassMemory(manager);
        this.lengths = lengths;
        this.positions = positions;
        this.starts = starts;
        this.start = starts[0];
        this.rows = rows;
        int most = 0;
        for (int b = 0; b < starts.length; b++) {
            most = Math.max(most, starts[b] + lengths[b]);
        }
        this.keys = rows == null ? start + positions : most;
        this.taps = taps;
        this.toTheEnd = toTheEnd;
        this.edited = keepEdits ? new HashMap<>() : null;
        taps.reads().forEach(this::tap);
        taps.edited().forEach(this::tap);
    }

    private void tap(HookPoint hook) {
        if (tapped.computeIfAbsent(hook.layer(), l -> new HashMap<>()).put(hook.local(), hook) == null) {
            open++;
        }
    }

    int batch() {
        return lengths.length;
    }

    /** Positions of all sequences together, padding included. */
    int rows() {
        return lengths.length * positions;
    }

    /**
     * Memory for one value in every position, with whatever a block before left there.
     *
     * @param use one of the constants of {@link PassMemory}
     */
    MemorySegment memory(int use, int width) {
        return memory.get(use, (long) rows() * width);
    }

    /** Says that a block is done: a pass that goes back keeps little memory between blocks but what its budget counts. */
    void blockDone() {
        if (edited != null) {
            memory.free();
        }
    }

    /** Position of the first token of a row. */
    int start(int b) {
        return starts[b];
    }

    /** Keys that queries are scored with: of the row that has most, those of this pass included. */
    int keys() {
        return keys;
    }

    /** Whether all rows begin at the same position. */
    boolean aligned() {
        for (int s : starts) {
            if (s != start) {
                return false;
            }
        }
        return true;
    }

    /** Says which tokens the rows are, so that editors can ask. */
    void tokens(int[][] tokens) {
        ids = tokens;
    }

    /** The positions of all rows, {@code batch * positions}; those of padding are kept below {@code limit}. */
    long[] allPositions(int limit) {
        long[] flat = new long[batch() * positions];
        for (int b = 0; b < batch(); b++) {
            for (int p = 0; p < positions; p++) {
                flat[b * positions + p] = Math.min(starts[b] + p, limit - 1);
            }
        }
        return flat;
    }

    /** Cosines and sines of the rows' angles, worked out once for all layers. */
    NDArray[] angles(Rotary rotary) {
        NDArray[] known = angles.get(rotary);
        if (known == null) {
            known = rotary.angles(this);
            for (NDArray a : known) {
                a.attach(manager); // the rotation's own manager lives as long as the model
                ai.djl.ndarray.NDScope.unregister(a);
            }
            angles.put(rotary, known);
        }
        return known;
    }

    /** Whether nothing that comes later is needed. */
    boolean finished() {
        return open == 0 && !toTheEnd;
    }

    /** From now on hook points only repeat the edits that were made. */
    void replay() {
        replaying = true;
    }

    /** The value that downstream sees at a hook point. */
    NDArray at(int layer, String local, NDArray value) {
        Map<String, HookPoint> ofLayer = tapped.get(layer);
        HookPoint hook = ofLayer == null ? null : ofLayer.get(local);
        return hook == null ? value : serve(hook, value, 0);
    }

    /** The same over memory {@code [batch, pos, width]}: no tensor is made where the value is only read. */
    MemorySegment at(int layer, String local, MemorySegment value) {
        Map<String, HookPoint> ofLayer = tapped.get(layer);
        HookPoint hook = ofLayer == null ? null : ofLayer.get(local);
        if (hook == null) {
            return value;
        }
        if (replaying || !taps.editors(hook).isEmpty()) {
            NDArray tensor = Torch.wrap(manager, value, batch(), positions, value.byteSize() / 4 / rows());
            return Torch.memory(serve(hook, tensor, 0)); // lives as long as the scope around the block
        }
        open--;
        if (taps.reads().contains(hook)) {
            read.put(hook, copied(hook, value));
        }
        return value;
    }

    /** A copy that outlives the pass, with zeros at padding. */
    @SuppressWarnings("MustBeClosedChecker") // an automatic arena is never closed
    Activation copied(HookPoint hook, MemorySegment value) {
        MemorySegment copy = Arena.ofAuto().allocate(value.byteSize(), 64).copyFrom(value);
        Activation a = activation(hook, copy, 0);
        clearPadding(a, 0);
        return a;
    }

    /** The same for scores or an attention pattern {@code [batch, head, query, key]}. */
    NDArray byHead(int layer, String local, NDArray value) {
        Map<String, HookPoint> ofLayer = tapped.get(layer);
        HookPoint hook = ofLayer == null ? null : ofLayer.get(local);
        return hook == null ? value : serve(hook, value, (int) value.getShape().get(1));
    }

    /** Whether somebody reads or changes any hook point of a layer. */
    boolean tapsIn(int layer) {
        return tapped.containsKey(layer);
    }

    /** Whether somebody changes a hook point of a layer. */
    boolean editsIn(int layer) {
        return taps.edited().stream().anyMatch(h -> h.layer() == layer);
    }

    /** Whether somebody reads or changes a hook point. */
    boolean taps(int layer, String local) {
        Map<String, HookPoint> ofLayer = tapped.get(layer);
        return ofLayer != null && ofLayer.containsKey(local);
    }

    private NDArray serve(HookPoint hook, NDArray value, int heads) {
        if (replaying) {
            NDArray kept = edited == null ? null : edited.get(hook);
            return kept == null ? value : kept;
        }
        open--;
        NDArray result = value;
        List<Editor> editors = taps.editors(hook);
        if (!editors.isEmpty()) {
            result = changed(hook, value, heads, editors);
            if (edited != null) {
                NDArray kept = result.duplicate();
                ai.djl.ndarray.NDScope.unregister(kept);
                edited.put(hook, kept);
            }
        }
        if (taps.reads().contains(hook)) {
            read.put(hook, copied(hook, result, heads));
        }
        return result;
    }

    /** What editors make of a value. */
    NDArray changed(HookPoint hook, NDArray value, int heads, List<Editor> editors) {
        long[] shape = value.getShape().getShape();
        if (!Torch.inReach(manager)) { // to Java's memory and back
            MemorySegment copy = Torch.copy(value);
            edit(hook, copy, heads, editors);
            return Torch.over(manager, copy, shape);
        }
        NDArray result = Torch.empty(manager, shape); // contiguous, and nobody else's memory
        Torch.assign(result, value);
        edit(hook, Torch.view(result), heads, editors);
        return result;
    }

    private void edit(HookPoint hook, MemorySegment memory, int heads, List<Editor> editors) {
        if (rows == null) {
            Activation activation = activation(hook, memory, heads);
            for (Editor editor : editors) {
                editor.edit(activation);
            }
        } else {
            rows.edit(hook, memory, heads, this);
        }
    }

    /** A copy that outlives the pass, with zeros at padding. */
    Activation copied(HookPoint hook, NDArray value, int heads) {
        MemorySegment copy = memory(4 * value.size());
        Torch.store(value, copy);
        Activation a = activation(hook, copy, heads);
        clearPadding(a, heads);
        return a;
    }

    /** Fresh memory that outlives the pass. */
    MemorySegment memory(long bytes) {
        return taps.memory(bytes);
    }

    private Activation activation(HookPoint hook, MemorySegment memory, int heads) {
        int width = Math.toIntExact(memory.byteSize() / 4 / batch() / positions);
        return new Activation(hook, memory, batch(), positions, width, heads, start, lengths, ids);
    }

    private void clearPadding(Activation a, int heads) {
        int groups = Math.max(1, heads);
        int chunk = a.width() / groups;
        for (int b = 0; b < batch(); b++) {
            int padding = positions - lengths[b];
            for (int g = 0; padding > 0 && g < groups; g++) {
                long from = 4 * a.index(b, lengths[b], g * chunk);
                a.segment().asSlice(from, 4L * padding * chunk).fill((byte) 0);
            }
        }
    }

    Map<HookPoint, Activation> read() {
        return read;
    }

    /** The tokens of a row; null if nobody said. */
    int @Nullable [] tokens(int b) {
        return ids == null ? null : ids[b];
    }

    /** Whether some query may not look at some key. */
    boolean masked(int window) {
        return positions > 1 || !aligned() || window > 0 && keys > window;
    }

    /**
     * Added to scores {@code [.., pos, keys]}: 0 where a query may look, minus infinity at keys after it and at keys that
     * left its window. One for all rows where they begin at the same position, else {@code [batch, 1, pos, keys]}.
     *
     * @param window how many keys a query sees, its own included; 0 for all before it
     */
    NDArray causalMask(int window) {
        NDArray known = masks.get(window);
        if (known == null) {
            int n = aligned() ? 1 : batch();
            float[] values = new float[n * positions * keys];
            for (int b = 0; b < n; b++) {
                for (int q = 0; q < positions; q++) {
                    int at = (b * positions + q) * keys;
                    for (int k = starts[b] + q + 1; k < keys; k++) {
                        values[at + k] = Float.NEGATIVE_INFINITY;
                    }
                    int last = Math.min(keys, starts[b] + q + 1); // padding may lie behind the last key
                    for (int k = 0; window > 0 && k < last && k <= starts[b] + q - window; k++) {
                        values[at + k] = Float.NEGATIVE_INFINITY;
                    }
                }
            }
            known = n == 1
                    ? Torch.floats(manager, values, positions, keys)
                    : Torch.floats(manager, values, n, 1, positions, keys);
            ai.djl.ndarray.NDScope.unregister(known);
            masks.put(window, known);
        }
        return known;
    }
}
