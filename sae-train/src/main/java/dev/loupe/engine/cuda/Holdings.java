package dev.loupe.engine.cuda;

import java.util.ArrayDeque;
import java.util.Deque;

/** What was taken and must be given back, the last first; also where taking the next thing fails half-way. */
final class Holdings implements AutoCloseable {
    private final Deque<Runnable> held = new ArrayDeque<>();

    /** Keeps in mind how to give something back. */
    void add(Runnable giveBack) {
        held.push(giveBack);
    }

    /** Gives all back, whatever fails meanwhile; the first failure is thrown at the end. */
    @Override
    public void close() {
        RuntimeException first = null;
        while (!held.isEmpty()) {
            try {
                held.pop().run();
            } catch (RuntimeException e) {
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }

    /** Gives all back after a failure, which stays the one that is told. */
    <E extends RuntimeException> E after(E failure) {
        try {
            close();
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
        return failure;
    }
}
