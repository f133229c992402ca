package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.TaskExecutor;
import dev.loupe.base.UsageException;
import dev.loupe.capture.TextRows;
import dev.loupe.cluster.Executors;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureIndexer;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.feature.IndexManifest;
import dev.loupe.feature.IndexOptions;
import dev.loupe.feature.TextActivations;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.RowReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
    private final IndexTexts texts;
    private final FeatureOrders orders = new FeatureOrders();
    private final StaleIndexes stale;
    private final Map<String, Opened> open = new ConcurrentHashMap<>();

    private record Opened(FileTime written, FeatureIndex index) {}

    private final Executors executors;

    Features(
            Workspace workspace,
            Models models,
            Stores stores,
            Saes saes,
            Comparisons comparisons,
            Executors executors) {
        this.workspace = workspace;
        this.texts = new IndexTexts(workspace);
        this.stale = new StaleIndexes(workspace, saes);
        this.models = models;
        this.stores = stores;
        this.saes = saes;
        this.comparisons = comparisons;
        this.executors = executors;
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
        SeedStability stability =
                query.seeds().isBlank() && !query.sort().equals("stability") ? null : stability(sae, index);
        int[] ids = orders.of(index, query, stability);
        int from = Math.min(query.offset(), ids.length);
        int to = query.limit() == 0 ? ids.length : (int) Math.min(ids.length, (long) from + query.limit());
        return new FeaturePage(
                sae,
                index.size(),
                index.manifest().tokens(),
                ids.length,
                from,
                index.strongest(),
                Arrays.stream(ids, from, to).mapToObj(index::summary).toList(),
                stale.warning(sae, index).orElse(null));
    }

    /** What to tell people if the index of an SAE was made of other weights than it has now. */
    public Optional<String> warning(String sae) {
        return stale.warning(sae, index(sae));
    }

    /** The document labels that some feature fires on most, sorted. */
    public List<String> topLabels(String sae) {
        return index(sae).all().stream()
                .map(FeatureSummary::topLabel)
                .filter(l -> !l.isEmpty())
                .distinct()
                .sorted()
                .toList();
    }

    /** What the comparisons say, if they are of this very index. */
    @Nullable SeedStability stability(String sae, FeatureIndex index) {
        SeedStability found = comparisons.stability(sae).orElse(null);
        return found != null && found.score().length == index.size() ? found : null;
    }

    /** Lists of the strongest have a first. */
    static void requireLimit(int limit) {
        if (limit < 1) {
            throw new UsageException("limit must be 1 or more, not " + limit + ".");
        }
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
        requireLimit(limit);
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
                sae,
                a.tokens(),
                a.cutTokens(),
                a.cutText(),
                ids.isEmpty() ? List.copyOf(rows.subList(0, Math.min(limit, rows.size()))) : rows);
    }

    /**
     * Every active feature of an SAE on a text, token by token.
     *
     * @throws UsageException if the text is longer than the SAE's training or the model's context
     */
    public TextActivations activations(String sae, String text) {
        Sae s = saes.open(sae);
        TextActivations a = TextActivations.of(s, models.of(s), text, prependBos(s));
        if (a.cutTokens() > 0) { // who asks in another program's terms is not told what was cut
            throw new UsageException("The text has " + (a.tokens().size() + a.cutTokens()) + " tokens; with the SAE "
                    + sae + " at most " + a.tokens().size() + " can be looked at: send a shorter text.");
        }
        return a;
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
        return build(sae, new IndexSpec(List.of(sae)), progress);
    }

    /**
     * Builds the index of an SAE in one pass over a store or a text; one that is there already and fits is kept.
     *
     * @param spec says of what; which SAEs it names does not matter
     */
    public IndexManifest build(String sae, IndexSpec spec, Progress progress) {
        executors.fetch(workspace.saes().resolve(Names.check(sae)), progress);
        executors.fetch(workspace.features().resolve(sae), progress);
        Sae s = saes.open(sae);
        String text = spec.text();
        if (text != null) {
            if (executors.remote()) {
                progress.message(
                        "The text " + text + " is read and " + sae + " indexed on this machine: a cluster indexes"
                                + " the rows of a store (loupe capture, then --store).");
            }
            LanguageModel model = models.of(s);
            try (TextRows rows = texts.open(s, model, prependBos(s), spec, text, progress)) {
                build(s, rows.tokens(), rows, progress);
            }
            return index(sae).manifest();
        }
        String chosen = spec.store();
        String from = chosen == null ? saes.store(sae) : Names.check(chosen);
        executors.fetch(workspace.activations().resolve(from), progress);
        Path folder = workspace.features().resolve(sae);
        try (Executors.Claim claim = executors.claim(List.of(folder), progress);
                ActivationStore store = stores.open(from)) {
            IndexOptions options = IndexOptions.standard();
            if (executors.remote() && !FeatureIndexer.isCurrent(s, store, options, workspace.features())) {
                TaskExecutor executor = executors.get(progress); // a cluster starts while the model is opened
                FeatureIndexer.build(s, store, models.of(s), options, workspace.features(), executor, progress);
            } else {
                build(s, store, store.reader(s.hookName()), progress);
            }
            executors.keep(folder, progress);
        }
        return index(sae).manifest();
    }

    private void build(Sae s, ActivationStore tokens, RowReader rows, Progress progress) {
        IndexOptions options = IndexOptions.standard();
        if (FeatureIndexer.isCurrent(s, tokens, options, workspace.features())) {
            progress.message("The feature index of " + s.name() + " is there already; nothing to do.");
        } else {
            FeatureIndexer.build(s, tokens, rows, models.of(s), options, workspace.features(), progress);
        }
    }

    /** The texts that indexes were made of without a capture. */
    IndexTexts texts() {
        return texts;
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

    private static float max(float[] values) {
        float max = 0;
        for (float v : values) {
            max = Math.max(max, v);
        }
        return max;
    }
}
