package dev.loupe.model;

import java.util.List;

/**
 * One hook point of one model.
 *
 * @param hook the place
 * @param shape its shape for people, for example {@code [batch, pos, 192]}
 * @param width floats per (batch, position): what a row of a store of this hook point holds; {@link #VARIES} where it
 *     depends on the length of the sequence (attention patterns)
 * @param meaning one sentence for people
 * @param aliases names that TransformerLens 3 has for the same place
 */
public record HookInfo(HookPoint hook, String shape, int width, String meaning, List<String> aliases) {
    /** A hook point without other names. */
    public HookInfo(HookPoint hook, String shape, int width, String meaning) {
        this(hook, shape, width, meaning, List.of());
    }

    /** The width of a hook point whose rows depend on the length of the sequence. */
    public static final int VARIES = -1;

    /** The full dotted name. */
    public String name() {
        return hook.name();
    }
}
