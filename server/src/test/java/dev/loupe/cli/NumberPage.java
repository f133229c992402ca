package dev.loupe.cli;

import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.gallery.Diagnostics;
import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The page {@code server/docs/numbers.md}: every figure that results hold, with the definition that stands beside its field in
 * the source, and the diagnostics with their papers. Nothing is defined here.
 */
final class NumberPage {
    static final Path FILE = Path.of("docs/numbers.md");

    private static final Map<String, List<String>> RESULTS = new LinkedHashMap<>();

    static {
        RESULTS.put(
                "The report card of an SAE (`loupe eval`)",
                List.of(
                        "sae-train/src/main/java/dev/loupe/eval/SaeReport.java",
                        "sae-train/src/main/java/dev/loupe/eval/ReportCard.java",
                        "sae-train/src/main/java/dev/loupe/eval/SetReport.java"));
        RESULTS.put(
                "A feature (`loupe index`)",
                List.of(
                        "sae-train/src/main/java/dev/loupe/feature/FeatureSummary.java",
                        "server/src/main/java/dev/loupe/service/Counterpart.java",
                        "server/src/main/java/dev/loupe/service/NeuronAlignment.java",
                        "sae-train/src/main/java/dev/loupe/diagnose/memory/NeuronCorrelation.java"));
        RESULTS.put(
                "A comparison (`loupe compare`, `loupe seeds`)",
                List.of(
                        "sae-train/src/main/java/dev/loupe/compare/Matching.java",
                        "server/src/main/java/dev/loupe/service/SeedStability.java"));
        RESULTS.put(
                "Patching and circuits (`loupe patch`, `loupe circuit`)",
                List.of(
                        "sae-train/src/main/java/dev/loupe/patch/PatchResult.java",
                        "sae-train/src/main/java/dev/loupe/patch/Circuit.java",
                        "sae-train/src/main/java/dev/loupe/graph/GraphScores.java",
                        "sae-train/src/main/java/dev/loupe/graph/InterventionResult.java"));
        RESULTS.put(
                "Steering (`loupe steer`, `loupe languages`)",
                List.of(
                        "sae-train/src/main/java/dev/loupe/steer/SteerResult.java",
                        "sae-train/src/main/java/dev/loupe/steer/DoseResponse.java",
                        "sae-train/src/main/java/dev/loupe/steer/language/LanguageTable.java"));
        RESULTS.put(
                "A model (`loupe model check`)",
                List.of("activations-store/src/main/java/dev/loupe/model/ModelCheck.java"));
    }

    /** A Javadoc comment, annotations, and the head of a record with its components. */
    private static final Pattern RECORD = Pattern.compile(
            "/\\*\\*((?:(?!\\*/).)*?)\\*/\\s*(?:@[\\w.]+(?:\\([^)]*\\))?\\s*)*(?:public )?record (\\w+)\\(",
            Pattern.DOTALL);

    private NumberPage() {}

    /** The whole page. */
    static String text() throws IOException {
        StringBuilder page = new StringBuilder("""
                # Every number, and what it means

                Made from the sources: a figure is defined where its field is declared, and nowhere else. JSON writes the names with
                underscores (`delta_ce`). After a change: `./loupe test -pl server -am -Dtest=NumberPageTest
                -Dsurefire.failIfNoSpecifiedTests=false -Dloupe.pages=renew`.
                """);
        for (Map.Entry<String, List<String>> result : RESULTS.entrySet()) {
            page.append("\n## ").append(result.getKey()).append('\n');
            for (String file : result.getValue()) {
                records(page, file);
            }
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

    private static void records(StringBuilder page, String file) throws IOException {
        Matcher m = RECORD.matcher(Files.readString(ProjectRoot.resolve(file)));
        while (m.find()) {
            String comment = m.group(1).replaceAll("\\n\\s*\\*", "\n");
            List<String> fields = new ArrayList<>();
            String[] parts = comment.split("\\n\\s*@");
            for (String part : parts) {
                if (part.startsWith("param ")) {
                    String[] words = part.substring(6).strip().split("\\s+", 2);
                    fields.add("| `" + snake(words[0]) + "` | " + cell(words.length > 1 ? words[1] : "") + " |\n");
                }
            }
            if (!fields.isEmpty()) {
                page.append("\n**").append(m.group(2)).append("** (`").append(file.replaceFirst(".*/java/", ""));
                page.append("`): ").append(cell(parts[0])).append("\n\n| figure | definition |\n|---|---|\n");
                fields.forEach(page::append);
            }
        }
    }

    /** The name in JSON. */
    private static String snake(String name) {
        return name.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(java.util.Locale.ROOT);
    }

    private static String cell(String text) {
        return text.replaceAll("\\{@(?:code|link|value)\\s+#?([^}]*)}", "`$1`")
                .replaceAll("<a href=\"([^\"]*)\">([^<]*)</a>", "[$2]($1)")
                .replaceAll("</?\\w+>", "")
                .replaceAll("\\s+", " ")
                .replace("|", "\\|")
                .strip();
    }
}
