package dev.loupe.feature;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The feature index of one SAE, read from its folder. Summaries of all latents are in memory, details are read when
 * asked for. Safe to use from several threads.
 */
public final class FeatureIndex {
    private final IndexManifest manifest;
    private final Map<String, TableReader> tables = new LinkedHashMap<>();
    private final List<FeatureSummary> summaries = new ArrayList<>();
    private final List<@Nullable LabelScore> scores = new ArrayList<>();
    private final List<FeatureContext> contexts = new ArrayList<>(); // empty in format 1.0
    private final List<Object[]> bands = new ArrayList<>(); // of positions
    private final List<long[]> firedByPosition = new ArrayList<>();
    private final int[] selective; // empty before format 1.4
    private final long[] documents;
    private float strongest;
    private final long[][] rows; // by latent: from, to for each table of PER_LATENT
    private final IndexSearch search;
    private final TokenSearch tokenSearch;
    private final PairTables pairs;
    private final DetailReader details;

    private FeatureIndex(Path folder, IndexManifest manifest) {
        this.manifest = manifest;
        for (String table : IndexTables.names()) {
            IndexManifest.TableFile file = manifest.files().get(IndexTables.file(table));
            if (file == null && IndexTables.isLater(table)) {
                continue;
            }
            if (file == null) {
                throw damaged(folder, "its manifest lacks the table " + table);
            }
            tables.put(
                    table, new TableReader(folder.resolve(IndexTables.file(table)), IndexTables.columns(table), file));
        }
        int n = manifest.dSae();
        this.pairs = new PairTables(this, tables);
        this.details = new DetailReader(this, pairs, new ExampleTexts(manifest.sae(), table(IndexTables.TEXTS)));
        this.documents = new long[n];
        this.rows = new long[n][];
        if (table(IndexTables.FEATURES).rows() != n) {
            throw damaged(folder, "it has " + table(IndexTables.FEATURES).rows() + " latents, not " + n);
        }
        readContexts(folder);
        this.selective = readSelective(folder);
        table(IndexTables.FEATURES).forEach(row -> take(row, folder));
        this.search = new IndexSearch(this, folder);
        this.tokenSearch = new TokenSearch(this, table(IndexTables.TOKENS));
    }

