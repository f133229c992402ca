package dev.loupe.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Json;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.Floats;
import dev.loupe.fixtures.ProjectRoot;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.Rules;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Grids of the tiny model of every family against tests/python/patch/families.py: rules written as forward expressions
 * with detached terms in PyTorch, float64. Every method, every rule alone and together, every site.
 */
class FamiliesPatchingTest {
    /** Largest error as a share of the grid's largest value. */
    private static final double TOLERANCE = 1e-5;

    private static final Map<String, String> LETTERS =
            Map.of("l", "ln", "i", "identity", "h", "half", "a", "ah", "1", "soft:1", "s", "soft:2");

    private static JsonNode golden;

    @TempDir
    static Path folder;

    @BeforeAll
    static void read() throws Exception {
        try (InputStream in = new GZIPInputStream(FamiliesPatchingTest.class.getResourceAsStream("families.json.gz"))) {
            golden = Json.MAPPER.readTree(in.readAllBytes());
        }
    }

    static List<String> families() throws Exception {
        read();
        return golden.get("families").propertyNames().stream().toList();
    }

    private static LanguageModel open(Path source) throws Exception {
        Path target = folder.resolve(source.getFileName().toString());
        Files.createDirectories(target);
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(source.resolve(file), target.resolve(file), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
        Path builtin = LanguageModels.builtin(folder);
        Files.copy(
                builtin.resolve("tokenizer.json"),
                target.resolve("tokenizer.json"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        return LanguageModels.open(target, ModelOptions.defaults());
    }

    private static LanguageModel tiny(String name) throws Exception {
        return open(ProjectRoot.resolve("activations-store/src/test/resources/dev/loupe/model/golden/" + name));
    }

    private static List<PromptPair> pairs(JsonNode node) {
        List<PromptPair> pairs = new ArrayList<>();
        node.forEach(p -> pairs.add(new PromptPair(
                ints(p.get("clean")),
                ints(p.get("corrupt")),
                new int[] {p.get("answer").asInt()},
                new int[] {p.get("wrong").asInt()})));
        return pairs;
    }

    private static int[] ints(JsonNode node) {
        return node.valueStream().mapToInt(JsonNode::asInt).toArray();
    }

    private static PatchRequest request(String method, PatchMetric metric, List<String> rules, Stream<String> sites) {
        return PatchRequest.of("a", "b", "c", "d")
                .withMethod(PatchMethod.of(method))
                .withMetric(metric)
                .withRules(rules)
                .withSites(sites.toArray(String[]::new));
    }

    private static PatchResult run(LanguageModel model, PatchRequest r, List<PromptPair> pairs) {
        return Patching.run(
                model,
                r,
                pairs,
                name -> {
                    throw new NotFoundException("There is no SAE " + name + ".");
                },
                Progress.silent());
    }

    @ParameterizedTest
    @MethodSource("families")
    void everyGridOfEveryMethodAgreesWithPyTorch(String name) throws Exception {
        JsonNode family = golden.get("families").get(name);
        List<PromptPair> pairs = pairs(family.get("pairs"));
        double worst = 0;
        String where = "";
        try (LanguageModel model = tiny(name)) {
            for (var grid : family.get("grids").properties()) {
                String[] method = grid.getKey().split(" ");
                List<String> rules = method.length == 1
                        ? List.of()
                        : Arrays.stream(method[1].replace("s2", "s").split(""))
                                .map(LETTERS::get)
                                .toList();
                PatchResult r = run(
                        model,
                        request(method[0], PatchMetric.DIFFERENCE, rules, grid.getValue().propertyNames().stream()),
                        pairs);
                for (var site : grid.getValue().properties()) {
                    double[] ours = flat(r.grids().get(site.getKey()));
                    double[] theirs = flat(site.getValue());
                    // an exact effect is the difference of float32 logits, whose last digit is 2e-7 of them, and an
                    // exact change of a pattern one of float32 probabilities
                    boolean difference = List.of("ap", "atp_qk", "atp_star").contains(method[0]);
                    double error = error(ours, theirs, difference ? 1e-6 : 0);
                    if (error > worst) {
                        worst = error;
                        where = grid.getKey() + " " + site.getKey();
                    }
                    assertThat(error)
                            .as(name + " " + grid.getKey() + " " + site.getKey())
                            .isLessThanOrEqualTo(TOLERANCE);
                }
                for (int i = 0; i < pairs.size(); i++) {
                    assertThat(r.pairs().get(i).cleanDifference())
                            .isCloseTo(family.get("clean_difference").get(i).asDouble(), within(1e-5));
                }
            }
        }
        System.out.printf("%s: largest error %.1e of the grid's maximum, at %s%n", name, worst, where);
    }

    /** The official demo's Identity rule silently did nothing: here no rule can be without effect. */
    @ParameterizedTest
    @MethodSource("families")
    void everySwitchChangesTheBackwardPass(String name) throws Exception {
        List<PromptPair> pairs = pairs(golden.get("families").get(name).get("pairs"));
        boolean gated = golden.get("families")
                                .get(name)
                                .get("grids")
                                .get("relp h")
                                .toString()
                                .length()
                        > 0
                && !name.matches("tiny-(gpt2.*|neo.*|opt)");
        boolean relu = name.equals("tiny-opt");
        try (LanguageModel model = tiny(name)) {
            double[] plain = embedding(model, pairs, List.of());
            for (String rule : List.of("ln", "identity", "half", "ah", "soft")) {
                boolean mustChange = !(rule.equals("half") && !gated || rule.equals("identity") && relu);
                double[] changed = embedding(model, pairs, List.of(rule));
                assertThat(Arrays.equals(changed, plain)).as(name + " " + rule).isEqualTo(!mustChange);
            }
            assertThat(embedding(model, pairs, List.of())).isEqualTo(plain);
        }
    }

    private static double[] embedding(LanguageModel model, List<PromptPair> pairs, List<String> rules) {
        return flat(run(model, request("relp", PatchMetric.DIFFERENCE, rules, Stream.of("resid_pre")), pairs)
                .grids()
                .get("resid_pre"));
    }

    /** Σ h · coefficient is the corrupted run's logit difference at every layer, where nothing has a bias or a norm of queries. */
    @Test
    void allRulesTogetherConserveRelevance() throws Exception {
        for (String name : List.of("tiny-mistral", "tiny-window", "tiny-linear")) {
            PromptPair pair =
                    pairs(golden.get("families").get(name).get("pairs")).get(0);
            try (LanguageModel model = tiny(name)) {
                List<HookPoint> hooks = new ArrayList<>();
                for (int layer = 0; layer < model.config().nLayers(); layer++) {
                    hooks.addAll(
                            List.of(HookPoint.residPre(layer), HookPoint.residMid(layer), HookPoint.residPost(layer)));
                }
                Runs.Run run = new Runs(model, hooks, PatchMetric.DIFFERENCE, 1 << 20)
                        .backward(List.of(pair), new Rules(true, true, true, true))
                        .get(0);
                for (HookPoint hook : hooks) {
                    double sum = 0;
                    for (int p = 0; p < pair.corrupt().length; p++) {
                        for (int i = 0; i < model.config().dModel(); i++) {
                            sum += (double) run.values().corrupt(hook)[p][i]
                                    * run.gradients().get(hook)[p][i];
                        }
                    }
                    assertThat(sum).as(name + " " + hook).isCloseTo(run.base(), within(1e-5 * Math.abs(run.base())));
                }
            }
        }
    }

    /** What stands in for the table of GPT-2 small: a random GPT-2 of four layers, eight prompts, normalised difference. */
    @Test
    void theTableOfTheRandomGpt2IsTheReferences() throws Exception {
        JsonNode gpt2 = golden.get("gpt2");
        List<PromptPair> pairs = pairs(gpt2.get("pairs"));
        try (LanguageModel model = open(ProjectRoot.resolve("sae-train/src/test/resources/dev/loupe/patch/gpt2"))) {
            for (var table : gpt2.get("table").properties()) {
                String[] method = table.getKey().split(" ");
                List<String> rules = method.length == 1 ? List.of() : List.of(method[1].split(","));
                PatchResult r = run(
                        model,
                        request(method[0], PatchMetric.NORMALISED, rules, table.getValue().propertyNames().stream())
                                .withVerify(method[0].equals("ap") ? 0 : -1),
                        pairs);
                assertThat(r.cleanDifference())
                        .isCloseTo(gpt2.get("clean_difference").asDouble(), within(1e-5));
                assertThat(r.corruptDifference()).isCloseTo(-r.cleanDifference(), within(1e-5));
                assertThat(r.corruptMetric()).isEqualTo(0);
                assertThat(r.cleanMetric()).isCloseTo(1, within(1e-9));
                for (var site : table.getValue().properties()) {
                    Floats.assertClose(flat(r.grids().get(site.getKey())), flat(site.getValue()), TOLERANCE);
                    if (!method[0].equals("ap")) {
                        assertThat(r.agreement().get(site.getKey()).pearson())
                                .isCloseTo(
                                        gpt2.get("pearson")
                                                .get(table.getKey() + " " + site.getKey())
                                                .asDouble(),
                                        within(1e-4));
                    }
                }
            }
            // several batches are the same as one
            PatchRequest one = request("relp", PatchMetric.NORMALISED, List.of("ln"), Stream.of("resid_pre", "z"))
                    .withVerify(5);
            PatchResult whole = run(model, one, pairs);
            PatchResult parts =
                    run(model, one.withSites("resid_pre", "z", "neurons").withMemory(1), pairs);
            Floats.assertClose(flat(parts.grids().get("z")), flat(whole.grids().get("z")), 1e-6);
        }
    }

    private static double error(double[] a, double[] b, double free) {
        assertThat(a).hasSameSizeAs(b);
        double worst = 0;
        double scale = 0;
        for (int i = 0; i < a.length; i++) {
            worst = Math.max(worst, Math.abs(a[i] - b[i]) - free);
            scale = Math.max(scale, Math.abs(b[i]));
        }
        return scale == 0 ? worst : worst / scale;
    }

    private static double[] flat(double[][] grid) {
        return Arrays.stream(grid).flatMapToDouble(Arrays::stream).toArray();
    }

    private static double[] flat(JsonNode grid) {
        return grid.valueStream()
                .flatMap(JsonNode::valueStream)
                .mapToDouble(JsonNode::asDouble)
                .toArray();
    }
}
