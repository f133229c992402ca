package dev.loupe.store;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A batch that several threads fill together: each takes the next free piece until none is left. */
final class SharedFill {
    /** Looks at the counter before a thread sleeps: about the time of one piece. */
    private static final int SPINS = 2000;

    private final BatchStream.Pieces pieces;
    private final int count;
    private final Runnable whenDone;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger left;
    private volatile @Nullable Throwable failure;

    /**
     * A batch of which nothing is filled yet.
     *
     * @param whenDone runs once, on the thread that fills the last piece
     */
    SharedFill(BatchStream.Pieces pieces, Runnable whenDone) {
        this.pieces = pieces;
        this.count = pieces.count();
        this.whenDone = whenDone;
        this.left = new AtomicInteger(count);
    }

    /** Whether a piece is free. */
    boolean open() {
        return next.get() < count;
    }

    /** Whether every piece is filled or has failed. */
    boolean done() {
        return left.get() == 0;
    }

    /** Fills free pieces until none is left; others may still be at work on theirs. Never throws. */
    void work() {
        for (int piece; (piece = next.getAndIncrement()) < count; ) {
            try {
                if (failure == null) {
                    pieces.fill(piece);
                }
            } catch (RuntimeException | Error e) {
                failure = e;
            }
            if (left.decrementAndGet() == 0) {
                whenDone.run();
            }
        }
    }

    /** Waits for the others for a moment without sleeping. */
    void spin() {
        for (int i = 0; i < SPINS && !done(); i++) {
            Thread.onSpinWait();
        }
    }

    /** Throws what went wrong in a piece. */
    void rethrow() {
        switch (failure) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException("filling a batch failed", e);
        }
    }
}
