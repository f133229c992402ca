package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.compare.Matching;
import dev.loupe.compare.MatchingFiles;
import dev.loupe.eval.SetReport;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.graph.GraphView;
import dev.loupe.sae.TranscoderSet;
import dev.loupe.service.Explanation;
import dev.loupe.service.SeedExperiment;
import dev.loupe.service.Views;
import dev.loupe.service.Workbench;
import dev.loupe.steer.SteeringVector;
import dev.loupe.steer.VariantFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What version 1 has written, every later version reads: the committed folders of each kind, made by {@link GoldenFolders}. */
class GoldenFoldersTest extends GoldenWorkspace {
    @Test
    void everyKindOpensAndHoldsWhatItHeld() {
        assertThat(bench.stores().get("small").problem()).isNull();
        assertThat(new Cli(root).run("store", "verify", "small").code()).isZero();
        assertThat(bench.stores().head("small", 3)).hasSize(3);
        assertThat(bench.saes().open("tiny-s0").dSae()).isEqualTo(32);
        assertThat(bench.saeRow("tiny-s0").report()).as("the report card").isNotNull();
        assertThat(bench.features().indexed()).containsExactly("tiny-s0");
        assertThat(bench.features().index("tiny-s0").manifest().dSae()).isEqualTo(32);
        Matching matching = MatchingFiles.open(root.resolve("comparisons"), "tiny-s0", "tiny-s1");
        assertThat(matching.threshold()).isEqualTo(0.5);
        assertThat(matching.decoderMatch()).hasSize(32);
        assertThat(matching.agreement()).isEqualTo(0.78125);
        assertThat(bench.patch().get("pair").unit()).isEqualTo("logits");
        assertThat(bench.circuits().get("person").nodes()).isNotEmpty();
        assertThat(bench.graphs().get("imported").nodes()).isNotEmpty();
        assertThat(bench.diagnose().list())
                .isNotEmpty()
                .allSatisfy(
                        d -> assertThat(bench.diagnose().get(d).diagnostic()).isEqualTo("depth-profile"));
        assertThat(bench.sweeps().get("widths").rows()).hasSize(2);
        assertThat(bench.steer().variants()).containsExactly("calm");
        assertThat(bench.steer().variant("calm").edits()).hasSize(1);
        assertThat(bench.notes().note("tiny-s0", 3).text()).isEqualTo("a note");
        assertThat(bench.notes().list("mine").features()).hasSize(1);
        assertThat(bench.jobs().list())
                .isNotEmpty()
                .allSatisfy(j -> assertThat(j.state().name()).isEqualTo("DONE"));
    }

    @Test
    void theLaterKindsOpenToo() {
        SeedExperiment seeds = bench.seeds().get("twins");
        assertThat(seeds.cells()).hasSize(1);
        assertThat(bench.saes().open(seeds.cells().getFirst().saes().getFirst()).dSae())
                .isEqualTo(8);
        assertThat(bench.languages().get("words").rows()).isNotEmpty();
        SteeringVector vector = VariantFiles.openVector(bench.workspace().variants(), "english");
        assertThat(vector.values()).hasSize(192);
        TranscoderSet coders = TranscoderSet.open(root.resolve("saes"), "coders");
        assertThat(coders.crossLayer()).isFalse();
        assertThat(coders.dSae(0)).isEqualTo(4);
        TranscoderSet across = TranscoderSet.open(root.resolve("saes"), "across");
        assertThat(across.crossLayer()).isTrue();
        assertThat(across.size()).isEqualTo(coders.size());
        assertThat(SetReport.open(root.resolve("saes"), "across").layers()).hasSize(across.size());
        assertThat(bench.saes().open("cross").hooksIn())
                .containsExactly("blocks.1.hook_resid_post", "blocks.2.hook_resid_post");
        assertThat(bench.notes().explanations("tiny-s0", 3))
                .extracting(Explanation::text)
                .containsExactly("the start of a speech");
        assertThat(bench.models().get("tiny").problem()).contains("owner/tiny");
        GraphView view = bench.graphs().view("imported");
        assertThat(view.groups()).extracting(GraphView.Group::name).containsExactly("a group");
        assertThat(view.influence()).isEqualTo(0.8);
        assertThat(bench.compare()
                        .activations("tiny-s0", "tiny-s1")
                        .orElseThrow()
                        .correlation())
                .hasSize(32);
    }

