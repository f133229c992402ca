package dev.loupe.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a benchmark measures beside its speed: by name every run's value, in order. */
final class Beside {
    private final Map<String, List<Double>> values = new LinkedHashMap<>();

    void add(String name, double value) {
        values.computeIfAbsent(name, n -> new ArrayList<>()).add(value);
    }

    /** All of it, as {@link Benchmark#beside} gives it. */
    Map<String, List<Double>> all() {
        return values;
    }

    @Override
    public String toString() {
        return values.toString();
    }
}
