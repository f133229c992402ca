package dev.loupe.cli;

import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.gallery.Diagnostics;
import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The page {@code server/docs/numbers.md}: every figure that results hold, with the definition that stands beside its field in
 * the source, and the diagnostics with their papers. Nothing is defined here.
 */
final class NumberPage {
    static final Path FILE = Path.of("docs/numbers.md");

    /** What people look for first, under the command that makes it; everything else that answers hold follows. */
    private static final Map<String, List<String>> RESULTS = new LinkedHashMap<>();

    static {
        RESULTS.put(
                "An activation store (`loupe store info`)",
                List.of("service/StoreView", "store/MassiveActivations", "store/NormHistogram"));
        RESULTS.put("The curves of a training (`loupe train`)", List.of("engine/StepMetrics"));
        RESULTS.put(
                "The report card of an SAE (`loupe eval`)",
                List.of("eval/SaeReport", "eval/ReportCard", "eval/SetReport", "service/SweepResult"));
        RESULTS.put(
                "A feature (`loupe index`)",
                List.of(
                        "feature/FeatureSummary",
                        "feature/FeatureDetail",
                        "feature/Histogram",
                        "feature/ExampleBand",
                        "feature/TokenRate",
                        "feature/PositionRate",
                        "feature/LabelRate",
                        "feature/TokenLogit",
                        "feature/Neighbour",
                        "feature/Coactive",
                        "service/GroupCount",
                        "service/Counterpart",
                        "service/NeuronAlignment",
                        "diagnose/memory/NeuronCorrelation"));
        RESULTS.put(
                "Labels (`loupe label`)",
                List.of("feature/LabelCandidate", "feature/LabelScore", "service/Explanation", "service/ProseScores"));
        RESULTS.put(
                "A comparison (`loupe compare`, `loupe seeds`)",
                List.of(
                        "compare/Matching",
                        "compare/Overlap",
                        "compare/ActivationOverlap",
                        "service/SeedStability",
                        "service/SeedExperiment",
                        "compare/SeedStatistics"));
        RESULTS.put(
                "Patching and circuits (`loupe patch`, `loupe circuit`)",
                List.of(
                        "patch/PatchResult",
                        "patch/Agreement",
                        "patch/task/TaskScore",
                        "patch/Circuit",
                        "patch/CircuitPart",
                        "service/CircuitComparison",
                        "graph/GraphScores",
                        "graph/GraphNode",
                        "graph/GraphEdge",
                        "graph/AblationCheck",
                        "graph/GraphComparison",
                        "graph/InterventionResult"));
        RESULTS.put(
                "A text, looked into (the page Inspect)",
                List.of(
                        "inspect/LensCell",
                        "inspect/LogitAttribution",
                        "inspect/AblationEffect",
                        "inspect/TokenScore"));
        RESULTS.put(
                "Steering (`loupe steer`, `loupe languages`)",
                List.of(
                        "steer/SteerResult",
                        "steer/DoseResponse",
                        "steer/TextContrast",
                        "steer/TokenAttribution",
                        "steer/language/LanguageTable",
                        "steer/language/Share"));
        RESULTS.put("A model (`loupe model check`)", List.of("model/ModelCheck"));
    }

    /** A Javadoc comment, annotations, and the head of a record with its components. */
    private static final Pattern RECORD = Pattern.compile(
            "/\\*\\*((?:(?!\\*/).)*?)\\*/\\s*(?:@[\\w.]+(?:\\([^)]*\\))?\\s*)*(?:public )?record (\\w+)\\(",
            Pattern.DOTALL);

    private static final Pattern CONSTANT = Pattern.compile("\\{@(?:link|value)\\s+#([A-Z][A-Z0-9_]+)}");

    private NumberPage() {}

