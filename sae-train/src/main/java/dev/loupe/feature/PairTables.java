package dev.loupe.feature;

import dev.loupe.base.LoupeException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Moments and co-activation, read from the tables that an index has since format 1.2. */
final class PairTables {
    private final FeatureIndex index;
    private final Map<String, TableReader> tables;
    private volatile @Nullable Sketches loaded;

    PairTables(FeatureIndex index, Map<String, TableReader> tables) {
        this.index = index;
        this.tables = tables;
    }

    /** Whether the index has them. */
    boolean present() {
        return tables.containsKey(IndexTables.MOMENTS)
                && tables.containsKey(IndexTables.COACTIVE)
                && tables.containsKey(IndexTables.SKETCHES);
    }

    @Nullable Moments moments(int id) {
        if (!present()) {
            return null;
        }
        Object[] r = row(IndexTables.MOMENTS, id);
        return new Moments(
                (Double) r[1],
                (Double) r[2],
                (Double) r[3],
                (Double) r[4],
                (Double) r[5],
                (Double) r[6],
                (Double) r[7],
                (Double) r[8]);
    }

    /** The partners that were counted exactly, the most correlated first. */
    List<Coactive> exact(int id) {
        if (!present()) {
            return List.of();
        }
        long[] rows = (long[]) row(IndexTables.MOMENTS, id)[9];
        List<Coactive> all = new ArrayList<>();
        for (Object[] r : table(IndexTables.COACTIVE).read(rows[0], Math.toIntExact(rows[1] - rows[0]))) {
            all.add(coactive(index, id, (Integer) r[1], new Sketches.Together((Long) r[2], 0), (Double) r[3], true));
        }
        return all;
    }

    /** Every latent of an index over the same store that fires together with one of this, most correlated first. */
    List<Coactive> all(int id, FeatureIndex other) {
        Map<Integer, Coactive> all = new LinkedHashMap<>();
        if (other == index) {
            exact(id).forEach(c -> all.put(c.id(), c));
        }
        for (int j = 0; j < other.size(); j++) {
            if ((other != index || j != id) && !all.containsKey(j)) {
                Coactive c = estimate(id, other, j);
                if (c.rows() > 0) {
                    all.put(j, c);
                }
            }
        }
        return all.values().stream()
                .sorted(Comparator.comparingDouble((Coactive c) -> -c.correlation())
                        .thenComparingInt(Coactive::id))
                .toList();
    }

    /** What rules say about a latent. */
    List<LabelCandidate> labels(int id) {
        if (!present() || !tables.containsKey(IndexTables.RULES)) {
            return List.of();
        }
        long[] rows = (long[]) row(IndexTables.MOMENTS, id)[9];
        if (rows.length < 4) {
            throw contradiction(id);
        }
        List<LabelCandidate> all = new ArrayList<>();
        for (Object[] r : table(IndexTables.RULES).read(rows[2], Math.toIntExact(rows[3] - rows[2]))) {
            all.add(candidate(r));
        }
        return all;
    }

    /** A row of table rules. */
    static LabelCandidate candidate(Object[] r) {
        return new LabelCandidate(
                (String) r[1],
                (String) r[2],
                ((List<?>) r[3]).stream().map(String.class::cast).toList(),
                known(r[4]),
                known(r[5]),
                known(r[6]),
                known(r[7]),
                known(r[8]),
                known(r[9]),
                (Long) r[10],
                (Long) r[11]);
    }

    private static @Nullable Double known(Object value) {
        return Double.isNaN((Double) value) ? null : (Double) value;
    }

    /** How a latent fires together with another one, perhaps of another index over the same store; from the sketches. */
    Coactive estimate(int id, FeatureIndex other, int otherId) {
        Sketches mine = sketches();
        Sketches.Together t = mine.together(id, other.pairs().sketches(), otherId);
        double phi = mine.phi(
                t.rows(), index.summary(id).fired(), other.summary(otherId).fired());
        return coactive(other, id, otherId, t, phi, false);
    }

    private Coactive coactive(
            FeatureIndex other, int id, int otherId, Sketches.Together t, double correlation, boolean exact) {
        long fired = index.summary(id).fired();
        FeatureSummary b = other.summary(otherId);
        double either = fired + b.fired() - t.rows();
        return new Coactive(
                otherId,
                b.label(),
                t.rows(),
                t.error(),
                fired == 0 ? 0 : Math.min(1, t.rows() / fired),
                either > 0 ? Math.min(1, t.rows() / either) : 0,
                correlation,
                null,
                exact || t.error() == 0);
    }

    /** The sketches of all latents; read when they are first needed. */
    Sketches sketches() {
        Sketches s = loaded;
        if (s == null) {
            synchronized (this) {
                s = loaded;
                if (s == null) {
                    s = read();
                    loaded = s;
                }
            }
        }
        return s;
    }

    private Sketches read() {
        if (!present()) {
            throw new LoupeException("The feature index of " + index.sae()
                    + " is of an older format without co-activation: build it again with loupe index.");
        }
        int n = index.size();
        int[][] hashes = new int[n][];
        long[] limits = new long[n];
        long[] fired = new long[n];
        int[] at = {0};
        table(IndexTables.SKETCHES).forEach(r -> {
            int i = at[0]++;
            if (i >= n || (Integer) r[0] != i) {
                throw contradiction(i);
            }
            limits[i] = (Long) r[1];
            hashes[i] = (int[]) r[2];
            fired[i] = index.summary(i).fired();
        });
        if (at[0] != n) {
            throw contradiction(at[0]);
        }
        return new Sketches(hashes, limits, fired, index.manifest().tokens());
    }

    private Object[] row(String name, int id) {
        Object[] r = table(name).read(id, 1).getFirst();
        if ((Integer) r[0] != id) {
            throw contradiction(id);
        }
        return r;
    }

    private TableReader table(String name) {
        return Objects.requireNonNull(tables.get(name));
    }

    private LoupeException contradiction(int id) {
        return new LoupeException("The feature index of " + index.sae() + " contradicts itself about feature " + id
                + ": build it again with loupe index.");
    }
}
