package dev.loupe.feature;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Token patterns that predict a latent's activation, as a trie read backwards from the current token (the idea of N2G:
 * Foote et al., arXiv 2305.19911; but grown from counts over the store, not by running the model on changed texts). Every
 * node asks which token stands some places earlier; the place that explains most is asked, so tokens between are wildcards.
 * A node predicts the mean activation of the training places that end there, drawn towards its parent's.
 */
final class ContextTree {
    private static final int ROOTS = 12;
    private static final int SAMPLE = 256;
    private static final int DEPTH = 3;
    private static final int REACH = 4;
    private static final int CHILDREN = 12;

    /** A node must explain this share of what its parent leaves open. */
    private static final double GAIN = 0.1;

    private static final double PRIOR = 2;
    private static final int LEAST = 3;

    private final LatentText latent;
    private final RuleText text;
    private final Vocabulary vocabulary;
    private final Map<Integer, Node> roots = new LinkedHashMap<>();

    /** Mean activation, share of places that fire, and the places earlier that are asked next. */
    private static final class Node {
        double mean;
        double rate;
        double mass;
        int away;
        final Map<Integer, Node> children = new LinkedHashMap<>();
    }

    /** Some training places with their activations and how many places each stands for. */
    private record Sample(int[] places, float[] values, double[] weights, int size) {}

    ContextTree(LatentText latent, Vocabulary vocabulary) {
        this.latent = latent;
        this.text = latent.text();
        this.vocabulary = vocabulary;
        int[] places = latent.trainPlaces();
        long[] byToken = new long[places.length];
        for (int k = 0; k < byToken.length; k++) {
            byToken[k] = (long) text.token(places[k]) << 32 | places[k];
        }
        Arrays.sort(byToken);
        int[] starts = new int[byToken.length + 1];
        double[] mass = new double[byToken.length];
        int groups = 0;
        for (int from = 0; from < byToken.length; ) {
            double sum = 0;
            int to = from;
            for (; to < byToken.length && byToken[to] >> 32 == byToken[from] >> 32; to++) {
                sum += latent.value((int) byToken[to]);
            }
            mass[groups] = sum;
            starts[groups++] = from;
            from = to;
        }
        starts[groups] = byToken.length;
        for (int g : heaviest(mass, groups, ROOTS)) {
            int token = (int) (byToken[starts[g]] >> 32);
            roots.put(token, grow(sample(token, byToken, starts[g], starts[g + 1]), 0, 0, 0));
        }
    }

    /** The numbers of the largest values, largest first, of equals the earlier one. */
    private static int[] heaviest(double[] values, int size, int count) {
        int[] best = new int[Math.min(size, count)];
        int found = 0;
        for (int g = 0; g < size; g++) {
            if (found < best.length || values[g] > values[best[found - 1]]) {
                int at = found < best.length ? found++ : found - 1;
                for (; at > 0 && values[g] > values[best[at - 1]]; at--) {
                    best[at] = best[at - 1];
                }
                best[at] = g;
            }
        }
        return best;
    }

    /** Places of a token: those that fire and others, each thinned to a spread of at most {@link #SAMPLE}. */
    private Sample sample(int token, long[] byToken, int from, int to) {
        int fired = to - from;
        int firing = Math.min(fired, SAMPLE);
        int silent = text.trainCount(token) - fired;
        int others = Math.min(silent, SAMPLE);
        int[] places = new int[firing + others];
        float[] values = new float[places.length];
        double[] weights = new double[places.length];
        for (int k = 0; k < firing; k++) {
            places[k] = (int) byToken[from + (int) ((long) k * fired / firing)];
            values[k] = latent.value(places[k]);
            weights[k] = (double) fired / firing;
        }
        int at = firing;
        int first = text.from(token, false);
        int all = text.trainCount(token);
        double step = others == 0 ? 1 : (double) all / others;
        for (double next = 0; next < all && at < places.length; next += step) {
            int p = text.at(first + (int) next, false);
            for (int skip = 1; latent.value(p) > 0 && skip < step; skip++) {
                p = text.at(first + Math.min(all - 1, (int) next + skip), false);
            }
            if (latent.value(p) == 0) {
                places[at++] = p;
            }
        }
        Arrays.fill(weights, firing, at, at == firing ? 0 : (double) silent / (at - firing));
        return new Sample(places, values, weights, at);
    }

    private Node grow(Sample s, int depth, double parentMean, int reached) {
        Node node = new Node();
        double n = 0;
        double sum = 0;
        double squares = 0;
        double fired = 0;
        for (int k = 0; k < s.size(); k++) {
            n += s.weights()[k];
            sum += s.weights()[k] * s.values()[k];
            squares += s.weights()[k] * s.values()[k] * s.values()[k];
            fired += s.values()[k] > 0 ? s.weights()[k] : 0;
        }
        node.mean = depth == 0 ? sum / n : (sum + PRIOR * parentMean) / (n + PRIOR);
        node.rate = fired / n;
        node.mass = sum;
        double error = squares - sum * sum / n;
        if (depth == DEPTH || s.size() < 2 * LEAST || !(error > 1e-6 * squares)) {
            return node;
        }
        Split best = null;
        for (int away = reached + 1; away <= reached + REACH; away++) {
            Split split = split(s, away, node.mean);
            best = best == null || split.gain() > best.gain() ? split : best;
        }
        if (best == null || best.gain() < GAIN * error) {
            return node;
        }
        node.away = best.away();
        for (int[] group : best.groups()) {
            node.children.put(
                    group[2], grow(part(s, best.order(), group[0], group[1]), depth + 1, node.mean, best.away()));
        }
        return node;
    }

