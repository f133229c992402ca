package dev.loupe.feature;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import org.apache.lucene.document.Document;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause.Occur;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.BoostQuery;
import org.apache.lucene.search.DisjunctionMaxQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.PhraseQuery;
import org.apache.lucene.search.PrefixQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TermQuery;
import org.jspecify.annotations.Nullable;

/**
 * Search in one index: numbers, labels, tokens, rules, promoted tokens and the surroundings of the strongest examples. All
 * words must be found, the last one may be the beginning of a word. Offline; a few milliseconds.
 */
final class IndexSearch {
    private static final int LONGEST = 20;

    /** Where words are looked for, and what a match there is worth. */
    private static final Map<String, Float> FIELDS = new LinkedHashMap<>();

    static {
        FIELDS.put(SearchFolder.LABEL, 6f);
        FIELDS.put(SearchFolder.TOKEN, 4f);
        FIELDS.put(SearchFolder.RULES, 3f);
        FIELDS.put(SearchFolder.LOGITS, 2f);
        FIELDS.put(SearchFolder.TEXT, 1f);
    }

    private final FeatureIndex index;
    private final Path folder;
    private volatile @Nullable IndexSearcher opened;

    IndexSearch(FeatureIndex index, Path folder) {
        this.index = index;
        this.folder = folder;
    }

