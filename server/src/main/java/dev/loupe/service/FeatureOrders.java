package dev.loupe.service;

import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureSummary;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Lists of features, filtered and in order, the last ones kept: whoever scrolls through a list of a hundred thousand asks
 * for it a page at a time.
 */
final class FeatureOrders {
    private static final int KEPT = 16;

    /** What a list depends on; an index that is built anew is another one. */
    private record Key(int index, FeatureQuery query, int stability) {}

    /** The numbers of the features of a list, and which objects they were made from. */
    private record Ordered(FeatureIndex index, @Nullable SeedStability stability, int[] ids) {}

    private final Map<Key, Ordered> recent = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, Ordered> eldest) {
            return size() > KEPT;
        }
    };

    /** All features of a list in its order, whatever page is asked for; not to be changed. */
    int[] of(FeatureIndex index, FeatureQuery query, @Nullable SeedStability stability) {
        Key key = new Key(System.identityHashCode(index), query.page(0, 0), System.identityHashCode(stability));
        synchronized (recent) {
            Ordered known = recent.get(key);
            if (known != null && known.index == index && known.stability == stability) {
                return known.ids;
            }
        }
        int[] ids = sorted(index, query, stability);
        synchronized (recent) {
            recent.put(key, new Ordered(index, stability, ids));
        }
        return ids;
    }

    private static int[] sorted(FeatureIndex index, FeatureQuery query, @Nullable SeedStability stability) {
        String text = query.text().strip().toLowerCase(Locale.ROOT);
        Comparator<FeatureSummary> order = stability != null && query.sort().equals("stability")
                ? Comparator.comparingDouble(f -> stability.score()[f.id()])
                : FeatureSorts.order(query.sort());
        return IntStream.range(0, index.size())
                .mapToObj(index::summary)
                .filter(f -> query.passes(f, stability) && (text.isEmpty() || holds(f, text)))
                .sorted((query.descending() ? order.reversed() : order).thenComparingInt(FeatureSummary::id))
                .mapToInt(FeatureSummary::id)
                .toArray();
    }

    private static boolean holds(FeatureSummary f, String text) {
        return Integer.toString(f.id()).equals(text)
                || f.label().toLowerCase(Locale.ROOT).contains(text)
                || f.topToken().toLowerCase(Locale.ROOT).contains(text)
                || f.topLabel().toLowerCase(Locale.ROOT).equals(text);
    }
}
