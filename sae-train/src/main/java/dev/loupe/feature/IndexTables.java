package dev.loupe.feature;

import dev.loupe.feature.Column.Kind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The tables of an index. All but {@code features} and {@code texts} are sorted by latent. */
final class IndexTables {
    static final String FEATURES = "features";
    static final String HISTOGRAMS = "histograms";
    static final String BANDS = "bands";
    static final String EXAMPLES = "examples";
    static final String LOGITS = "logits";
    static final String NEIGHBOURS = "neighbours";
    static final String LABELS = "labels";
    static final String TOKENS = "tokens";
    static final String TEXTS = "texts";

    /** One row per latent; indexes of format 1.0 lack it. */
    static final String CONTEXTS = "contexts";

    /** One row per band of positions that has tokens; indexes of format 1.0 lack it. */
    static final String POSITIONS = "positions";

    /** One row per latent: moments, and where its rows in later tables lie; lacking before format 1.2. */
    static final String MOMENTS = "moments";

    /** The partners of each latent, counted exactly; lacking before format 1.2. */
    static final String COACTIVE = "coactive";

    /** One row per latent: a sample of the rows on which it fires; lacking before format 1.2. */
    static final String SKETCHES = "sketches";

    /** Everything that rules say about each latent, with scores; lacking before format 1.3. */
    static final String RULES = "rules";

    /** One row per latent: the labels whose own words it picks; lacking before format 1.4. */
    static final String WORDS = "words";

    private static final List<String> LATER = List.of(CONTEXTS, POSITIONS, MOMENTS, COACTIVE, SKETCHES, RULES, WORDS);

    /** Tables with rows per latent, in the order of the {@code rows} list of {@code features}. */
    static final List<String> PER_LATENT = List.of(HISTOGRAMS, BANDS, EXAMPLES, LOGITS, NEIGHBOURS, LABELS, TOKENS);

    private static final Map<String, List<Column>> COLUMNS = new LinkedHashMap<>();