    /**
     * Opens an index folder.
     *
     * @throws NotFoundException if there is none
     * @throws LoupeException if it is damaged or of a newer major format
     */
    public static FeatureIndex open(Path folder) {
        Path file = folder.resolve(IndexManifest.FILE);
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("There is no feature index in " + folder + ": run loupe index "
                    + folder.toAbsolutePath().normalize().getFileName() + ".");
        }
        IndexManifest manifest = IndexManifest.read(folder);
        if (manifest.sae() == null || manifest.files() == null || manifest.options() == null || manifest.dSae() < 1) {
            throw damaged(folder, "its manifest lacks fields");
        }
        return new FeatureIndex(folder, manifest);
    }

    /** What {@code index.json} says. */
    public IndexManifest manifest() {
        return manifest;
    }

    /** Name of the SAE. */
    public String sae() {
        return manifest.sae();
    }

    /** Number of latents. */
    public int size() {
        return manifest.dSae();
    }

    /**
     * What lists show about a latent; in memory.
     *
     * @throws NotFoundException if there is no latent of that number
     */
    public FeatureSummary summary(int id) {
        if (id < 0 || id >= size()) {
            throw new NotFoundException(
                    "The SAE " + sae() + " has no feature " + id + ": its features are 0 to " + (size() - 1) + ".");
        }
        return summaries.get(id);
    }

    /** All summaries, by latent. */
    public List<FeatureSummary> all() {
        return java.util.Collections.unmodifiableList(summaries);
    }

    /**
     * Everything about a latent; a few small reads.
     *
     * @throws NotFoundException if there is no latent of that number
     */
    public FeatureDetail detail(int id) {
        return details.of(id);
    }

    /**
     * How often a latent fires together with every latent of an index over the same store, most correlated first. Counted
     * exactly where {@link Coactive#exact()}, else estimated from samples of their rows, with the standard error.
     *
     * @param other perhaps this index
     * @throws LoupeException if the two are of different stores, or one is too old to know
     */
    public List<Coactive> coactivation(int id, FeatureIndex other) {
        summary(id);
        requireSameStore(other);
        return pairs.all(id, other);
    }

    /** How often a latent fires together with one of an index over the same store; see {@link #coactivation}. */
    public Coactive together(int id, FeatureIndex other, int otherId) {
        summary(id);
        other.summary(otherId);
        requireSameStore(other);
        return pairs.estimate(id, other, otherId);
    }

    /** Whether two indexes looked at the same tokens, and both know which latents fire together. */
    public boolean sharesTokensWith(FeatureIndex other) {
        return manifest.storeFingerprint().equals(other.manifest.storeFingerprint())
                && pairs.present()
                && other.pairs.present();
    }

    private void requireSameStore(FeatureIndex other) {
        if (!manifest.storeFingerprint().equals(other.manifest.storeFingerprint())) {
            throw new LoupeException("The indexes of " + sae() + " and " + other.sae()
                    + " looked at different activation stores (" + manifest.store() + " and " + other.manifest.store()
                    + "), so nothing is known about firing together.");
        }
    }

    /** The strongest activation of any latent. */
    public float strongest() {
        return strongest;
    }

    @Nullable LabelScore score(int id) {
        return scores.get(id);
    }

    /** How many documents a latent fires in. */
    long documents(int id) {
        return documents[id];
    }

    List<PositionRate> positions(int id) {
        if (contexts.isEmpty()) {
            return List.of();
        }
        long[] fired = firedByPosition.get(id);
        List<PositionRate> positions = new ArrayList<>();
        for (int b = 0; b < fired.length; b++) {
            Object[] band = bands.get(b);
            positions.add(new PositionRate((Integer) band[0], (Integer) band[1], (Long) band[2], fired[b]));
        }
        return List.copyOf(positions);
    }

    PairTables pairs() {
        return pairs;
    }

    /**
     * Latents whose number, label, tokens, rules, promoted tokens or example texts hold all words of a query, best first;
     * case does not matter.
     *
     * @param query any text
     * @param limit most hits
     */
    public List<SearchHit> search(String query, int limit) {
        return explained(ranked(query, limit, f -> true), query);
    }

    /**
     * The same among some latents only, without where each matched: that is worth its reading only for those shown.
     *
     * @param may whether a latent may be found; the others take no place
     */
    public List<SearchHit> ranked(String query, int limit, Predicate<FeatureSummary> may) {
        return search.rank(query, limit, may);
    }

    /** Hits of {@link #ranked} with where each matched and an example with the words. */
    public List<SearchHit> explained(List<SearchHit> hits, String query) {
        return search.explain(hits, query);
    }

    /** Of some latents the example of a number, the strongest being 0; all are read in one pass over their tables. */
    Map<Integer, Example> strongest(Map<Integer, Integer> wanted) {
        return details.strongest(wanted);
    }

    /** The row of a latent's first example, the strongest one. */
    long firstExample(int id) {
        return rows[id][2 * IndexTables.PER_LATENT.indexOf(IndexTables.EXAMPLES)];
    }

    /**
     * Latents with a token among those that carry most of their activation that a regular expression finds something in;
     * those with most activation on such tokens first.
     *
     * @throws dev.loupe.base.UsageException if this is no regular expression, or one that takes too long
     */
    public List<SearchHit> searchTokens(String expression, int limit) {
        return tokenSearch.find(expression, limit);
    }

    private void take(Object[] r, Path folder) {
        int id = summaries.size();
        long[] places = (long[]) r[20];
        if ((Integer) r[0] != id || places.length != 2 * IndexTables.PER_LATENT.size()) {
            throw damaged(folder, "row " + id + " of its features is not latent " + id);
        }
        long fired = (Long) r[9];
        long heldOutFired = (Long) r[10];
        LabelScore score = null;
        if ((Boolean) r[3]) {
            double precision = (Double) r[7];
            score = new LabelScore(
                    (Double) r[4],
                    (Double) r[5],
                    (Double) r[6],
                    Double.isNaN(precision) ? null : precision,
                    (Double) r[8],
                    heldOutFired,
                    manifest.heldOutTokens());
        }
        FeatureContext context = contexts.isEmpty() ? FeatureContext.UNKNOWN : contexts.get(id);
        summaries.add(new FeatureSummary(
                id,
                (String) r[1],
                rule((String) r[2], folder),
                score == null ? null : score.balancedAccuracy(),
                fired,
                rate(fired, manifest.tokens()),
                rate(heldOutFired, manifest.heldOutTokens()),
                (Float) r[11],
                (Float) r[12],
                (Float) r[13],
                (String) r[14],
                (Double) r[15],
                ((String) r[16]).intern(),
                (Double) r[17],
                fired == 0,
                heldOutFired == 0,
                (Double) r[18],
                context.tokenR2(),
                context.labelEntropy(),
                context.labels(),
                context.distinctTokens(),
                selective.length == 0 ? null : Integer.valueOf(selective[id]),
                context.firstPositions()));
        scores.add(score);
        strongest = Math.max(strongest, (Float) r[11]);
        documents[id] = (Long) r[19];
        rows[id] = places;
    }

    private void readContexts(Path folder) {
        if (!tables.containsKey(IndexTables.CONTEXTS) || !tables.containsKey(IndexTables.POSITIONS)) {
            return;
        }
        table(IndexTables.POSITIONS).forEach(bands::add);
        table(IndexTables.CONTEXTS).forEach(r -> {
            long[] fired = (long[]) r[6];
            if ((Integer) r[0] != contexts.size() || (fired.length != 0 && fired.length != bands.size())) {
                throw damaged(folder, "row " + contexts.size() + " of its contexts is not that latent's");
            }
            firedByPosition.add(fired);
            contexts.add(new FeatureContext(
                    known((Double) r[1]),
                    known((Double) r[2]),
                    (Integer) r[3],
                    (Integer) r[4],
                    (Double) r[5],
                    List.of())); // positions are put together when a page shows them
        });
        if (contexts.size() != size()) {
            throw damaged(folder, "it has " + contexts.size() + " contexts for " + size() + " latents");
        }
    }

    private int[] readSelective(Path folder) {
        if (!tables.containsKey(IndexTables.WORDS)) {
            return new int[0];
        }
        int[] counts = new int[size()];
        if (table(IndexTables.WORDS).rows() != counts.length) {
            throw damaged(folder, "it has words of " + table(IndexTables.WORDS).rows() + " latents");
        }
        table(IndexTables.WORDS).forEach(WordsTable.COUNT_COLUMNS, r -> counts[(Integer) r[0]] = WordsTable.count(r));
        return counts;
    }

    /** The labels whose own words a latent picks. */
    List<LabelWords> words(int id) {
        return selective.length == 0 || selective[id] == 0
                ? List.of()
                : WordsTable.read(table(IndexTables.WORDS).read(id, 1).getFirst());
    }

    private static @Nullable Double known(double value) {
        return Double.isNaN(value) ? null : value;
    }

    private static LabelRule rule(String name, Path folder) {
        try {
            return LabelRule.valueOf(name);
        } catch (IllegalArgumentException e) {
            throw damaged(folder, "it has the label rule " + name);
        }
    }

    /** Rows of table examples, whose numbers ascend. */
    List<Object[]> examples(long[] chosen) {
        return table(IndexTables.EXAMPLES).read(chosen);
    }

    List<Object[]> rowsOf(String name, int id) {
        int t = IndexTables.PER_LATENT.indexOf(name);
        long from = rows[id][2 * t];
        List<Object[]> result = table(name).read(from, Math.toIntExact(rows[id][2 * t + 1] - from));
        for (Object[] r : result) {
            if ((Integer) r[0] != id) {
                throw new LoupeException("The feature index of " + sae() + " contradicts itself about feature " + id
                        + ": build it again with loupe index.");
            }
        }
        return result;
    }

    private TableReader table(String name) {
        return Objects.requireNonNull(tables.get(name));
    }

    static double rate(long hits, long all) {
        return all == 0 ? 0 : (double) hits / all;
    }

    private static LoupeException damaged(Path folder, String why) {
        return new LoupeException(
                "The feature index " + folder + " is damaged (" + why + "): build it again with loupe index.");
    }
}
