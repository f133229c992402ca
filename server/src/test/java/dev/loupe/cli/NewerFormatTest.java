package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.base.NewerFormatException;
import dev.loupe.compare.MatchingFiles;
import dev.loupe.graph.GraphView;
import dev.loupe.service.FeatureList;
import dev.loupe.service.Job;
import dev.loupe.service.JobState;
import dev.loupe.service.Workbench;
import dev.loupe.steer.Variant;
import dev.loupe.steer.VariantFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.node.ObjectNode;

/** What a later Loupe has written in a way of its own is refused in one sentence, and stays as it is. */
class NewerFormatTest extends GoldenWorkspace {
    /** Something that reads or would replace a file. */
    private interface Use {
        void of(Workbench bench);
    }

    private record Kind(String file, String what, Use use) {
        @Override
        public String toString() {
            return file + ", " + what;
        }
    }

    private static Kind opened(String file, Use use) {
        return new Kind(file, "opened", use);
    }

    static Stream<Kind> opened() throws IOException {
        return Stream.of(
                opened("activations/small/store.json", b -> b.stores().open("small")),
                opened("saes/tiny-s0/loupe.json", b -> b.saes().open("tiny-s0")),
                opened("saes/tiny-s0/report.json", b -> b.evaluations().report("tiny-s0")),
                opened("features/tiny-s0/index.json", b -> b.features().index("tiny-s0")),
                opened("features/tiny-s0/index.json", b -> b.features().isCurrent("tiny-s0")),
                opened(
                        "features/tiny-s0/index.json",
                        b -> b.pictures().map("tiny-s0", dev.loupe.base.Progress.silent())),
                opened(
                        "comparisons/tiny-s0--tiny-s1/comparison.json",
                        b -> b.compare().get("tiny-s0", "tiny-s1")),
                opened(
                        "comparisons/tiny-s0--tiny-s1/activations.json",
                        b -> b.compare().activations("tiny-s0", "tiny-s1")),
                opened("patches/pair/patch.json", b -> b.patch().get("pair")),
                opened("circuits/person/circuit.json", b -> b.circuits().get("person")),
                opened("graphs/imported/graph.json", b -> b.graphs().get("imported")),
                opened("graphs/imported/view.json", b -> b.graphs().view("imported")),
                opened(
                        "diagnostics/20261126-001859-depth-profile/diagnostic.json",
                        b -> b.diagnose().get("20261126-001859-depth-profile")),
                opened("sweeps/widths/sweep.json", b -> b.sweeps().get("widths")),
                opened("seeds/twins/experiment.json", b -> b.seeds().get("twins")),
                opened("languages/words/table.json", b -> b.languages().get("words")),
                opened("variants/calm.json", b -> b.steer().variant("calm")),
                opened(
                        "variants/vectors/english.json",
                        b -> VariantFiles.openVector(b.workspace().variants(), "english")),
                opened("models/tiny/source.json", b -> b.models().folder("tiny")),
                opened("notes/features/tiny-s0/3.json", b -> b.notes().note("tiny-s0", 3)),
                opened("notes/features/tiny-s0/3.json", b -> b.notes().notes("tiny-s0")),
                opened("notes/lists/mine.json", b -> b.notes().list("mine")),
                opened(
                        "jobs/20261126-001836-train-xace/request.json",
                        b -> b.jobs().get("20261126-001836-train-xace")),
                new Kind(
                        "notes/features/tiny-s0/3.json", "saved", b -> b.notes().save("tiny-s0", 3, "other", 1)),
                new Kind(
                        "notes/lists/mine.json",
                        "saved",
                        b -> b.notes().save(new FeatureList("mine", "other", List.of(), 1, Instant.EPOCH))),
                new Kind("graphs/imported/view.json", "saved", b -> b.graphs().saveView("imported", GraphView.empty())),
                new Kind(
                        "variants/calm.json",
                        "saved",
                        b -> b.steer()
                                .save(Variant.of(Json.MAPPER.readTree("{\"edits\": []}"))
                                        .named("calm"))),
                new Kind("comparisons/tiny-s0--tiny-s1/comparison.json", "saved", b -> {
                    var m = MatchingFiles.open(GOLDEN.resolve("comparisons"), "tiny-s0", "tiny-s1");
                    MatchingFiles.save(b.workspace().comparisons(), m);
                }));
    }

    @ParameterizedTest
    @MethodSource("opened")
    void itIsRefusedInOneSentence(Kind kind) throws IOException {
        Path file = newer(kind.file());
        byte[] before = Files.readAllBytes(file);
        assertThatThrownBy(() -> kind.use().of(bench))
                .isInstanceOf(NewerFormatException.class)
                .hasMessageContaining("has format 7.2; this program reads 1.x: a newer Loupe is needed")
                .hasMessageNotContaining("damaged");
        assertThat(file).hasBinaryContent(before);
    }

