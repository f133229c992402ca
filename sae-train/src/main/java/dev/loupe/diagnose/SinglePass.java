package dev.loupe.diagnose;

/** A study that wants one round. */
public abstract class SinglePass implements Study {
    private boolean asked;

    /** What it wants. */
    protected abstract Wants all();

    @Override
    public final Wants wants() {
        boolean first = !asked;
        asked = true;
        return first ? all() : Wants.nothing();
    }
}