    static {
        COLUMNS.put(
                FEATURES,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("label", Kind.TEXT),
                        Column.of("rule", Kind.TEXT),
                        Column.of("has_score", Kind.BOOL),
                        Column.of("score_train_share", Kind.DOUBLE),
                        Column.of("score_coverage", Kind.DOUBLE),
                        Column.of("score_recall", Kind.DOUBLE),
                        Column.of("score_precision", Kind.DOUBLE), // NaN: no token under the rule
                        Column.of("score_balanced_accuracy", Kind.DOUBLE),
                        Column.of("fired", Kind.LONG),
                        Column.of("held_out_fired", Kind.LONG),
                        Column.of("max", Kind.FLOAT),
                        Column.of("mean", Kind.FLOAT),
                        Column.of("std", Kind.FLOAT),
                        Column.of("top_token", Kind.TEXT),
                        Column.of("top_token_share", Kind.DOUBLE),
                        Column.of("top_label", Kind.TEXT),
                        Column.of("top_label_share", Kind.DOUBLE),
                        Column.of("enc_dec_cosine", Kind.DOUBLE),
                        Column.of("documents", Kind.LONG),
                        // first row of this latent in every table of PER_LATENT, and the row after its last
                        Column.of("rows", Kind.LONGS)));
        COLUMNS.put(
                HISTOGRAMS,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("lower", Kind.DOUBLE),
                        Column.of("upper", Kind.DOUBLE),
                        Column.of("count", Kind.LONG)));
        COLUMNS.put(
                BANDS,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("band", Kind.TEXT),
                        Column.of("from", Kind.DOUBLE),
                        Column.of("to", Kind.DOUBLE),
                        Column.of("low", Kind.FLOAT),
                        Column.of("high", Kind.FLOAT),
                        Column.of("examples", Kind.INT)));
        COLUMNS.put(
                EXAMPLES,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("band", Kind.TEXT),
                        Column.of("document", Kind.INT),
                        Column.of("document_name", Kind.TEXT),
                        Column.of("label", Kind.TEXT),
                        Column.of("held_out", Kind.BOOL),
                        Column.of("sequence", Kind.INT),
                        Column.of("text_row", Kind.INT), // in table texts
                        Column.of("first", Kind.INT), // position of the first token shown
                        Column.of("last", Kind.INT), // position of the last one
                        Column.of("peak", Kind.INT), // position of the strongest one
                        Column.of("max", Kind.FLOAT),
                        Column.of("offsets", Kind.SHORTS), // from the peak, of the tokens it fires on
                        Column.of("values", Kind.FLOATS)));
        COLUMNS.put(
                LOGITS,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("promoted", Kind.BOOL),
                        Column.of("token", Kind.INT),
                        Column.of("text", Kind.TEXT),
                        Column.of("logit", Kind.FLOAT)));
        COLUMNS.put(
                NEIGHBOURS,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("neighbour", Kind.INT),
                        Column.of("cosine", Kind.FLOAT),
                        Column.of("together", Kind.DOUBLE)));
        COLUMNS.put(
                LABELS,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("label", Kind.TEXT),
                        Column.of("tokens", Kind.LONG),
                        Column.of("fired", Kind.LONG),
                        Column.of("held_out_tokens", Kind.LONG),
                        Column.of("held_out_fired", Kind.LONG)));
        COLUMNS.put(
                TOKENS,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("before", Kind.BOOL), // the token before the one it fires on
                        Column.of("token", Kind.INT),
                        Column.of("text", Kind.TEXT),
                        Column.of("fired", Kind.LONG),
                        Column.of("share", Kind.DOUBLE),
                        Column.of("rate", Kind.DOUBLE),
                        Column.of("mean", Kind.FLOAT)));
        COLUMNS.put(
                CONTEXTS,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("token_r2", Kind.DOUBLE), // NaN: unknown
                        Column.of("label_entropy", Kind.DOUBLE), // NaN: unknown
                        Column.of("labels", Kind.INT),
                        Column.of("distinct_tokens", Kind.INT),
                        Column.of("first_positions", Kind.DOUBLE),
                        Column.of("fired_by_position", Kind.LONGS))); // in the bands of table positions
        COLUMNS.put(
                POSITIONS,
                List.of(Column.of("first", Kind.INT), Column.of("last", Kind.INT), Column.of("tokens", Kind.LONG)));
        COLUMNS.put(
                MOMENTS,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("mean", Kind.DOUBLE),
                        Column.of("std", Kind.DOUBLE),
                        Column.of("skewness", Kind.DOUBLE),
                        Column.of("kurtosis", Kind.DOUBLE),
                        Column.of("mean_all", Kind.DOUBLE),
                        Column.of("mean_square_all", Kind.DOUBLE),
                        Column.of("skewness_all", Kind.DOUBLE),
                        Column.of("kurtosis_all", Kind.DOUBLE),
                        // first row of this latent in table coactive and the row after its last; then of table rules
                        Column.of("rows", Kind.LONGS)));
        COLUMNS.put(
                COACTIVE,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("other", Kind.INT),
                        Column.of("together", Kind.LONG), // rows on which both fire
                        Column.of("correlation", Kind.DOUBLE)));
        COLUMNS.put(
                RULES,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("kind", Kind.TEXT),
                        Column.of("text", Kind.TEXT),
                        Column.of("patterns", Kind.TEXTS),
                        // NaN: unknown
                        Column.of("train_coverage", Kind.DOUBLE),
                        Column.of("coverage", Kind.DOUBLE),
                        Column.of("recall", Kind.DOUBLE),
                        Column.of("precision", Kind.DOUBLE),
                        Column.of("balanced_accuracy", Kind.DOUBLE),
                        Column.of("correlation", Kind.DOUBLE),
                        Column.of("claimed", Kind.LONG),
                        Column.of("firings", Kind.LONG)));
        COLUMNS.put(
                SKETCHES,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("limit", Kind.LONG), // 2^32: every row is here
                        Column.of("hashes", Kind.INTS))); // of rows, ascending as unsigned numbers
        COLUMNS.put(
                WORDS,
                List.of(
                        Column.of("feature", Kind.INT),
                        Column.of("selective_labels", Kind.INT),
                        Column.of("labels", Kind.TEXTS),
                        Column.of("fired", Kind.LONGS),
                        Column.of("lifts", Kind.FLOATS),
                        Column.of("words", Kind.TEXTS))); // three for each label, blank where there are fewer
        COLUMNS.put(TEXTS, List.of(Column.of("sequence", Kind.INT), Column.of("tokens", Kind.TEXTS)));
    }

    private IndexTables() {}

    /** Names of all tables. */
    static List<String> names() {
        return List.copyOf(COLUMNS.keySet());
    }

    /** Whether a table came after format 1.0, so that older indexes lack it. */
    static boolean isLater(String table) {
        return LATER.contains(table);
    }

    /** Columns of a table. */
    static List<Column> columns(String table) {
        List<Column> columns = COLUMNS.get(table);
        if (columns == null) {
            throw new IllegalArgumentException("no table " + table);
        }
        return columns;
    }

    /** Rows of a record batch: small where one or a few rows of a large table are read at a time. */
    static int batchRows(String table) {
        return switch (table) {
            case TEXTS -> 16;
            case EXAMPLES -> 256;
            default -> 1024;
        };
    }

    /** Name of a table's file. */
    static String file(String table) {
        return table + ".arrow";
    }
}
