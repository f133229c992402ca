package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureIndexer;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.feature.IndexManifest;
import dev.loupe.feature.IndexOptions;
import dev.loupe.feature.TextActivations;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Features: lists, pages, search, and what they do on a text. */
public final class Features {
    private final Workspace workspace;
    private final Models models;
    private final Stores stores;
    private final Saes saes;
    private final Comparisons comparisons;
    private final Map<String, Opened> open = new ConcurrentHashMap<>();

    private record Opened(FileTime written, FeatureIndex index) {}

    Features(Workspace workspace, Models models, Stores stores, Saes saes, Comparisons comparisons) {
        this.workspace = workspace;
        this.models = models;
        this.stores = stores;
        this.saes = saes;
        this.comparisons = comparisons;
    }

    /** Whether an SAE has an index. */
    static boolean indexed(Workspace workspace, String sae) {
        return Files.isRegularFile(workspace.features().resolve(sae).resolve(IndexManifest.FILE));
    }

    /** The names of all SAEs that have an index. */
    public List<String> indexed() {
        return Workspace.named(workspace.features(), IndexManifest.FILE);
    }

    /** The same without random-model controls: what a search means when it says all SAEs. */
    public List<String> ofTheModels() {
        return indexed().stream().filter(s -> !RandomControl.is(s)).toList();
    }

    /**
     * The index of an SAE, opened once and kept until it is built anew.
     *
     * @throws NotFoundException if there is no such SAE, or it has no index
     */
    public FeatureIndex index(String sae) {
        Path folder = workspace.features().resolve(Names.check(sae));
        Path manifest = folder.resolve(IndexManifest.FILE);
        if (!Files.isRegularFile(manifest)) {
            saes.folder(sae); // says so if there is no such SAE at all
            throw new NotFoundException("The SAE " + sae + " has no feature index yet: run loupe index " + sae + ".");
        }
        FileTime written;
        try {
            written = Files.getLastModifiedTime(manifest);
        } catch (IOException e) {
            throw new LoupeException("The feature index of " + sae + " cannot be read (" + e.getMessage() + ").", e);
        }
        Opened known = open.get(sae);
        if (known == null || !known.written.equals(written)) {
            known = new Opened(written, FeatureIndex.open(folder));
            open.put(sae, known);
        }
        return known.index;
    }

    /** A page of the features of an SAE. */
    public FeaturePage list(String sae, FeatureQuery query) {
        FeatureIndex index = index(sae);
        String text = query.text().strip().toLowerCase(Locale.ROOT);
        SeedStability stability =
                query.seeds().isBlank() && !query.sort().equals("stability") ? null : stability(sae, index);
        List<FeatureSummary> rows = new ArrayList<>();
        float max = 0;
        for (FeatureSummary f : index.all()) {
            max = Math.max(max, f.max());
            boolean wanted = query.passes(f, stability) && (text.isEmpty() || holds(f, text));
            if (wanted) {
                rows.add(f);
            }
        }
        Comparator<FeatureSummary> order = stability != null && query.sort().equals("stability")
                ? Comparator.comparingDouble(f -> stability.score()[f.id()])
                : order(query.sort());
        rows.sort((query.descending() ? order.reversed() : order).thenComparingInt(FeatureSummary::id));
        int from = Math.min(query.offset(), rows.size());
        int to = query.limit() == 0 ? rows.size() : (int) Math.min(rows.size(), (long) from + query.limit());
        return new FeaturePage(
                sae,
                index.size(),
                index.manifest().tokens(),
                rows.size(),
                from,
                max,
                List.copyOf(rows.subList(from, to)));
    }

    /** What the comparisons say, if they are of this very index. */
    @Nullable SeedStability stability(String sae, FeatureIndex index) {
        SeedStability found = comparisons.stability(sae).orElse(null);
        return found != null && found.score().length == index.size() ? found : null;
    }

    /** Everything about one feature. */
    public FeatureDetail detail(String sae, int id) {
        return index(sae).detail(id);
    }

    /**
     * What features do on a text.
     *
     * @param ids the features wanted; empty for the strongest
     * @param limit at most so many of the strongest
     */
    public TextTest test(String sae, String text, List<Integer> ids, int limit) {
        Sae s = saes.open(sae);
        for (int id : ids) {
            if (id < 0 || id >= s.dSae()) {
                throw new NotFoundException(
                        "The SAE " + sae + " has no feature " + id + "; its features are 0 to " + (s.dSae() - 1) + ".");
            }
        }
        TextActivations a = TextActivations.of(s, models.of(s), text, prependBos(s));
        int tokens = a.tokens().size();
        Map<Integer, float[]> values = new HashMap<>();
        ids.forEach(id -> values.put(id, new float[tokens]));
        for (int t = 0; t < tokens; t++) {
            for (TextActivations.Active active : a.active().get(t)) {
                if (ids.isEmpty()) {
                    values.computeIfAbsent(active.id(), i -> new float[tokens]);
                }
                float[] row = values.get(active.id());
                if (row != null) {
                    row[t] = active.value();
                }
            }
        }
        FeatureIndex index = indexed(workspace, sae) ? index(sae) : null;
        List<TextTest.Row> rows = new ArrayList<>();
        values.forEach((id, v) -> rows.add(new TextTest.Row(id, index == null ? null : index.summary(id), max(v), v)));
        rows.sort(Comparator.comparingDouble((TextTest.Row r) -> -r.max()).thenComparingInt(TextTest.Row::id));
        return new TextTest(
                sae, a.tokens(), ids.isEmpty() ? List.copyOf(rows.subList(0, Math.min(limit, rows.size()))) : rows);
    }

