package dev.loupe.eval;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Supplier;

/** Remembers the last few results by what they depend on; several SAEs of one place share their baselines this way. */
final class Recent<V> {
    private static final int REMEMBERED = 4;

    private record Entry<V>(String key, V value) {}

    private final Deque<Entry<V>> entries = new ArrayDeque<>();

    /** The value of a key, made if it is not remembered. Two threads may make the same one at the same time. */
    V get(String key, Supplier<V> make) {
        synchronized (entries) {
            for (Entry<V> e : entries) {
                if (e.key().equals(key)) {
                    return e.value();
                }
            }
        }
        V made = make.get();
        synchronized (entries) {
            entries.addFirst(new Entry<>(key, made));
            while (entries.size() > REMEMBERED) {
                entries.removeLast();
            }
        }
        return made;
    }
}
