package dev.loupe.model;

import dev.loupe.base.LoupeException;

/** So many texts wait to be written that another one is not taken; later there may be room. */
public final class BusyException extends LoupeException {
    private static final long serialVersionUID = 1L;

    BusyException(int waiting) {
        super("The model is busy: " + waiting + " texts wait to be written already. Try again in a moment.");
    }
}