    /** How well the token some places earlier explains the activation, and the groups that it makes. */
    private record Split(int away, double gain, long[] order, List<int[]> groups) {}

    private Split split(Sample s, int away, double mean) {
        long[] order = new long[s.size()];
        for (int k = 0; k < order.length; k++) {
            order[k] = (long) (text.token(s.places()[k], -away) + 1) << 32 | k;
        }
        Arrays.sort(order);
        int[] froms = new int[order.length];
        int[] tos = new int[order.length];
        double[] gains = new double[order.length];
        int groups = 0;
        for (int from = 0; from < order.length; ) {
            double n = 0;
            double sum = 0;
            int to = from;
            for (; to < order.length && order[to] >> 32 == order[from] >> 32; to++) {
                int k = (int) order[to];
                n += s.weights()[k];
                sum += s.weights()[k] * s.values()[k];
            }
            if (to - from >= LEAST) {
                double here = sum / n;
                double drawn = (sum + PRIOR * mean) / (n + PRIOR);
                gains[groups] = n * ((here - mean) * (here - mean) - (here - drawn) * (here - drawn));
                froms[groups] = from;
                tos[groups++] = to;
            }
            from = to;
        }
        List<int[]> kept = new ArrayList<>();
        int[] best = heaviest(gains, groups, CHILDREN);
        double gain = Arrays.stream(best).mapToDouble(g -> gains[g]).sum();
        for (int g : best) {
            kept.add(new int[] {froms[g], tos[g], (int) (order[froms[g]] >> 32) - 1});
        }
        return new Split(away, gain, order, kept);
    }

    private static Sample part(Sample s, long[] order, int from, int to) {
        int[] places = new int[to - from];
        float[] values = new float[places.length];
        double[] weights = new double[places.length];
        for (int e = from; e < to; e++) {
            int k = (int) order[e];
            places[e - from] = s.places()[k];
            values[e - from] = s.values()[k];
            weights[e - from] = s.weights()[k];
        }
        return new Sample(places, values, weights, places.length);
    }

    /** The deepest node whose pattern ends at a place; its root is that of the token there. */
    private Node find(Node root, int place) {
        Node node = root;
        while (!node.children.isEmpty()) {
            Node next = node.children.get(text.token(place, -node.away));
            if (next == null) {
                return node;
            }
            node = next;
        }
        return node;
    }

    /** Share of training activation on places that the tree claims, and the score on held-out ones. */
    LabelCandidate candidate() {
        double covered = 0;
        for (int p : latent.trainPlaces()) {
            Node root = roots.get(text.token(p));
            covered += root != null && find(root, p).rate >= 0.5 ? latent.value(p) : 0;
        }
        RuleScore score = new RuleScore(latent);
        roots.forEach((token, root) -> {
            for (int e = text.from(token, true); e < text.to(token, true); e++) {
                int place = text.at(e, true);
                Node node = find(root, place);
                score.add(place, node.mean, node.rate >= 0.5);
            }
        });
        List<Pattern> patterns = patterns();
        return score.candidate(
                LabelCandidate.PATTERNS,
                patterns.stream().limit(3).map(Pattern::text).collect(Collectors.joining("; ")),
                patterns.stream().map(Pattern::toString).toList(),
                covered / latent.trainSum());
    }

    private record Pattern(String text, double mean, double mass) {
        /** In words, with the activation that it predicts: {@code "European" ∗ "Union" → 3.20}. */
        @Override
        public String toString() {
            return String.format(java.util.Locale.ROOT, "%s → %.2f", text, mean);
        }
    }

    /** Those with most activation first. */
    private List<Pattern> patterns() {
        List<Pattern> all = new ArrayList<>();
        roots.forEach((token, root) -> collect(root, vocabulary.quoted(token), 0, all));
        return all.stream()
                .sorted(Comparator.comparingDouble((Pattern p) -> -p.mass()).thenComparing(Pattern::text))
                .limit(12)
                .toList();
    }

    private void collect(Node node, String pattern, int reached, List<Pattern> all) {
        double own = node.mass;
        for (Map.Entry<Integer, Node> child : node.children.entrySet()) {
            own -= child.getValue().mass;
            String gap = "∗ ".repeat(node.away - reached - 1);
            String before = child.getKey() < 0 ? "(start)" : vocabulary.quoted(child.getKey());
            collect(child.getValue(), before + " " + gap + pattern, node.away, all);
        }
        if (own > 0 && node.mean > 0) {
            all.add(new Pattern(pattern, node.mean, own));
        }
    }
}
