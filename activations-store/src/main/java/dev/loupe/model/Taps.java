package dev.loupe.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What a pass shall read and change: a set of hook points to keep and editors by hook point. Editors of one hook point
 * run in the order they were added; a read sees the values after them. Immutable.
 */
public final class Taps {
    private static final Taps NONE = new Taps(Set.of(), Map.of(), List.of(), null);

    private final Set<HookPoint> reads;
    private final Map<HookPoint, List<Editor>> edits;
    private final List<BooleanSupplier> ends;
    private final @Nullable Arena memory;

    private Taps(
            Set<HookPoint> reads,
            Map<HookPoint, List<Editor>> edits,
            List<BooleanSupplier> ends,
            @Nullable Arena memory) {
        this.reads = reads;
        this.edits = edits;
        this.ends = ends;
        this.memory = memory;
    }

    /** Reads and changes nothing. */
    public static Taps none() {
        return NONE;
    }

    /** Keeps some hook points and changes nothing. */
    public static Taps read(HookPoint... hooks) {
        return builder().read(List.of(hooks)).build();
    }

    /** Keeps some hook points and changes nothing. */
    public static Taps read(Collection<HookPoint> hooks) {
        return builder().read(hooks).build();
    }

    /** One editor at one hook point. */
    public static Taps edit(HookPoint hook, Editor editor) {
        return builder().edit(hook, editor).build();
    }

    /** Collects taps. */
    public static Builder builder() {
        return new Builder();
    }

    /** Everything that this and then the other one asks for; of an arena it knows nothing. */
    public Taps merge(Taps other) {
        return builder().merge(this).merge(other).build();
    }

    /**
     * The same, with what a forward pass keeps (hook points and all logits) in the memory of a shared arena: valid until that
     * closes, rather than for as long as it is referred to. Long work over text frees its memory in time this way; what
     * waits for the garbage collector may grow as large as the Java heap.
     */
    public Taps in(Arena arena) {
        return new Taps(reads, edits, ends, arena);
    }

    /** Fresh memory for what is kept. */
    @SuppressWarnings("MustBeClosedChecker") // an automatic arena is never closed
    MemorySegment memory(long bytes) {
        return (memory == null ? Arena.ofAuto() : memory).allocate(bytes, 64);
    }

    /** The hook points to keep. */
    public Set<HookPoint> reads() {
        return reads;
    }

    /** The hook points with editors. */
    public Set<HookPoint> edited() {
        return edits.keySet();
    }

    /** The editors of a hook point, in order; empty if there are none. */
    public List<Editor> editors(HookPoint hook) {
        return edits.getOrDefault(hook, List.of());
    }

    /** Whether a text that is being written shall end; asked after every pass of the model over it. */
    boolean ended() {
        for (BooleanSupplier end : ends) {
            if (end.getAsBoolean()) {
                return true;
            }
        }
        return false;
    }

    /** Whether nothing is read or changed. */
    public boolean isEmpty() {
        return reads.isEmpty() && edits.isEmpty() && ends.isEmpty();
    }

    /** Collects taps; used by one thread. */
    public static final class Builder {
        private final Set<HookPoint> reads = new LinkedHashSet<>();
        private final Map<HookPoint, List<Editor>> edits = new LinkedHashMap<>();
        private final List<BooleanSupplier> ends = new ArrayList<>();

        private Builder() {}

        /** Keeps a hook point. */
        public Builder read(HookPoint hook) {
            reads.add(hook);
            return this;
        }

        /** Keeps several hook points. */
        public Builder read(Collection<HookPoint> hooks) {
            reads.addAll(hooks);
            return this;
        }

        /** Changes a hook point; after the editors it already has. */
        public Builder edit(HookPoint hook, Editor editor) {
            edits.computeIfAbsent(hook, h -> new ArrayList<>()).add(editor);
            return this;
        }

        /** Ends a text that is being written when this holds, asked after every pass; matters to nothing else. */
        public Builder endWhen(BooleanSupplier end) {
            ends.add(end);
            return this;
        }

        /** Adds everything another set of taps asks for. */
        public Builder merge(Taps other) {
            reads.addAll(other.reads);
            other.edits.forEach((hook, editors) -> editors.forEach(e -> edit(hook, e)));
            ends.addAll(other.ends);
            return this;
        }

        /** The finished taps. */
        public Taps build() {
            if (reads.isEmpty() && edits.isEmpty() && ends.isEmpty()) {
                return NONE;
            }
            Map<HookPoint, List<Editor>> copy = new LinkedHashMap<>();
            edits.forEach((hook, editors) -> copy.put(hook, List.copyOf(editors)));
            return new Taps(
                    Collections.unmodifiableSet(new LinkedHashSet<>(reads)),
                    Collections.unmodifiableMap(copy),
                    List.copyOf(ends),
                    null);
        }
    }
}
