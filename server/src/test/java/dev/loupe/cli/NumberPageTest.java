package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.eval.SaeReport;
import dev.loupe.http.LoupeServer;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The page of numbers is what the sources say, and says it of every number. {@code -Dloupe.pages=renew} writes it anew. */
class NumberPageTest {
    /** Records that need no definition of ours, by the beginning of their name in the OpenAPI document, and why. */
    private static final Map<String, String> ELSEWHERE =
            Map.of("NeuronpediaRoutes.", "keys and values are those of Neuronpedia's API, which defines them");

    private static SortedMap<String, Set<String>> answers;

    @BeforeAll
    static void askForTheDocument(@TempDir Path folder) throws IOException {
        Settings settings = Settings.load(Map.of(Settings.Key.WORKSPACE, folder.toString()), Map.of());
        try (Workbench bench = new Workbench(Workspace.create(folder), settings);
                LoupeServer server = LoupeServer.start(bench, new LoupeServer.Options("127.0.0.1", 0, null))) {
            URI uri = URI.create("http://127.0.0.1:" + server.port() + "/api/openapi.json");
            try (var in = uri.toURL().openStream()) {
                answers = answers(Json.MAPPER.readTree(in));
            }
        }
        answers.keySet().removeIf(a -> ELSEWHERE.keySet().stream().anyMatch(a::startsWith));
    }

    @Test
    void thePageIsThatOfTheseSources() throws IOException {
        String page = NumberPage.text(answers);
        if (System.getProperty("loupe.pages", "").equals("renew")) {
            Files.writeString(NumberPage.FILE, page);
        }
        assertThat(NumberPage.FILE).exists().content().isEqualTo(page);
        for (RecordComponent c : SaeReport.class.getRecordComponents()) {
            assertThat(page)
                    .contains("`"
                            + c.getName()
                                    .replaceAll("([a-z0-9])([A-Z])", "$1_$2")
                                    .toLowerCase() + "` | ");
        }
        assertThat(page).contains("`kl`", "`gap`", "`dormant", "arXiv");
        assertThat(page.lines().filter(l -> l.startsWith("| `")))
                .hasSizeGreaterThan(500)
                .noneMatch(l -> l.endsWith("`|  |"));
        assertThat(Pattern.compile("`[A-Z][A-Z_]{3,}`|`\\w*#\\w+`|`[a-z]+[A-Z]\\w*`")
                        .matcher(page)
                        .results()
                        .map(MatchResult::group))
                .as("names of our sources in place of what they stand for")
                .isEmpty();
    }

    @Test
    void aConstantIsItsValueAndCodeHasTheNamesOfJson() {
        String code = "static final double LEAST = 100;\n private static final int MOST_ROWS = 65_536;";
        assertThat(NumberPage.values("over {@value #LEAST}, at most {@link #MOST_ROWS}", code))
                .isEqualTo("over 100, at most 65,536");
        assertThatThrownBy(() -> NumberPage.values("{@value #OTHER}", code)).hasMessageContaining("OTHER");
        assertThat(NumberPage.cell("{@code ceSpliced − ceClean} and {@link StepRule#deadAfter} of {@code W_dec}"))
                .isEqualTo("`ce_spliced − ce_clean` and `dead_after` of `W_dec`");
    }

    @Test
    void everyNumberThatARouteAnswersWithIsDefined() throws IOException {
        String page = Files.readString(NumberPage.FILE);
        List<String> missing = new ArrayList<>();
        for (Map.Entry<String, Set<String>> answer : answers.entrySet()) {
            String[] names = answer.getKey().split("\\.");
            String file = NumberPage.source(names[0]).toString().replaceFirst(".*/java/", "");
            String heading = NumberPage.heading(names[names.length - 1], file);
            int begin = page.indexOf(heading);
            int end = begin < 0 ? 0 : page.indexOf("\n**", begin + heading.length());
            String section = begin < 0 ? "" : page.substring(begin, end < 0 ? page.length() : end);
            for (String figure : answer.getValue()) {
                if (!section.matches("(?s).*\\| `" + figure + "` \\| \\S.*")) {
                    missing.add(answer.getKey() + " " + figure);
                }
            }
        }
        assertThat(missing)
                .as("declare them with @param, in the record's Javadoc, then renew the page")
                .isEmpty();
        assertThat(answers).hasSizeGreaterThan(100).containsKeys("SaeReport", "StoreView.Hook", "TaskScore");
    }

    @Test
    void figuresAreFoundInListsMapsAndRecordsWithinRecords() {
        JsonNode document = Json.MAPPER.readTree("""
                {'paths': {'/a': {'get': {'responses': {'200': {'$ref': '#/components/schemas/A'}}},
                'post': {'requestBody': {'$ref': '#/components/schemas/Asked'}}}},
                'components': {'schemas': {'A': {'properties': {'name': {'type': 'string'}, 'n': {'type': 'integer'},
                'rows': {'type': 'array', 'items': {'type': 'array', 'items': {'type': 'number'}}},
                'by': {'type': 'object', 'additionalProperties': {'$ref': '#/components/schemas/A.B'}}}},
                'A.B': {'properties': {'of': {'type': 'object', 'additionalProperties': {'type': 'number'}},
                'up': {'$ref': '#/components/schemas/A'}}},
                'Asked': {'properties': {'k': {'type': 'integer'}}}}}}""".replace('\'', '"'));
        assertThat(answers(document)).isEqualTo(Map.of("A", Set.of("n", "rows"), "A.B", Set.of("of")));
    }

    /** Records that routes answer with, by name, each with its fields that hold numbers. */
    private static SortedMap<String, Set<String>> answers(JsonNode document) {
        JsonNode schemas = document.path("components").path("schemas");
        Set<String> names = new TreeSet<>();
        document.path("paths").forEach(path -> path.forEach(o -> collect(o.path("responses"), schemas, names)));
        SortedMap<String, Set<String>> all = new TreeMap<>();
        for (String name : names) {
            Set<String> figures = new TreeSet<>();
            schemas.path(name).path("properties").properties().forEach(p -> {
                if (isNumeric(p.getValue())) {
                    figures.add(p.getKey());
                }
            });
            if (!figures.isEmpty()) {
                all.put(name, figures);
            }
        }
        return all;
    }

    private static void collect(JsonNode node, JsonNode schemas, Set<String> names) {
        String name = node.path("$ref").asString("").replaceFirst(".*/", "");
        if (!name.isEmpty() && names.add(name)) {
            collect(schemas.path(name), schemas, names);
        }
        node.forEach(child -> collect(child, schemas, names));
    }

    private static boolean isNumeric(JsonNode schema) {
        String type = schema.path("type").asString("");
        return type.equals("number")
                || type.equals("integer")
                || type.equals("array") && isNumeric(schema.path("items"))
                || type.equals("object") && isNumeric(schema.path("additionalProperties"));
    }
}
