package dev.loupe.store;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A value computed once, when it is first asked for. Safe to use from several threads. */
final class Lazy<T> implements Supplier<T> {
    private final Supplier<T> compute;
    private volatile @Nullable T value;

    private Lazy(Supplier<T> compute) {
        this.compute = compute;
    }

    static <T> Lazy<T> of(Supplier<T> compute) {
        return new Lazy<>(compute);
    }

    @Override
    public T get() {
        T result = value;
        if (result == null) {
            synchronized (this) {
                result = value;
                if (result == null) {
                    result = compute.get();
                    value = result;
                }
            }
        }
        return result;
    }
}
