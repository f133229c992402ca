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

    /** The same hit with where it matched; reads all that the index knows about the latent. */
    SearchHit explain(SearchHit hit, String query) {
        FeatureSummary s = hit.summary();
        int id = s.id();
        double score = hit.score();
        List<String> terms = terms(query);
        String whole = SearchTerms.whole(query);
        if (whole.equals(Integer.toString(id))) {
            return new SearchHit(s, "id", score, null);
        }
        if (SearchTerms.whole(s.topToken()).equals(whole)) {
            return new SearchHit(s, "token", score, null);
        }
        if (holds(s.label() + " " + s.topLabel(), terms)) {
            return new SearchHit(s, "label", score, null);
        }
        FeatureDetail detail = index.detail(id);
        Example best = detail.examples().stream()
                .filter(e -> SearchFolder.window(e).toLowerCase(Locale.ROOT).contains(query.toLowerCase(Locale.ROOT)))
                .findFirst()
                .or(() -> detail.examples().stream()
                        .filter(e -> holds(SearchFolder.window(e), terms))
                        .findFirst())
                .orElse(null);
        return new SearchHit(s, where(detail, terms, whole), score, best);
    }

    private static String where(FeatureDetail detail, List<String> terms, String whole) {
        if (detail.tokenRates().stream()
                .anyMatch(t -> SearchTerms.whole(t.text()).equals(whole))) {
            return "token";
        }
        if (detail.labels().stream().anyMatch(c -> holds(c.text() + " " + String.join(" ", c.patterns()), terms))) {
            return "rule";
        }
        return detail.promoted().stream().anyMatch(t -> holds(t.text(), terms)) ? "logit" : "text";
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
