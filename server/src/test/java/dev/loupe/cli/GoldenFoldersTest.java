package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.service.Settings;
import dev.loupe.service.Views;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

/** What version 1 has written, every later version reads: the committed folders of each kind, made by {@link GoldenFolders}. */
class GoldenFoldersTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden/v1");

    @TempDir
    Path folder;

    private Path root;
    private Workbench bench;

    @BeforeEach
    void aWorkspaceOfVersionOne() throws IOException {
        root = folder.resolve("w");
        copy(GOLDEN, root);
        bench = bench(root);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    @Test
    void everyKindOpensAndHoldsWhatItHeld() {
        assertThat(bench.stores().get("small").problem()).isNull();
        assertThat(new Cli(root).run("store", "verify", "small").code()).isZero();
        assertThat(bench.stores().head("small", 3)).hasSize(3);
        assertThat(bench.saes().open("tiny-s0").dSae()).isEqualTo(32);
        assertThat(bench.saeRow("tiny-s0").report()).as("the report card").isNotNull();
        assertThat(bench.features().indexed()).containsExactly("tiny-s0");
        assertThat(bench.features().index("tiny-s0").manifest().dSae()).isEqualTo(32);
        assertThat(new Cli(root).run("compare", "tiny-s0", "tiny-s1", "--json").code())
                .isZero();
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
                "variants/calm.json")) {
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

    @ParameterizedTest
    @CsvSource({
        "activations/small/store.json, store info small",
        "saes/tiny-s0/loupe.json, eval tiny-s0",
        "features/tiny-s0/index.json, export tiny-s0 out --format neuronpedia",
        "variants/calm.json, steer --variant calm x",
        "graphs/imported/graph.json, circuit graph --open imported",
    })
    void aNewerFormatIsRefusedInOneSentence(String manifest, String command) {
        Path file = root.resolve(manifest);
        ObjectNode newer = (ObjectNode) Json.tree(file);
        newer.put("format", "7.2");
        Json.write(file, newer);
        Cli.Result r = new Cli(root)
                .run(command.replace(" out ", " " + folder.resolve("out") + " ").split(" "));
        assertThat(r.code()).as(r.out()).isNotZero();
        assertThat(r.err()).contains("7.2").containsPattern("newer Loupe|needs a Loupe");
        assertThat(r.err().strip().lines().filter(l -> l.contains("7.2"))).hasSize(1);
    }

    @Test
    void theCatalogueIsTheFoldersAndNothingElse() throws IOException {
        List<String> before = catalogue(bench, root);
        Map<String, Long> files = files(root);
        bench.close();
        // all that a server keeps for itself goes: logs, search indexes
        delete(root.resolve("logs"));
        delete(root.resolve("features/tiny-s0/search"));
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

    private static List<String> catalogue(Workbench bench, Path root) {
        List<Object> all = new ArrayList<>();
        all.addAll(bench.stores().list());
        all.addAll(bench.saeRows());
        all.addAll(bench.features().indexed());
        all.addAll(bench.graphs().names());
        all.addAll(bench.circuits().list());
        all.addAll(bench.steer().variants());
        all.addAll(bench.notes().lists());
        all.addAll(bench.jobs().list());
        return all.stream()
                .map(o -> Views.line(o).replace(root.toString(), "ROOT"))
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

    private static Workbench bench(Path root) {
        return new Workbench(
                Workspace.create(root), Settings.load(Map.of(Settings.Key.WORKSPACE, root.toString()), Map.of()));
    }

    private static void delete(Path path) throws IOException {
        dev.loupe.base.AtomicFiles.deleteTree(path);
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : all.toList()) {
                Path target = to.resolve(from.relativize(p).toString());
                if (Files.isDirectory(p)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(p, target, StandardCopyOption.COPY_ATTRIBUTES);
                }
            }
        }
    }
}
