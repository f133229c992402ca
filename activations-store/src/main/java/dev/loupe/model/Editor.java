package dev.loupe.model;

/** Changes activations in place before anything downstream sees them. */
@FunctionalInterface
public interface Editor {
    /**
     * Looks at and changes the values. The activation is the model's own memory and valid only during this call.
     * Positions behind {@link Activation#length} are padding: changing them has no effect.
     */
    void edit(Activation activation);
}
