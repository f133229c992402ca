package dev.loupe.diagnose;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a study found.
 *
 * @param answer one sentence with its number
 * @param numbers the figures of the answer by name, for scripts
 * @param table all of it
 * @param figures at most three
 * @param notes what a reader must know before believing it, one sentence each
 */
public record Finding(
        String answer, Map<String, Double> numbers, ResultTable table, List<Figure> figures, List<String> notes) {
    /** Checks and copies. */
    public Finding {
        if (figures.size() > 3) {
            throw new IllegalArgumentException("a finding has at most three figures");
        }
        numbers = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(numbers));
        figures = List.copyOf(figures);
        notes = List.copyOf(notes);
    }

    /** A finding without notes. */
    public Finding(String answer, Map<String, Double> numbers, ResultTable table, List<Figure> figures) {
        this(answer, numbers, table, figures, List.of());
    }

    /** The same with notes. */
    public Finding noting(List<String> more) {
        return new Finding(answer, numbers, table, figures, more);
    }

    /** A figure of the answer. */
    public double number(String name) {
        Double value = numbers.get(name);
        if (value == null) {
            throw new IllegalArgumentException("there is no number " + name + ", only " + numbers.keySet());
        }
        return value;
    }
}