    /** Every active feature of an SAE on a text, token by token. */
    public TextActivations activations(String sae, String text) {
        Sae s = saes.open(sae);
        return TextActivations.of(s, models.of(s), text, prependBos(s));
    }

    /** The strongest activation of a latent, from the index; empty without one. */
    public OptionalDouble maxActivation(String sae, int id) {
        return indexed(workspace, sae)
                ? OptionalDouble.of(index(sae).summary(id).max())
                : OptionalDouble.empty();
    }

    /** Whether there is an index of exactly this SAE on exactly the store it was trained on. */
    public boolean isCurrent(String sae) {
        try (ActivationStore store = stores.open(saes.store(sae))) {
            return FeatureIndexer.isCurrent(saes.open(sae), store, IndexOptions.standard(), workspace.features());
        }
    }

    /** Builds the index of an SAE on the store it was trained on. */
    public IndexManifest build(String sae, Progress progress) {
        return build(sae, null, progress);
    }

    /**
     * Builds the index of an SAE in one pass over a store; one that is there already and fits is kept.
     *
     * @param chosen the store; null for the one it was trained on
     */
    public IndexManifest build(String sae, @Nullable String chosen, Progress progress) {
        Sae s = saes.open(sae);
        try (ActivationStore store = stores.open(chosen == null ? saes.store(sae) : chosen)) {
            IndexOptions options = IndexOptions.standard();
            Path folder = workspace.features();
            if (FeatureIndexer.isCurrent(s, store, options, folder)) {
                progress.message("The feature index of " + sae + " is there already; nothing to do.");
            } else {
                FeatureIndexer.build(s, store, models.of(s), options, folder, progress);
            }
        }
        return index(sae).manifest();
    }

    /** Whether BOS goes in front of texts for an SAE, as in the store it was trained on. */
    boolean prependBos(Sae s) {
        Boolean own = s.needs().prependBos();
        if (own != null) {
            return own;
        }
        String store = s.provenance().store();
        if (store == null) {
            return true;
        }
        try {
            return stores.get(store).prependBos();
        } catch (NotFoundException e) {
            return true; // the store is gone; BOS is the default of a capture
        }
    }

    private static boolean holds(FeatureSummary f, String text) {
        return Integer.toString(f.id()).equals(text)
                || f.label().toLowerCase(Locale.ROOT).contains(text)
                || f.topToken().toLowerCase(Locale.ROOT).contains(text)
                || f.topLabel().toLowerCase(Locale.ROOT).equals(text);
    }

    private static float max(float[] values) {
        float max = 0;
        for (float v : values) {
            max = Math.max(max, v);
        }
        return max;
    }

    private static Comparator<FeatureSummary> order(String sort) {
        return switch (sort) {
            case "label" -> Comparator.comparing(FeatureSummary::label);
            case "label_score" -> Comparator.comparingDouble(f -> f.labelScore() == null ? -1 : f.labelScore());
            case "density" -> Comparator.comparingDouble(FeatureSummary::density);
            case "held_out_density" -> Comparator.comparingDouble(FeatureSummary::heldOutDensity);
            case "max" -> Comparator.comparingDouble(FeatureSummary::max);
            case "mean" -> Comparator.comparingDouble(FeatureSummary::mean);
            case "top_token" -> Comparator.comparing(FeatureSummary::topToken);
            case "top_token_share" -> Comparator.comparingDouble(FeatureSummary::topTokenShare);
            case "top_label" -> Comparator.comparing(FeatureSummary::topLabel);
            case "top_label_share" -> Comparator.comparingDouble(FeatureSummary::topLabelShare);
            case "token_r2" -> Comparator.comparingDouble(f -> orLeast(f.tokenR2()));
            case "label_entropy" -> Comparator.comparingDouble(f -> orLeast(f.labelEntropy()));
            case "distinct_tokens" -> Comparator.comparingInt(FeatureSummary::distinctTokens);
            case "contextual" -> Comparator.comparingDouble(FeatureSummary::contextual);
            case "enc_dec_cosine" -> Comparator.comparingDouble(FeatureSummary::encDecCosine);
            default -> Comparator.comparingInt(FeatureSummary::id);
        };
    }

    private static double orLeast(@Nullable Double value) {
        return value == null ? Double.NEGATIVE_INFINITY : value;
    }
}
