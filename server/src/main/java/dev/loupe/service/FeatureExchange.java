package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.feature.Example;
import dev.loupe.feature.ExampleBand;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.LabelCandidate;
import dev.loupe.feature.TokenLogit;
import dev.loupe.model.HookPoint;
import dev.loupe.sae.Sae;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/** Features for others: Neuronpedia's JSON lines and pages that need no server; and explanations from Neuronpedia. */
public final class FeatureExchange {
    /** What a file of JSON lines holds. */
    public enum Lines {
        /** One line per feature. */
        FEATURES,
        /** One line per example. */
        ACTIVATIONS,
        /** One line per label. */
        EXPLANATIONS
    }

    private static final int BATCH = 1024;

    private final Models models;
    private final Saes saes;
    private final Features features;
    private final Notes notes;

    FeatureExchange(Models models, Saes saes, Features features, Notes notes) {
        this.models = models;
        this.saes = saes;
        this.features = features;
        this.notes = notes;
    }

    /** All features that ever fire, or those asked for. */
    List<Integer> ids(FeatureIndex index, List<Integer> wanted) {
        wanted.forEach(index::summary); // says so where there is none
        return wanted.isEmpty()
                ? IntStream.range(0, index.size())
                        .filter(i -> !index.summary(i).dead())
                        .boxed()
                        .toList()
                : wanted;
    }

    /**
     * Neuronpedia's JSON lines.
     *
     * @param wanted the features; empty for all that ever fire
     */
    public List<String> neuronpedia(String sae, List<Integer> wanted, Lines kind) {
        List<String> all = new ArrayList<>();
        neuronpedia(sae, wanted, kind, all::addAll);
        return all;
    }

    /**
     * The same, feature by feature: all of an SAE may take minutes and more memory than there is.
     *
     * @param lines takes those of a feature; what is wrong with the request is said before the first
     */
    public void neuronpedia(String sae, List<Integer> wanted, Lines kind, Consumer<List<String>> lines) {
        FeatureIndex index = features.index(sae);
        int before = 0;
        for (int id : ids(index, wanted)) {
            List<String> some = lines(sae, index, id, kind, before);
            before += some.size();
            lines.accept(some);
        }
    }

    /** The lines of a feature; activations are counted through, {@code before} of them came before. */
    private List<String> lines(String sae, FeatureIndex index, int id, Lines kind, int before) {
        FeatureDetail f = index.detail(id);
        List<String> lines = new ArrayList<>();
        switch (kind) {
            case FEATURES -> lines.add(Views.line(feature(sae, index, f)));
            case ACTIVATIONS -> {
                for (Example e : f.examples()) {
                    lines.add(Views.line(activation(sae, index, id, e, null, before + lines.size())));
                }
                for (ExampleBand band : f.bands()) {
                    for (Example e : band.examples()) {
                        lines.add(Views.line(activation(sae, index, id, e, band, before + lines.size())));
                    }
                }
            }
            case EXPLANATIONS -> explanations(sae, index, f).forEach(e -> lines.add(Views.line(e)));
        }
        return lines;
    }

    /** Writes a folder in Neuronpedia's layout: features, activations and explanations in batches of gzipped lines. */
    public void writeNeuronpedia(String sae, List<Integer> wanted, Path folder, Progress progress) {
        if (Files.exists(folder)) {
            throw new LoupeException(folder + " exists already: choose another name or delete it first.");
        }
        List<Integer> all = ids(features.index(sae), wanted);
        progress.stage("write features of " + sae, (long) all.size() * Lines.values().length, "lines");
        AtomicFiles.writeFolder(folder, temporary -> {
            long written = 0;
            for (Lines kind : Lines.values()) {
                Path place = temporary.resolve(kind.name().toLowerCase(java.util.Locale.ROOT));
                Files.createDirectories(place);
                for (int from = 0; from < all.size(); from += BATCH) {
                    List<String> lines = neuronpedia(sae, all.subList(from, Math.min(all.size(), from + BATCH)), kind);
                    AtomicFiles.write(place.resolve("batch-" + from / BATCH + ".jsonl.gz"), out -> {
                        GZIPOutputStream zip = new GZIPOutputStream(out); // the file is closed by its writer
                        for (String line : lines) {
                            zip.write((line + "\n").getBytes(StandardCharsets.UTF_8));
                        }
                        zip.finish();
                    });
                    written += lines.size();
                    progress.advance(written);
                }
            }
        });
    }

