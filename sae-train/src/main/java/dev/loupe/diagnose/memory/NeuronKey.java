package dev.loupe.diagnose.memory;

import dev.loupe.model.Tokenizer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.stream.Collectors;

/** The places where one neuron is strongest. */
public final class NeuronKey {
    /**
     * One place.
     *
     * @param activation of the neuron there
     * @param before the token before; -1 at the start
     * @param token there
     * @param next the token behind; -1 at the end
     */
    public record Place(float activation, int before, int token, int next) {}

    private final int most;
    private final PriorityQueue<Place> places =
            new PriorityQueue<>(Comparator.comparingDouble(p -> Math.abs(p.activation())));

    /** Keeps so many. */
    public NeuronKey(int most) {
        this.most = most;
    }

    /** Looks at a place. */
    public void add(float activation, int[] ids, int position) {
        Place weakest = places.peek();
        if (places.size() < most || weakest != null && Math.abs(activation) > Math.abs(weakest.activation())) {
            places.add(new Place(
                    activation,
                    position > 0 ? ids[position - 1] : -1,
                    ids[position],
                    position + 1 < ids.length ? ids[position + 1] : -1));
            if (places.size() > most) {
                places.poll();
            }
        }
    }

    /** The places, strongest first. */
    public List<Place> places() {
        return places.stream()
                .sorted(Comparator.comparingDouble(p -> -Math.abs(p.activation())))
                .toList();
    }

    /** Its activation with the largest size; 0 if it saw nothing. */
    public float strongest() {
        List<Place> all = places();
        return all.isEmpty() ? 0 : all.getFirst().activation();
    }

    /** The share of places whose next token is one of these; 0 of nothing. */
    double agreement(int[] promoted) {
        int known = 0;
        int hits = 0;
        for (Place p : places) {
            known += p.next() >= 0 ? 1 : 0;
            hits += p.next() >= 0 && Arrays.stream(promoted).anyMatch(t -> t == p.next()) ? 1 : 0;
        }
        return known == 0 ? 0 : (double) hits / known;
    }

    /** The places in words, each different one once. */
    public String words(Tokenizer tokenizer) {
        return places().stream()
                .map(p -> (p.before() < 0 ? "" : tokenizer.token(p.before())) + tokenizer.token(p.token()))
                .distinct()
                .collect(Collectors.joining(" | "));
    }
}
