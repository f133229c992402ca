package dev.loupe.engine.cuda;

import dev.loupe.sae.Sae;

/**
 * The GPU that this process was told to use ({@code --device cuda:0}) for training, for encoding whole batches and for the
 * cosines of matching; none unless one was asked for.
 */
public final class ChosenCard {
    private static final int NONE = -1;

    /** About a twentieth of a second of one core. */
    private static final long LEAST = 1L << 31;

    private static volatile int index = NONE;

    private ChosenCard() {}

    /**
     * Chooses for all work that begins from now on. Whether the GPU and its libraries are there is seen when the first work
     * begins.
     *
     * @param card its number; below 0 for the processor
     */
    public static void use(int card) {
        index = Math.max(NONE, card);
        Sae.encodeOn(card < 0 ? null : CardEncoders.INSTANCE);
    }

    /** The number of the GPU; below 0 for the processor. */
    public static int index() {
        return index;
    }

    /**
     * Whether a GPU was chosen and so many multiplications in one piece are worth the way there: few rows (a prompt, a token
     * that is being written) stay on the processor.
     */
    public static boolean pays(double multiplications) {
        return chosen() && multiplications >= Long.getLong("loupe.cuda.least", LEAST);
    }

    /** Whether a GPU was chosen. */
    public static boolean chosen() {
        return index >= 0;
    }
}