    /**
     * The whole page.
     *
     * @param answers names of all records that routes answer with, each with its figures as JSON names them
     */
    static String text(SortedMap<String, Set<String>> answers) throws IOException {
        StringBuilder page = new StringBuilder("""
                # Every number, and what it means

                Made from the sources: a figure is defined where its field is declared, and nowhere else. JSON writes the names with
                underscores (`delta_ce`). Every figure that a route of `/api` answers with is here. Unless it is said otherwise, losses,
                divergences and log-probabilities are in nats, shares lie between 0 and 1, and activations and norms are in the units of
                the model's hook point. After a change: `./loupe test -pl server -am -Dtest=NumberPageTest
                -Dsurefire.failIfNoSpecifiedTests=false -Dloupe.pages=renew`.
                """);
        Set<String> told = new HashSet<>();
        for (Map.Entry<String, List<String>> result : RESULTS.entrySet()) {
            page.append("\n## ").append(result.getKey()).append('\n');
            for (String file : result.getValue()) {
                records(page, file, told, Map.of());
            }
        }
        page.append("\n## All other answers of `/api`\n");
        for (Map.Entry<String, Set<String>> answer : answers.entrySet()) {
            String[] names = answer.getKey().split("\\.");
            records(page, names[0], told, Map.of(names[names.length - 1], answer.getValue()));
        }
        page.append(
                "\n## Diagnostics (`loupe diagnose`)\n\n| diagnostic | question, and what exactly is computed | paper |\n|---|---|---|\n");
        for (Diagnostic d : Diagnostics.all()) {
            page.append("| `")
                    .append(d.id())
                    .append("` | ")
                    .append(cell(d.about().question()))
                    .append(' ');
            page.append(cell(d.about().definition())).append(" | ");
            page.append(cell(d.about().sources().stream()
                    .map(s -> s.title() + ", " + s.reference()
                            + (s.differs().isEmpty() ? "" : " (differs: " + s.differs() + ")"))
                    .collect(Collectors.joining("; "))));
            page.append(" |\n");
        }
        return page.toString();
    }

    /** The records of a source file; of those that are wanted, if any are named, the figures alone. */
    private static void records(StringBuilder page, String file, Set<String> told, Map<String, Set<String>> wanted)
            throws IOException {
        Path source = source(file);
        String shown = source.toString().replaceFirst(".*/java/", "");
        String code = Files.readString(source);
        Matcher m = RECORD.matcher(code);
        while (m.find()) {
            Set<String> figures = wanted.get(m.group(2));
            if (!wanted.isEmpty() && figures == null || !told.add(shown + " " + m.group(2))) {
                continue;
            }
            String comment = values(m.group(1).replaceAll("\\n\\s*\\*", "\n"), code);
            List<String> fields = new ArrayList<>();
            String[] parts = comment.split("\\n\\s*@");
            for (String part : parts) {
                if (part.startsWith("param ")) {
                    String[] words = part.substring(6).strip().split("\\s+", 2);
                    String name = snake(words[0]);
                    if (figures == null || figures.contains(name)) {
                        fields.add("| `" + name + "` | " + cell(words.length > 1 ? words[1] : "") + " |\n");
                    }
                }
            }
            if (!fields.isEmpty()) {
                page.append(heading(m.group(2), shown)).append(cell(parts[0]));
                page.append("\n\n| figure | definition |\n|---|---|\n");
                fields.forEach(page::append);
            }
        }
    }

    /** What stands before a record's description. */
    static String heading(String record, String file) {
        return "\n**" + record + "** (`" + file + "`): ";
    }

    /** A source file of what answers, by its name without the ending, of its package as much as makes it the only one. */
    static Path source(String name) throws IOException {
        List<Path> found = new ArrayList<>();
        for (String module : List.of("activations-store", "sae-train", "server")) {
            try (Stream<Path> files = Files.walk(ProjectRoot.resolve(module + "/src/main/java"))) {
                files.filter(f -> f.endsWith(name + ".java")
                                && !f.getParent().endsWith("client")) // which repeats what it reads
                        .forEach(found::add);
            }
        }
        if (found.size() != 1) {
            throw new IllegalStateException("not one source file " + name + ": " + found);
        }
        return found.getFirst();
    }

    /** The name in JSON. */
    private static String snake(String name) {
        return name.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(java.util.Locale.ROOT);
    }

    /** A reader of the page has no use for the name of a constant: its value stands there. */
    static String values(String comment, String code) {
        return CONSTANT.matcher(comment).replaceAll(found -> {
            Matcher value = Pattern.compile("\\b" + found.group(1) + " =\\s+(-?[\\d._e-]+)[fdL]?;")
                    .matcher(code);
            if (!value.find()) {
                throw new IllegalStateException(found.group() + " is no number of its file");
            }
            return value.group(1).replace("_", ",");
        });
    }

    /** Code as it is in JSON: names with underscores, those of other records without their record. */
    private static String inJson(String code) {
        return Pattern.compile("\\b[a-z]+[A-Za-z0-9]*\\b")
                .matcher(code.replaceFirst("^\\w*#", ""))
                .replaceAll(name -> snake(name.group()));
    }

    static String cell(String text) {
        return Pattern.compile("\\{@(?:code|link|value)\\s+([^}]*)}")
                .matcher(text)
                .replaceAll(code -> Matcher.quoteReplacement("`" + inJson(code.group(1)) + "`"))
                .replaceAll("<a href=\"([^\"]*)\">([^<]*)</a>", "[$2]($1)")
                .replaceAll("</?\\w+>", "")
                .replaceAll("\\s+", " ")
                .replace("|", "\\|")
                .strip();
    }
}