    /** One page of HTML with everything in it, for one feature or several. */
    public String html(String sae, List<Integer> wanted, String title) {
        pageHolds(wanted.size());
        return FeatureHtml.page(title, "", List.of(part(sae, wanted, Map.of())));
    }

    private static void pageHolds(int features) {
        if (features < 1 || features > 500) {
            throw new UsageException("A page shows 1 to 500 features, not " + features + "; name them.");
        }
    }

    private FeatureHtml.Part part(String sae, List<Integer> ids, Map<Integer, String> comments) {
        FeatureIndex index = features.index(sae);
        ids.forEach(index::summary);
        return new FeatureHtml.Part(index, ids, notes.explanations(sae), comments);
    }

    /**
     * Takes explanations from a file of Neuronpedia's ({@code .jsonl} or {@code .jsonl.gz}) for an SAE, with their scores
     * by detection and fuzzing. What the SAE has already is not taken again.
     *
     * @return how many are new
     */
    public int takeExplanations(String sae, Path file) {
        saes.folder(sae);
        return take(sae, NeuronpediaExplanations.read(file));
    }

    /** Takes explanations from lines of a request. */
    public int takeExplanations(String sae, String lines) {
        saes.folder(sae);
        return take(sae, NeuronpediaExplanations.read(lines));
    }

    private int take(String sae, List<Explanation> all) {
        Set<Explanation> known = new HashSet<>();
        notes.explanations(sae).forEach(e -> known.add(NeuronpediaExplanations.said(e)));
        List<Explanation> added = all.stream()
                .filter(e -> known.add(NeuronpediaExplanations.said(e)))
                .toList();
        notes.explain(sae, added);
        return added.size();
    }

    /** Neuronpedia's name of a source: layer and set. */
    static String source(Sae sae) {
        int layer = HookPoint.of(sae.hooksIn().getFirst()).layer();
        return Math.max(0, layer == Integer.MAX_VALUE ? 0 : layer) + "-" + sae.name();
    }

    private Map<String, Object> feature(String name, FeatureIndex index, FeatureDetail f) {
        Sae sae = saes.open(name);
        Map<String, Object> m = key(name, index, f.summary().id());
        m.put("maxActApprox", f.summary().max());
        m.put("frac_nonzero", f.summary().density());
        m.put("hookName", sae.hookName());
        m.put("hasVector", true);
        m.put("vector", sae.decoderRows().row(f.summary().id()));
        m.put("vectorLabel", f.summary().label());
        m.put("pos_str", f.promoted().stream().map(TokenLogit::text).toList());
        m.put("pos_values", f.promoted().stream().map(TokenLogit::value).toList());
        m.put("neg_str", f.suppressed().stream().map(TokenLogit::text).toList());
        m.put("neg_values", f.suppressed().stream().map(TokenLogit::value).toList());
        m.put("topkCosSimIndices", f.nearest().stream().map(n -> n.id()).toList());
        m.put("topkCosSimValues", f.nearest().stream().map(n -> n.cosine()).toList());
        m.put(
                "correlated_features_indices",
                f.coactive().stream().map(c -> c.id()).toList());
        m.put(
                "correlated_features_pearson",
                f.coactive().stream().map(c -> c.correlation()).toList());
        List<Double> middles = new ArrayList<>();
        for (int b = 0; b < f.histogram().counts().length; b++) {
            middles.add((f.histogram().edges()[b] + f.histogram().edges()[b + 1]) / 2);
        }
        m.put("freq_hist_data_bar_heights", f.histogram().counts());
        m.put("freq_hist_data_bar_values", middles);
        if (!f.promoted().isEmpty()) {
            logits(m, sae, f.summary().id());
        }
        m.put("vectorDefaultSteerStrength", f.summary().max());
        m.put("sourceSetName", name);
        return m;
    }