    static Stream<String> commands() {
        return Stream.of(
                "activations/small/store.json: store info small",
                "saes/tiny-s0/loupe.json: eval tiny-s0",
                "saes/tiny-s0/report.json: eval tiny-s0 --no-random-control",
                "saes/across.report.json: eval across --store small",
                "features/tiny-s0/index.json: index tiny-s0",
                "features/tiny-s0/index.json: export tiny-s0 out --format neuronpedia",
                "comparisons/tiny-s0--tiny-s1/comparison.json: compare tiny-s0 tiny-s1 --threshold 0.9",
                "comparisons/tiny-s0--tiny-s1/activations.json: compare tiny-s0 tiny-s1 --activations",
                "graphs/imported/graph.json: circuit graph --open imported",
                "sweeps/widths/sweep.json: sweep widths.yaml",
                "seeds/twins/experiment.json: seeds --store small --name twins --seeds 0,1",
                "languages/words/table.json: languages --sae tiny-s0 --name words",
                "variants/calm.json: steer --variant calm x",
                "jobs/20261126-001836-train-xace/request.json: task jobs/20261126-001836-train-xace/request.json");
    }

    @ParameterizedTest
    @MethodSource("commands")
    void aCommandSaysSoAndLeavesIt(String kind) throws IOException {
        Path file = newer(kind.substring(0, kind.indexOf(':')));
        byte[] before = Files.readAllBytes(file);
        Path sweep = Files.writeString(folder.resolve("widths.yaml"), GoldenFolders.SWEEP);
        String command = kind.substring(kind.indexOf(':') + 2)
                .replace(" out ", " " + folder.resolve("out") + " ")
                .replace("widths.yaml", sweep.toString())
                .replace("jobs/", root.resolve("jobs") + "/");
        Cli.Result r = new Cli(root).run(command.split(" "));
        assertThat(r.code()).as(r.out()).isNotZero();
        assertThat(r.err()).contains("7.2", "a newer Loupe is needed").doesNotContain("damaged");
        assertThat(r.err().strip().lines().filter(l -> l.contains("7.2"))).hasSize(1);
        assertThat(file).hasBinaryContent(before);
    }

    @Test
    void listsShowTheOthersAndSayWhy() throws IOException {
        newer("saes/tiny-s0/report.json");
        newer("jobs/20261126-001836-train-xace/request.json");
        int saes = bench.saes().names().size();
        assertThat(bench.saeRows()).hasSize(saes).anySatisfy(row -> {
            assertThat(row.sae().name()).isEqualTo("tiny-s0");
            assertThat(row.report()).isNull();
            assertThat(row.reportProblem()).contains("7.2", "a newer Loupe is needed");
        });
        assertThat(bench.saeRow("tiny-s1").report()).isNotNull();
        assertThat(bench.jobs().list())
                .filteredOn(j -> j.state() == JobState.UNKNOWN)
                .singleElement()
                .satisfies(j -> {
                    assertThat(j.id()).isEqualTo("20261126-001836-train-xace");
                    assertThat(j.kind()).isEqualTo("train");
                    assertThat(j.text()).contains("7.2", "a newer Loupe is needed");
                });
        assertThat(bench.jobs().list()).extracting(Job::state).contains(JobState.DONE);
    }

    @Test
    void whatALaterMinorVersionAddedToANoteStaysWhenItIsChanged() {
        for (String name :
                List.of("notes/features/tiny-s0/3.json", "notes/lists/mine.json", "graphs/imported/view.json")) {
            Path file = root.resolve(name);
            ObjectNode later = (ObjectNode) Json.tree(file);
            later.put("format", "1.9").put("colour", "blue");
            Json.write(file, later);
        }
        bench.notes().save("tiny-s0", 3, "other", 1);
        bench.notes().save(new FeatureList("mine", "other", List.of(), 1, Instant.EPOCH));
        bench.graphs().saveView("imported", GraphView.empty());
        for (Map.Entry<String, String> changed : Map.of(
                        "notes/features/tiny-s0/3.json",
                        "/text=other",
                        "notes/lists/mine.json",
                        "/description=other",
                        "graphs/imported/view.json",
                        "/selected=")
                .entrySet()) {
            var now = Json.tree(root.resolve(changed.getKey()));
            assertThat(now.path("colour").asString("")).isEqualTo("blue");
            assertThat(now.path("format").asString("")).isEqualTo("1.9");
            String[] field = changed.getValue().split("=", -1);
            assertThat(now.at(field[0]).asString("")).as(changed.getKey()).isEqualTo(field[1]);
        }
    }

    private Path newer(String name) {
        Path file = root.resolve(name);
        ObjectNode newer = (ObjectNode) Json.tree(file);
        newer.put("format", "7.2");
        Json.write(file, newer);
        return file;
    }
}
