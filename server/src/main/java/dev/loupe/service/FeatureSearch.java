package dev.loupe.service;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.feature.Coactive;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.feature.SearchHit;
import dev.loupe.feature.TextActivations;
import dev.loupe.math.VectorOps;
import dev.loupe.sae.Sae;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Ways to find features: words, a regular expression on tokens, likeness to a latent, a text that they fire on. */
public final class FeatureSearch {
    /** Words, or a regular expression. */
    public enum By {
        /** Words of labels, tokens, rules, promoted tokens, examples and explanations. */
        WORDS,
        /** A regular expression on the tokens that carry most of a latent's activation. */
        REGEX
    }

    private static final String SAID = "explanation";

    /** About what a word in a label counts. */
    private static final double SAID_SCORE = 6;

    private final Workspace workspace;
    private final Saes saes;
    private final Models models;
    private final Features features;
    private final Notes notes;

    FeatureSearch(Workspace workspace, Saes saes, Models models, Features features, Notes notes) {
        this.workspace = workspace;
        this.saes = saes;
        this.models = models;
        this.features = features;
        this.notes = notes;
    }

    /**
     * Searches.
     *
     * @param sae the SAE to look in; null for all that have an index, random-model controls left out
     * @param filter which features may be found; its order, text and page do not matter
     * @param limit at most so many
     */
    public List<FeatureHit> find(String query, By by, @Nullable String sae, FeatureQuery filter, int limit) {
        if (query.isBlank()) {
            throw new UsageException("The search is empty; type a word, a token or a number.");
        }
        if (limit < 1) {
            throw new UsageException("The limit of a search must be at least 1; it is " + limit + ".");
        }
        List<FeatureHit> hits = new ArrayList<>();
        for (String name : sae == null ? features.ofTheModels() : List.of(sae)) {
            FeatureIndex index = features.index(name);
            SeedStability stability = filter.seeds().isBlank() ? null : features.stability(name, index);
            Predicate<FeatureSummary> may = f -> filter.passes(f, stability);
            List<SearchHit> found = by == By.REGEX
                    ? index.searchTokens(query, index.size()).stream()
                            .filter(h -> may.test(h.summary()))
                            .limit(limit)
                            .toList()
                    : index.ranked(query, limit, may);
            found.forEach(h -> hits.add(new FeatureHit(name, h)));
            if (by == By.WORDS) {
                hits.addAll(said(query, name, index, found, may));
            }
        }
        hits.sort(Comparator.comparingDouble((FeatureHit h) -> -h.hit().score()));
        List<FeatureHit> best = List.copyOf(hits.subList(0, Math.min(limit, hits.size())));
        return by == By.REGEX ? best : explained(best, query);
    }