    /** The histogram of the logits of all tokens. */
    private void logits(Map<String, Object> m, Sae sae, int id) {
        float[] logits = models.of(sae)
                .logitLens(sae.decoderRows().rows(id, id + 1), true)
                .row(0);
        LogitEffects e = CloseUps.effects(logits, Map.of());
        double width = (e.to() - e.from()) / e.counts().length;
        List<Double> middles = new ArrayList<>();
        for (int b = 0; b < e.counts().length; b++) {
            middles.add(e.from() + (b + 0.5) * width);
        }
        m.put("logits_hist_data_bar_heights", e.counts());
        m.put("logits_hist_data_bar_values", middles);
    }

    private Map<String, Object> key(String name, FeatureIndex index, int id) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("modelId", index.manifest().model());
        m.put("layer", source(saes.open(name)));
        m.put("index", Integer.toString(id));
        return m;
    }

    private Map<String, Object> activation(
            String name, FeatureIndex index, int id, Example e, @Nullable ExampleBand band, int number) {
        Map<String, Object> m = key(name, index, id);
        m.put("id", name + "-" + id + "-" + number);
        m.put("tokens", e.tokens());
        m.put("values", e.values());
        m.put("maxValue", e.max());
        m.put("maxValueTokenIndex", e.peak());
        m.put("minValue", 0);
        // -1 / 99 / -1 is the group of the strongest
        m.put("binMin", band == null ? -1 : band.low());
        m.put("binMax", band == null ? 99 : band.high());
        m.put("binContains", band == null ? -1 : band.to() - band.from());
        m.put("dataIndex", Integer.toString(e.document()));
        m.put("dataSource", e.documentName());
        return m;
    }

    private List<Map<String, Object>> explanations(String name, FeatureIndex index, FeatureDetail f) {
        int id = f.summary().id();
        List<Map<String, Object>> all = new ArrayList<>();
        for (LabelCandidate c : f.labels()) {
            Map<String, Object> m = key(name, index, id);
            m.put("id", name + "-" + id + "-" + c.kind().replace(' ', '-'));
            m.put("description", c.text());
            m.put("typeName", "loupe " + c.kind());
            m.put("explanationModelName", "");
            m.put(
                    "scores",
                    c.balancedAccuracy() == null
                            ? List.of()
                            : List.of(score("balanced accuracy", c.balancedAccuracy())));
            all.add(m);
        }
        for (Explanation e : notes.explanations(name, id)) {
            Map<String, Object> m = key(name, index, id);
            m.put("id", name + "-" + id + "-" + e.created());
            m.put("description", e.text());
            m.put("typeName", e.kind());
            m.put("explanationModelName", e.author());
            List<Map<String, Object>> scores = new ArrayList<>();
            if (e.detection() != null) {
                scores.add(score("detection", e.detection()));
            }
            if (e.fuzzing() != null) {
                scores.add(score("fuzzing", e.fuzzing()));
            }
            m.put("scores", scores);
            all.add(m);
        }
        return all;
    }

    private static Map<String, Object> score(String type, double value) {
        return Map.of("value", value, "explanationScoreTypeName", type);
    }

    /** A page of HTML for a saved list, whose features may be of several SAEs. */
    public String html(FeatureList list) {
        if (list.features().isEmpty()) {
            throw new UsageException("The list " + list.name() + " is empty.");
        }
        pageHolds(list.features().size());
        Map<String, Map<Integer, String>> bySae = new LinkedHashMap<>();
        list.features()
                .forEach(f -> bySae.computeIfAbsent(f.sae(), s -> new LinkedHashMap<>())
                        .put(f.id(), f.comment()));
        List<FeatureHtml.Part> parts = new ArrayList<>();
        bySae.forEach((sae, comments) -> parts.add(part(sae, List.copyOf(comments.keySet()), comments)));
        return FeatureHtml.page(list.name(), list.description(), parts);
    }
}
