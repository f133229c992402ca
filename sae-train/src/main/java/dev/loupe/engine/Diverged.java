package dev.loupe.engine;

import dev.loupe.base.LoupeException;

/** The loss of a step is no longer a number. The step was not taken, nor was any behind it. */
public final class Diverged extends LoupeException {
    private static final long serialVersionUID = 1L;
    private final long step;

    Diverged(long step, String message) {
        super(message);
        this.step = step;
    }

    /** The step, counted from 1. */
    public long step() {
        return step;
    }
}
