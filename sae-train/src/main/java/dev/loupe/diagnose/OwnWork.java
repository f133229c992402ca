package dev.loupe.diagnose;

import dev.loupe.base.Progress;

/** A study that does more than look at streams, such as passes of its own over a little text. */
public interface OwnWork {
    /** Does it; once, after the last round and before {@link Study#finding()}. */
    void work(Progress progress);
}
