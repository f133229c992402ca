package dev.loupe.http;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.feature.Example;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.Neighbour;
import dev.loupe.feature.TextActivations;
import dev.loupe.feature.TokenLogit;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies.LowerCamelCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Features and activations in the shape of Neuronpedia's API, so that programs written for it can ask this server; an SAE's
 * name stands where Neuronpedia has a source. Keys that it writes in snake_case are so here too.
 */
final class NeuronpediaRoutes {
    private static final int MOST = 100;
    private static final int MOST_TEXTS = 4;

    private final Workbench bench;

    /** A feature; {@code layer} is the name of its SAE. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record Neuron(
            String modelId,
            String layer,
            String index,
            float maxActApprox,
            double frac_nonzero,
            List<String> pos_str,
            List<Float> pos_values,
            List<String> neg_str,
            List<Float> neg_values,
            List<Integer> topkCosSimIndices,
            List<Float> topkCosSimValues,
            List<Double> freq_hist_data_bar_values,
            List<Long> freq_hist_data_bar_heights,
            List<Shown> activations,
            List<Explanation> explanations) {}

    /** An example. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record Shown(
            List<String> tokens,
            List<Float> values,
            float maxValue,
            int maxValueTokenIndex,
            float minValue,
            int dataIndex) {}

    /** A label made by rules. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record Explanation(String id, String description, String typeName) {}

    /** A feature on a text. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record Activated(List<String> tokens, List<Float> values, float maxValue, int maxValueTokenIndex) {}

    /** Which feature. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record FeatureName(String modelId, String source, int index) {}

    /** A text for a feature. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record ActivationRequest(FeatureName feature, Object customText) {}

    /** Texts for an SAE. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record SourceRequest(String modelId, String source, Object customText) {}

    /** Every active feature of several texts. */
    record Sources(List<SourceText> results) {}

    /** A text with its features, each with its positions and values. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record SourceText(List<String> tokens, Map<String, List<List<Number>>> activeFeatures) {}

    /** A text for an SAE, and how many features a token. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record TopKRequest(
            String modelId,
            String source,
            String text,
            @Nullable Integer numResults) {}

    /** Features by token. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record TopK(String source, List<TopKToken> results) {}

    /** A token with its strongest features. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record TopKToken(int position, String token, boolean isSpecial, List<TopKFeature> topFeatures) {}

    /** A feature on a token. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record TopKFeature(int featureIndex, float activationValue) {}

    /** A text for several SAEs. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record SearchRequest(
            String modelId,
            @Nullable List<String> selectedLayers,
            String text,
            @Nullable List<Integer> sortIndexes,
            @Nullable Integer numResults) {}

    /** Features of a text. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record Found(List<String> tokens, List<FoundFeature> result, List<Integer> sortIndexes) {}

    /** A feature on a text. */
    @JsonNaming(LowerCamelCaseStrategy.class)
    record FoundFeature(
            String modelId, String layer, String index, List<Float> values, float maxValue, int maxValueIndex) {}

    NeuronpediaRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                Route.get(
                        "/feature/{modelId}/{layer}/{index}",
                        "A feature in Neuronpedia's shape; layer is the name of the SAE.",
                        Neuron.class,
                        this::feature),
                Route.post(
                        "/activation/new",
                        "A feature on one text or several, in Neuronpedia's shape.",
                        ActivationRequest.class,
                        Activated.class,
                        this::activation),
                Route.post(
                        "/activation/source",
                        "Every active feature of an SAE on up to " + MOST_TEXTS + " texts, in Neuronpedia's shape.",
                        SourceRequest.class,
                        Sources.class,
                        this::source),
                Route.post(
                        "/search-topk-by-token",
                        "The strongest features of each token, in Neuronpedia's shape.",
                        TopKRequest.class,
                        TopK.class,
                        this::topK),
                Route.post(
                        "/search-all",
                        "The strongest features of a text over several SAEs, in Neuronpedia's shape.",
                        SearchRequest.class,
                        Found.class,
                        this::search));
    }

    private void feature(Context ctx) {
        String sae = of(ctx.pathParam("modelId"), ctx.pathParam("layer"));
        int id = Params.id(ctx, "index");
        FeatureDetail d = bench.features().detail(sae, id);
        List<Double> middles = new ArrayList<>();
        List<Long> heights = new ArrayList<>();
        for (int i = 0; i < d.histogram().counts().length; i++) {
            middles.add((d.histogram().edges()[i] + d.histogram().edges()[i + 1]) / 2);
            heights.add(d.histogram().counts()[i]);
        }
        String label = d.summary().label();
        ctx.json(new Neuron(
                ctx.pathParam("modelId"),
                sae,
                String.valueOf(id),
                d.summary().max(),
                d.summary().density(),
                d.promoted().stream().map(TokenLogit::text).toList(),
                d.promoted().stream().map(TokenLogit::value).toList(),
                d.suppressed().stream().map(TokenLogit::text).toList(),
                d.suppressed().stream().map(TokenLogit::value).toList(),
                d.nearest().stream().map(Neighbour::id).toList(),
                d.nearest().stream().map(Neighbour::cosine).toList(),
                middles,
                heights,
                d.examples().stream().map(NeuronpediaRoutes::shown).toList(),
                label.isEmpty() ? List.of() : List.of(new Explanation(sae + "-" + id, label, "loupe_rule"))));
    }

    private static Shown shown(Example e) {
        return new Shown(e.tokens(), list(e.values()), e.max(), e.peak(), 0, e.document());
    }

    private void activation(Context ctx) {
        JsonNode body = Params.body(ctx, JsonNode.class);
        JsonNode feature = body.path("feature");
        String sae = of(word(feature, "modelId"), word(feature, "source"));
        if (!feature.path("index").asString("").matches("\\d{1,9}")) {
            throw new UsageException("feature.index must be the number of a feature.");
        }
        int id = Integer.parseInt(feature.path("index").asString());
        JsonNode text = body.path("customText");
        if (text.isArray()) {
            List<Activated> all = new ArrayList<>();
            for (JsonNode t : text) {
                all.add(activated(sae, id, text(t, "customText")));
            }
            ctx.json(all);
        } else {
            ctx.json(activated(sae, id, text(text, "customText")));
        }
    }

    private Activated activated(String sae, int id, String text) {
        var test = bench.features().test(sae, text, List.of(id), 1);
        float[] values = test.features().getFirst().values();
        int peak = peak(values);
        return new Activated(test.tokens(), list(values), values[peak], peak);
    }

    private void source(Context ctx) {
        JsonNode body = Params.body(ctx, JsonNode.class);
        String sae = of(word(body, "modelId"), word(body, "source"));
        JsonNode given = body.path("customText");
        List<String> texts = new ArrayList<>();
        (given.isArray() ? given : List.of(given)).forEach(t -> texts.add(text(t, "customText")));
        if (texts.isEmpty() || texts.size() > MOST_TEXTS) {
            throw new UsageException(
                    "customText must be a text or 1 to " + MOST_TEXTS + " texts, not " + texts.size() + ".");
        }
        ctx.json(new Sources(texts.stream().map(t -> active(sae, t)).toList()));
    }

    private SourceText active(String sae, String text) {
        TextActivations a = bench.features().activations(sae, text);
        Map<Integer, List<List<Number>>> byId = new TreeMap<>();
        for (int t = 0; t < a.tokens().size(); t++) {
            for (TextActivations.Active f : a.active().get(t)) {
                byId.computeIfAbsent(f.id(), id -> new ArrayList<>()).add(List.of(t, f.value()));
            }
        }
        Map<String, List<List<Number>>> named = new LinkedHashMap<>();
        byId.forEach((id, values) -> named.put(String.valueOf(id), values));
        return new SourceText(a.tokens(), named);
    }

    private void topK(Context ctx) {
        JsonNode body = Params.body(ctx, JsonNode.class);
        String sae = of(word(body, "modelId"), word(body, "source"));
        int k = number(body, "numResults", 10, 20);
        TextActivations a = bench.features().activations(sae, text(body.path("text"), "text"));
        List<TopKToken> tokens = new ArrayList<>();
        for (int t = 0; t < a.tokens().size(); t++) {
            tokens.add(new TopKToken(
                    t,
                    a.tokens().get(t),
                    a.active().get(t).isEmpty(),
                    a.active().get(t).stream()
                            .limit(k)
                            .map(f -> new TopKFeature(f.id(), f.value()))
                            .toList()));
        }
        ctx.json(new TopK(sae, tokens));
    }

    private void search(Context ctx) {
        JsonNode body = Params.body(ctx, JsonNode.class);
        String model = word(body, "modelId");
        String text = text(body.path("text"), "text");
        List<Integer> sort = new ArrayList<>();
        body.path("sortIndexes").forEach(i -> sort.add(i.asInt(-1)));
        List<String> layers = new ArrayList<>();
        body.path("selectedLayers").forEach(l -> layers.add(of(model, l.asString(""))));
        if (layers.isEmpty()) {
            bench.saes().names().stream()
                    .filter(s -> bench.saes().open(s).modelId().equals(model))
                    .forEach(layers::add);
        }
        List<String> tokens = List.of();
        Map<FoundFeature, Double> ranked = new HashMap<>();
        for (String sae : layers) {
            TextActivations a = bench.features().activations(sae, text);
            tokens = a.tokens();
            for (int i : sort) {
                if (i < 0 || i >= tokens.size()) {
                    throw new UsageException(
                            "sortIndexes has " + i + ", but the text has tokens 0 to " + (tokens.size() - 1) + ".");
                }
            }
            Map<Integer, float[]> rows = new HashMap<>();
            for (int t = 0; t < tokens.size(); t++) {
                for (TextActivations.Active f : a.active().get(t)) {
                    rows.computeIfAbsent(f.id(), i -> new float[a.tokens().size()])[t] = f.value();
                }
            }
            rows.forEach((id, values) -> {
                int peak = peak(values);
                double rank = sort.isEmpty()
                        ? values[peak]
                        : sort.stream().mapToDouble(i -> values[i]).sum();
                ranked.put(new FoundFeature(model, sae, String.valueOf(id), list(values), values[peak], peak), rank);
            });
        }
        List<FoundFeature> best = ranked.entrySet().stream()
                .filter(e -> e.getValue() > 0)
                .sorted(Comparator.comparingDouble((Map.Entry<FoundFeature, Double> e) -> -e.getValue()))
                .limit(number(body, "numResults", 50, MOST))
                .map(Map.Entry::getKey)
                .toList();
        ctx.json(new Found(tokens, best, sort));
    }

    /** The SAE of a source, which must belong to the model. */
    private String of(String model, String source) {
        String own = bench.saes().open(source).modelId();
        if (!own.equals(model)) {
            throw new NotFoundException(
                    "The SAE " + source + " belongs to the model " + own + ", not to " + model + ".");
        }
        return source;
    }

    private static String word(JsonNode body, String key) {
        return text(body.path(key), key);
    }

    private static String text(JsonNode value, String key) {
        if (!value.isString() || value.asString().isEmpty()) {
            throw new UsageException(key + " must be a text that is not empty.");
        }
        return value.asString();
    }

    private static int number(JsonNode body, String key, int otherwise, int most) {
        JsonNode n = body.path(key);
        if (n.isMissingNode() || n.isNull()) {
            return otherwise;
        }
        if (!n.isIntegralNumber() || n.asInt(0) < 1 || n.asInt(0) > most) {
            throw new UsageException(key + " must be a whole number from 1 to " + most + ".");
        }
        return n.asInt();
    }

    private static int peak(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }

    private static List<Float> list(float[] values) {
        List<Float> all = new ArrayList<>(values.length);
        for (float v : values) {
            all.add(v);
        }
        return all;
    }
}