    /** Features that language models or other programs explain with all words of a query, and that nothing else found. */
    private List<FeatureHit> said(
            String query, String sae, FeatureIndex index, List<SearchHit> found, Predicate<FeatureSummary> may) {
        List<String> words = Arrays.stream(query.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}]+"))
                .filter(w -> !w.isEmpty())
                .toList();
        Set<Integer> known = found.stream().map(h -> h.summary().id()).collect(Collectors.toCollection(HashSet::new));
        List<FeatureHit> more = new ArrayList<>();
        for (Explanation e : words.isEmpty() ? List.<Explanation>of() : notes.explanations(sae)) {
            String text = e.text().toLowerCase(Locale.ROOT);
            if (e.feature() < index.size() && words.stream().allMatch(text::contains)) {
                FeatureSummary f = index.summary(e.feature());
                if (may.test(f) && known.add(f.id())) {
                    more.add(new FeatureHit(sae, new SearchHit(f, SAID, SAID_SCORE, null)));
                }
            }
        }
        return more;
    }

    /** Only the hits that are shown are looked at for where they matched: those of one SAE together. */
    private List<FeatureHit> explained(List<FeatureHit> best, String query) {
        Map<String, Iterator<SearchHit>> bySae = new HashMap<>();
        best.stream()
                .filter(h -> !h.hit().where().equals(SAID))
                .collect(Collectors.groupingBy(
                        FeatureHit::sae, Collectors.mapping(FeatureHit::hit, Collectors.toList())))
                .forEach((sae, hits) -> bySae.put(
                        sae, features.index(sae).explained(hits, query).iterator()));
        return best.stream()
                .map(h -> h.hit().where().equals(SAID)
                        ? h
                        : new FeatureHit(
                                h.sae(),
                                Objects.requireNonNull(bySae.get(h.sae())).next()))
                .toList();
    }

    /**
     * The latents of an SAE whose decoder rows are nearest to one's, nearest first, with how often both fire.
     *
     * @param other the SAE to look in; perhaps the same
     */
    public List<CrossNeighbour> neighbours(String sae, int id, String other, int limit) {
        Sae a = saes.open(sae);
        check(a, id);
        Sae b = saes.open(other);
        if (a.dOut() != b.dOut()) {
            throw new UsageException("The decoder rows of " + sae + " have " + a.dOut() + " values, those of " + other
                    + " " + b.dOut() + ": they cannot be compared.");
        }
        float[] row = a.decoderRows().row(id);
        double norm = Math.sqrt(
                VectorOps.sumSquares(a.decoderRows().segment(), a.decoderRows().offset(id), a.dOut()));
        double[] cosines = new double[b.dSae()];
        for (int j = 0; j < cosines.length; j++) {
            long at = b.decoderRows().offset(j);
            double dot = VectorOps.dot(row, 0, b.decoderRows().segment(), at, a.dOut());
            double other2 = VectorOps.sumSquares(b.decoderRows().segment(), at, a.dOut());
            cosines[j] = norm * other2 > 0 ? dot / (norm * Math.sqrt(other2)) : 0;
        }
        FeatureIndex mine = Features.indexed(workspace, sae) ? features.index(sae) : null;
        FeatureIndex theirs = Features.indexed(workspace, other) ? features.index(other) : null;
        boolean together = mine != null && theirs != null && mine.sharesTokensWith(theirs);
        return IntStream.range(0, cosines.length)
                .filter(j -> !sae.equals(other) || j != id)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer j) -> -cosines[j]).thenComparingInt(j -> j))
                .limit(Math.clamp(limit, 1, 1000))
                .map(j -> new CrossNeighbour(
                        other,
                        j,
                        theirs == null ? "" : theirs.summary(j).label(),
                        cosines[j],
                        together && mine != null && theirs != null ? mine.together(id, theirs, j) : null))
                .toList();
    }

    /**
     * How often a latent fires together with every latent of an SAE over the same store, most correlated first.
     *
     * @param other perhaps the same SAE
     */
    public List<Coactive> coactivation(String sae, int id, String other, int offset, int limit) {
        List<Coactive> all = features.index(sae).coactivation(id, features.index(other));
        int from = Math.clamp(offset, 0, all.size());
        return all.subList(from, (int) Math.min(all.size(), (long) from + Math.max(0, limit)));
    }

    /**
     * Which features fire on a text.
     *
     * @param positions features are ordered by the sum over these; empty for their strongest activation anywhere
     * @param filter which features count, before the strongest are chosen
     * @param perToken features named per token
     * @param limit features over the whole text
     */
    public TextFeatures onText(
            String sae, String text, List<Integer> positions, FeatureQuery filter, int perToken, int limit) {
        Features.requireLimit(limit);
        Sae s = saes.open(sae);
        TextActivations a = TextActivations.of(s, models.of(s), text, features.prependBos(s));
        int tokens = a.tokens().size();
        for (int p : positions) {
            if (p < 0 || p >= tokens) {
                throw new UsageException(
                        "There is no position " + p + ": the text has the positions 0 to " + (tokens - 1) + ".");
            }
        }
        FeatureIndex index = Features.indexed(workspace, sae) ? features.index(sae) : null;
        SeedStability stability = index == null || filter.seeds().isBlank() ? null : features.stability(sae, index);
        Map<Integer, float[]> values = new HashMap<>();
        List<List<TextFeatures.OnToken>> each = new ArrayList<>();
        for (int t = 0; t < tokens; t++) {
            List<TextFeatures.OnToken> here = new ArrayList<>();
            for (TextActivations.Active active : a.active().get(t)) {
                FeatureSummary f = index == null ? null : index.summary(active.id());
                if (f != null && !filter.passes(f, stability)) {
                    continue;
                }
                values.computeIfAbsent(active.id(), i -> new float[tokens])[t] = active.value();
                if (here.size() < perToken) {
                    here.add(new TextFeatures.OnToken(active.id(), f == null ? "" : f.label(), active.value()));
                }
            }
            each.add(List.copyOf(here));
        }
        List<TextFeatures.Row> rows = new ArrayList<>();
        values.forEach((id, v) -> rows.add(row(id, v, positions, index)));
        Comparator<TextFeatures.Row> order = positions.isEmpty()
                ? Comparator.comparingDouble(r -> -r.max())
                : Comparator.comparingDouble(r -> -r.sum());
        rows.sort(order.thenComparingInt(TextFeatures.Row::id));
        rows.removeIf(r -> r.sum() == 0);
        return new TextFeatures(
                sae,
                a.tokens(),
                a.cutTokens(),
                a.cutText(),
                each,
                positions,
                List.copyOf(rows.subList(0, Math.min(limit, rows.size()))));
    }

    private static TextFeatures.Row row(int id, float[] v, List<Integer> positions, @Nullable FeatureIndex index) {
        double sum = 0;
        int peak = 0;
        for (int t = 0; t < v.length; t++) {
            sum += positions.isEmpty() ? v[t] : 0;
            peak = v[t] > v[peak] ? t : peak;
        }
        for (int p : positions) {
            sum += v[p];
        }
        return new TextFeatures.Row(id, index == null ? null : index.summary(id), sum, v[peak], peak, v);
    }

    private static void check(Sae s, int id) {
        if (id < 0 || id >= s.dSae()) {
            throw new NotFoundException("The SAE " + s.name() + " has no feature " + id + "; its features are 0 to "
                    + (s.dSae() - 1) + ".");
        }
    }
}