    /** What matches, best first, not yet said where. */
    List<SearchHit> rank(String query, int limit, Predicate<FeatureSummary> may) {
        if (query.isBlank() || limit < 1) {
            return List.of();
        }
        IndexSearcher searcher = searcher();
        try {
            Query wanted = query(query, terms(query));
            int first = 4 * Math.min(limit, index.size());
            ScoreDoc[] found = searcher.search(wanted, Math.max(1, first)).scoreDocs;
            List<SearchHit> hits = passing(searcher, found, limit, may);
            if (hits.size() < limit && found.length == first) { // the filter took many: look at all that match
                found = searcher.search(wanted, Math.max(first, index.size())).scoreDocs;
                hits = passing(searcher, found, limit, may);
            }
            return hits;
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private static List<String> terms(String query) {
        List<String> terms = SearchTerms.of(query);
        return terms.size() > LONGEST ? terms.subList(0, LONGEST) : terms;
    }

    /** The best of what was found that may be. */
    private List<SearchHit> passing(IndexSearcher searcher, ScoreDoc[] found, int limit, Predicate<FeatureSummary> may)
            throws IOException {
        List<SearchHit> hits = new ArrayList<>();
        for (int i = 0; i < found.length && hits.size() < limit; i++) {
            Number id = searcher.storedFields()
                    .document(found[i].doc)
                    .getField(SearchFolder.ID)
                    .numericValue();
            FeatureSummary summary = index.summary(id.intValue());
            if (may.test(summary)) {
                hits.add(new SearchHit(summary, "", found[i].score, null));
            }
        }
        return List.copyOf(hits);
    }

    private static Query query(String text, List<String> terms) {
        BooleanQuery.Builder words = new BooleanQuery.Builder();
        for (int t = 0; t < terms.size(); t++) {
            List<Query> places = new ArrayList<>();
            for (Map.Entry<String, Float> field : FIELDS.entrySet()) {
                Term term = new Term(field.getKey(), terms.get(t));
                places.add(new BoostQuery(new TermQuery(term), field.getValue()));
                if (t == terms.size() - 1 && terms.get(t).length() > 1) {
                    places.add(new BoostQuery(new PrefixQuery(term), field.getValue() / 4));
                }
            }
            words.add(new DisjunctionMaxQuery(places, 0.1f), Occur.MUST);
        }
        BooleanQuery.Builder all = new BooleanQuery.Builder();
        String whole = SearchTerms.whole(text);
        all.add(new BoostQuery(new TermQuery(new Term(SearchFolder.NUMBER, whole)), 100), Occur.SHOULD);
        all.add(new BoostQuery(new TermQuery(new Term(SearchFolder.WHOLE, whole)), 8), Occur.SHOULD);
        if (!terms.isEmpty()) {
            all.add(words.build(), Occur.SHOULD);
        }
        if (terms.size() > 1) {
            for (Map.Entry<String, Float> field : FIELDS.entrySet()) {
                Query phrase = new PhraseQuery(field.getKey(), terms.toArray(String[]::new));
                all.add(new BoostQuery(phrase, 2 * field.getValue()), Occur.SHOULD);
            }
        }
        return all.build();
    }

    /**
     * The same hits with where each matched, and its example with the words. What is compared lies in the search index; of
     * the tables only the examples that are shown are read, all in one go.
     */
    List<SearchHit> explain(List<SearchHit> hits, String query) {
        List<String> terms = terms(query);
        String whole = SearchTerms.whole(query);
        Map<Integer, Integer> shown = new LinkedHashMap<>(); // the hit's latent and the example of it
        List<SearchHit> all = new ArrayList<>();
        try {
            IndexSearcher searcher = searcher();
            for (SearchHit hit : hits) {
                FeatureSummary s = hit.summary();
                String where = early(s, terms, whole);
                if (where == null) {
                    Kept kept = kept(searcher, s.id());
                    where = kept.where(terms, whole);
                    int e = kept.window(query, terms);
                    if (e >= 0) {
                        shown.put(s.id(), e);
                    }
                }
                all.add(new SearchHit(s, where, hit.score(), null));
            }
        } catch (IOException e) {
            throw failed(e);
        }
        Map<Integer, Example> examples = index.strongest(shown);
        all.replaceAll(h -> new SearchHit(
                h.summary(), h.where(), h.score(), examples.get(h.summary().id())));
        return List.copyOf(all);
    }

    /** Where a latent matched, if its summary says so already. */
    private static @Nullable String early(FeatureSummary s, List<String> terms, String whole) {
        if (whole.equals(Integer.toString(s.id()))) {
            return "id";
        }
        if (SearchTerms.whole(s.topToken()).equals(whole)) {
            return "token";
        }
        return holds(s.label() + " " + s.topLabel(), terms) ? "label" : null;
    }

    /** What the search index keeps of a latent; of one that was written before it kept anything, what the tables say. */
    private Kept kept(IndexSearcher searcher, int id) throws IOException {
        ScoreDoc[] found =
                searcher.search(new TermQuery(new Term(SearchFolder.NUMBER, Integer.toString(id))), 1).scoreDocs;
        Document d =
                found.length == 0 ? new Document() : searcher.storedFields().document(found[0].doc);
        if (d.getField(SearchFolder.TEXT) == null) {
            d = SearchFolder.document(index.detail(id));
        }
        return new Kept(
                List.of(d.getValues(SearchFolder.WHOLE)),
                List.of(d.getValues(SearchFolder.RULES)),
                List.of(d.getValues(SearchFolder.LOGITS)),
                List.of(d.getValues(SearchFolder.TEXT)));
    }

    /** What a latent is found by, beside its summary. */
    private record Kept(List<String> tokens, List<String> rules, List<String> logits, List<String> windows) {
        String where(List<String> terms, String whole) {
            if (tokens.contains(SearchFolder.cut(whole))) {
                return "token";
            }
            if (rules.stream().anyMatch(r -> holds(r, terms))) {
                return "rule";
            }
            return logits.stream().anyMatch(t -> holds(t, terms)) ? "logit" : "text";
        }

        /** The first example that holds the query as it is, or else all its words; -1 for none. */
        int window(String query, List<String> terms) {
            String low = query.toLowerCase(Locale.ROOT);
            int found = -1;
            for (int e = 0; e < windows.size(); e++) {
                if (windows.get(e).toLowerCase(Locale.ROOT).contains(low)) {
                    return e;
                }
                found = found < 0 && holds(windows.get(e), terms) ? e : found;
            }
            return found;
        }
    }

    private static boolean holds(String text, List<String> terms) {
        List<String> there = SearchTerms.of(text);
        for (int t = 0; t < terms.size(); t++) {
            String term = terms.get(t);
            boolean last = t == terms.size() - 1;
            if (there.stream().noneMatch(w -> w.equals(term) || last && w.startsWith(term))) {
                return false;
            }
        }
        return !terms.isEmpty();
    }

    private IndexSearcher searcher() {
        IndexSearcher s = opened;
        if (s == null) {
            synchronized (this) {
                s = opened;
                if (s == null) {
                    try {
                        s = new IndexSearcher(DirectoryReader.open(SearchFolder.open(folder, index)));
                    } catch (IOException e) {
                        throw failed(e);
                    }
                    opened = s;
                }
            }
        }
        return s;
    }

    private LoupeException failed(IOException e) {
        return new LoupeException(
                "The search index of " + index.sae() + " is damaged (" + e.getMessage()
                        + "): build the feature index again with loupe index.",
                e);
    }
}
