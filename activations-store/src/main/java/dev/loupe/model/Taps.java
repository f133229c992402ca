package dev.loupe.model;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a pass shall read and change: a set of hook points to keep and editors by hook point. Editors of one hook point
 * run in the order they were added; a read sees the values after them. Immutable.
 */
public final class Taps {
    private static final Taps NONE = new Taps(Set.of(), Map.of());

    private final Set<HookPoint> reads;
    private final Map<HookPoint, List<Editor>> edits;

    private Taps(Set<HookPoint> reads, Map<HookPoint, List<Editor>> edits) {
        this.reads = reads;
        this.edits = edits;
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

    /** Everything that this and then the other one asks for. */
    public Taps merge(Taps other) {
        return builder().merge(this).merge(other).build();
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

    /** Whether nothing is read or changed. */
    public boolean isEmpty() {
        return reads.isEmpty() && edits.isEmpty();
    }

    /** Collects taps; used by one thread. */
    public static final class Builder {
        private final Set<HookPoint> reads = new LinkedHashSet<>();
        private final Map<HookPoint, List<Editor>> edits = new LinkedHashMap<>();

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

        /** Adds everything another set of taps asks for. */
        public Builder merge(Taps other) {
            reads.addAll(other.reads);
            other.edits.forEach((hook, editors) -> editors.forEach(e -> edit(hook, e)));
            return this;
        }

        /** The finished taps. */
        public Taps build() {
            if (reads.isEmpty() && edits.isEmpty()) {
                return NONE;
            }
            Map<HookPoint, List<Editor>> copy = new LinkedHashMap<>();
            edits.forEach((hook, editors) -> copy.put(hook, List.copyOf(editors)));
            return new Taps(Collections.unmodifiableSet(new LinkedHashSet<>(reads)), Collections.unmodifiableMap(copy));
        }
    }
}
