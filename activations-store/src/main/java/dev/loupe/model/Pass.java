package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.loupe.tensor.Torch;
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
    private final Taps taps;
    private final boolean toTheEnd;
    private final Map<Integer, Map<String, HookPoint>> tapped = new HashMap<>();
    private final Map<HookPoint, Activation> read = new HashMap<>();
    private final @Nullable Map<HookPoint, NDArray> edited;
    private int open;
    private boolean replaying;
    private final Map<Integer, NDArray> masks = new HashMap<>();

    /**
     * Creates a pass.
     *
     * @param toTheEnd whether the last residual stream is needed, whatever the taps are
     * @param keepEdits whether edited values are kept, so that {@link #replay} can repeat them
     */
    Pass(NDManager manager, int[] lengths, int positions, int start, Taps taps, boolean toTheEnd, boolean keepEdits) {
        this.manager = manager;
        this.lengths = lengths;
        this.positions = positions;
        this.start = start;
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

    /** The same for scores or an attention pattern {@code [batch, head, query, key]}. */
    NDArray byHead(int layer, String local, NDArray value) {
        Map<String, HookPoint> ofLayer = tapped.get(layer);
        HookPoint hook = ofLayer == null ? null : ofLayer.get(local);
        return hook == null ? value : serve(hook, value, (int) value.getShape().get(1));
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
        NDArray result = Torch.empty(manager, value.getShape().getShape()); // contiguous, and nobody else's memory
        Torch.assign(result, value);
        Activation activation = activation(hook, Torch.view(result), heads);
        for (Editor editor : editors) {
            editor.edit(activation);
        }
        return result;
    }

    /** A copy that outlives the pass, with zeros at padding. */
    Activation copied(HookPoint hook, NDArray value, int heads) {
        Activation a = activation(hook, Torch.copy(value), heads);
        clearPadding(a, heads);
        return a;
    }

    private Activation activation(HookPoint hook, MemorySegment memory, int heads) {
        int width = Math.toIntExact(memory.byteSize() / 4 / batch() / positions);
        return new Activation(hook, memory, batch(), positions, width, heads, start, lengths);
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

    /**
     * Added to scores {@code [.., pos, keys]}: 0 where a query may look, minus infinity at keys after it and at keys that
     * left its window.
     *
     * @param window how many keys a query sees, its own included; 0 for all before it
     */
    NDArray causalMask(int keys, int window) {
        NDArray known = masks.get(window);
        if (known == null) {
            float[] values = new float[positions * keys];
            for (int q = 0; q < positions; q++) {
                for (int k = start + q + 1; k < keys; k++) {
                    values[q * keys + k] = Float.NEGATIVE_INFINITY;
                }
                for (int k = 0; window > 0 && k <= start + q - window; k++) {
                    values[q * keys + k] = Float.NEGATIVE_INFINITY;
                }
            }
            known = Torch.floats(manager, values, positions, keys);
            ai.djl.ndarray.NDScope.unregister(known);
            masks.put(window, known);
        }
        return known;
    }
}
