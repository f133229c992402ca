package dev.loupe.store;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Massive activations of a hook point: entries with |a| &gt; {@value #LEAST} and |a| ≥ {@value #FACTOR} times the median
 * |a| of the layer (Oh, Shin and Oh, "A Refined Analysis of Massive Activations in LLMs", 2025; the definition of Sun and
 * others, "Massive Activations in Large Language Models", 2024). A handful of them dominates squared errors and input
 * scales. The median is taken shard by shard over every sixteenth row and averaged over shards.
 *
 * @param medianAbs median |a|, the mean of the shards' medians
 * @param maxAbs the largest |a|, massive or not
 * @param entries how many entries are massive
 * @param share part of the squared norm of all rows that massive entries make up
 * @param places where they are, by dimension and token, the largest first; at most {@value #MOST_PLACES}
 */
@JsonNaming(SnakeCaseStrategy.class)
public record MassiveActivations(double medianAbs, double maxAbs, long entries, double share, List<Place> places) {
    static final double LEAST = 100;
    static final double FACTOR = 1000;
    static final int MOST_PLACES = 64;
    private static final int MOST_COUNTED = 1024; // while parts are added up

    /**
     * Massive entries of one dimension at one token.
     *
     * @param dimension column of the activation
     * @param token token id of the row
     * @param count how many entries
     * @param maxAbs the largest |a| among them
     * @param position place of that one in its sequence
     * @param row number of its row in the store
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Place(int dimension, int token, long count, double maxAbs, int position, long row) {
        private Place plus(Place other) {
            Place larger = other.maxAbs > maxAbs ? other : this;
            return new Place(dimension, token, count + other.count, larger.maxAbs, larger.position, larger.row);
        }
    }

    /** What a part of the rows adds: medians weighted by rows, squares not yet divided. */
    @JsonNaming(SnakeCaseStrategy.class)
    record Part(long rows, double medianAbs, double maxAbs, long entries, double squares, List<Place> places) {
        static final Part NONE = new Part(0, 0, 0, 0, 0, List.of());

        Part plus(Part other) {
            long all = rows + other.rows;
            Map<List<Integer>, Place> merged = new LinkedHashMap<>();
            for (Part part : List.of(this, other)) {
                for (Place place : part.places) {
                    merged.merge(List.of(place.dimension, place.token), place, Place::plus);
                }
            }
            return new Part(
                    all,
                    all == 0 ? 0 : (rows * medianAbs + other.rows * other.medianAbs) / all,
                    Math.max(maxAbs, other.maxAbs),
                    entries + other.entries,
                    squares + other.squares,
                    largest(merged.values().stream().toList(), MOST_COUNTED));
        }

        MassiveActivations summary(double allSquares) {
            return new MassiveActivations(
                    medianAbs,
                    maxAbs,
                    entries,
                    allSquares > 0 ? squares / allSquares : 0,
                    largest(places, MOST_PLACES));
        }
    }

    private static List<Place> largest(List<Place> places, int most) {
        List<Place> sorted = new ArrayList<>(places);
        sorted.sort(Comparator.comparingDouble((Place p) -> -p.maxAbs)
                .thenComparingInt(Place::dimension)
                .thenComparingInt(Place::token));
        return List.copyOf(sorted.subList(0, Math.min(most, sorted.size())));
    }

    /** Collects the massive entries of a part of the rows. */
    static final class Builder {
        private final double threshold;
        private final Map<List<Integer>, Place> places = new LinkedHashMap<>();
        private long entries;
        private double squares;

        Builder(double medianAbs) {
            threshold = threshold(medianAbs);
        }

        static double threshold(double medianAbs) {
            return Math.max(Math.nextUp(LEAST), FACTOR * medianAbs);
        }

        void add(float[] values, int token, int position, long row) {
            for (int i = 0; i < values.length; i++) {
                double abs = Math.abs(values[i]);
                if (abs >= threshold) {
                    entries++;
                    squares += abs * abs;
                    if (places.size() < MOST_COUNTED || places.containsKey(List.of(i, token))) {
                        places.merge(List.of(i, token), new Place(i, token, 1, abs, position, row), Place::plus);
                    }
                }
            }
        }

        Part build(long rows, double medianAbs, double maxAbs) {
            return new Part(
                    rows,
                    medianAbs,
                    maxAbs,
                    entries,
                    squares,
                    largest(places.values().stream().toList(), MOST_COUNTED));
        }
    }
}