    @Test
    void everyManifestCarriesItsFormat() throws IOException {
        for (String kind : List.of(
                "activations/small/store.json",
                "saes/tiny-s0/loupe.json",
                "saes/tiny-s0/report.json",
                "features/tiny-s0/index.json",
                "patches/pair/patch.json",
                "circuits/person/circuit.json",
                "graphs/imported/graph.json",
                "sweeps/widths/sweep.json",
                "variants/calm.json",
                "variants/vectors/english.json",
                "seeds/twins/experiment.json",
                "languages/words/table.json",
                "saes/across.report.json",
                "saes/across-l0/loupe.json",
                "saes/coders-l0/loupe.json",
                "saes/cross/loupe.json",
                "models/tiny/source.json",
                "graphs/imported/view.json",
                "comparisons/tiny-s0--tiny-s1/activations.json")) {
            assertThat(Json.tree(root.resolve(kind)).path("format").asString(""))
                    .as(kind)
                    .matches("1\\.\\d+");
        }
        for (Map.Entry<String, String> kind : Map.of(
                        "comparisons", "comparison.json", "diagnostics", "diagnostic.json", "jobs", "request.json")
                .entrySet()) {
            try (Stream<Path> all = Files.walk(root.resolve(kind.getKey()))) {
                assertThat(all.filter(f -> f.endsWith(kind.getValue())).toList())
                        .as(kind.getKey())
                        .isNotEmpty()
                        .allSatisfy(f -> assertThat(Json.tree(f).path("format").asString(""))
                                .matches("1\\.\\d+"));
            }
        }
    }

    @Test
    void theCatalogueIsTheFoldersAndNothingElse() throws IOException {
        List<String> before = catalogue(bench, root);
        Map<String, Long> files = files(root);
        bench.close();
        delete(root.resolve("logs")); // all that a server keeps for itself
        delete(root.resolve("models/builtin"));
        bench = bench(root);
        assertThat(catalogue(bench, root)).isEqualTo(before);
        // and a copy of the folder elsewhere is the same workspace
        Path copy = folder.resolve("copy");
        copy(root, copy);
        try (Workbench other = bench(copy)) {
            assertThat(catalogue(other, copy)).isEqualTo(before);
        }
        assertThat(files(root)).as("looking changes nothing").containsAllEntriesOf(files(GOLDEN));
        assertThat(files).isNotEmpty();
    }

    @Test
    void theSearchIndexIsMadeAgainFromTheTables() throws IOException {
        delete(root.resolve("features/tiny-s0"));
        assertThat(new Cli(root).run("index", "tiny-s0").code()).isZero();
        Path search = root.resolve("features/tiny-s0/search");
        assertThat(search).isNotEmptyDirectory();
        String word = bench.features().index("tiny-s0").all().stream()
                .filter(f -> !f.dead())
                .map(FeatureSummary::topToken)
                .map(String::strip)
                .filter(t -> t.matches("\\p{L}{2,}"))
                .findFirst()
                .orElseThrow();
        String before = Views.line(bench.features().index("tiny-s0").search(word, 20));
        assertThat(before).contains(word, "score");
        bench.close();
        delete(search);
        bench = bench(root);
        assertThat(Views.line(bench.features().index("tiny-s0").search(word, 20)))
                .isEqualTo(before);
    }

    /** Everything of every kind, as lists show it. */
    private static List<String> catalogue(Workbench bench, Path root) {
        Map<String, List<?>> kinds = new TreeMap<>();
        kinds.put("stores", bench.stores().list());
        kinds.put("SAEs", bench.saeRows());
        kinds.put("models", bench.models().list());
        kinds.put("indexes", bench.features().indexed());
        kinds.put("comparisons", bench.compare().list());
        kinds.put("patches", bench.patch().list());
        kinds.put("circuits", bench.circuits().list());
        kinds.put("graphs", bench.graphs().list());
        kinds.put(
                "views",
                bench.graphs().names().stream().map(bench.graphs()::view).toList());
        kinds.put("diagnostics", bench.diagnose().results());
        kinds.put(
                "sweeps",
                bench.sweeps().list().stream().map(bench.sweeps()::get).toList());
        kinds.put("seeds", bench.seeds().list().stream().map(bench.seeds()::get).toList());
        kinds.put(
                "languages",
                bench.languages().list().stream().map(bench.languages()::get).toList());
        kinds.put(
                "variants",
                bench.steer().variants().stream().map(bench.steer()::variant).toList());
        kinds.put("vectors", List.of(VariantFiles.openVector(bench.workspace().variants(), "english")));
        kinds.put("notes", bench.notes().notes("tiny-s0"));
        kinds.put(
                "lists", bench.notes().lists().stream().map(bench.notes()::list).toList());
        kinds.put("explanations", bench.notes().explanations("tiny-s0"));
        kinds.put("jobs", bench.jobs().list());
        assertThat(kinds).allSatisfy((kind, all) -> assertThat(all).as(kind).isNotEmpty());
        return kinds.entrySet().stream()
                .flatMap(k -> k.getValue().stream().map(o -> k.getKey() + " " + Views.line(o)))
                .map(line -> line.replace(root.toString(), "ROOT"))
                .toList();
    }

    private static Map<String, Long> files(Path root) throws IOException {
        Map<String, Long> all = new TreeMap<>();
        try (Stream<Path> walk = Files.walk(root)) {
            for (Path f : walk.filter(Files::isRegularFile).toList()) {
                String name = root.relativize(f).toString();
                if (!name.startsWith("logs") && !name.contains("/search/")) {
                    all.put(name, Files.size(f));
                }
            }
        }
        return all;
    }

    private static void delete(Path path) throws IOException {
        dev.loupe.base.AtomicFiles.deleteTree(path);
    }
}
