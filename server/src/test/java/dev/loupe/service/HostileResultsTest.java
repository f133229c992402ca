package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.cli.Cli;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.fixtures.Cases;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged results: sweeps, experiments on seeds, patches, attribution graphs and diagnostics. Each is read, and what was read
 * can be answered as JSON, or it is refused in a sentence. A quarter of the cases of {@link HostileFilesTest}.
 */
class HostileResultsTest {
    private static final int CASES = Integer.getInteger("loupe.fuzz.files", 1_000) / 4;

    @TempDir
    Path folder;

    /** Reads a kind of results as the pages do. */
    @FunctionalInterface
    private interface Use {
        List<Object> of(Workbench bench);
    }

    @Test
    void everyKindOfResultIsReadOrRefused() throws IOException {
        Path root = workspace();
        List<List<DamagedFiles.Target>> kinds = new ArrayList<>();
        kinds.add(targets(
                root, "sweeps", b -> List.of(b.sweeps().list(), b.sweeps().get("made"))));
        kinds.add(
                targets(root, "seeds", b -> List.of(b.seeds().list(), b.seeds().get("made"))));
        kinds.add(targets(
                root, "patches", b -> List.of(b.patch().list(), b.patch().get("made"))));
        kinds.add(targets(root, "diagnostics", b -> {
            List<Object> all = new ArrayList<>(b.diagnose().results());
            for (String id : b.diagnose().list()) {
                all.add(b.diagnose().get(id));
                all.add(b.diagnose().table(id).rows());
            }
            return all;
        }));
        kinds.add(targets(root, "graphs", b -> {
            Graphs g = b.graphs();
            var graph = g.get("made");
            return List.of(
                    g.list(),
                    graph,
                    g.view("made"),
                    g.export(graph, "json"),
                    g.export(graph, "dot"),
                    g.export(graph, "svg"),
                    g.scores(graph, List.of(), dev.loupe.base.Progress.silent()));
        }));
        DamagedFiles files = new DamagedFiles();
        Cases.checkSame(CASES, random -> {
            List<DamagedFiles.Target> kind = kinds.get(random.nextInt(kinds.size()));
            files.damage(kind.get(random.nextInt(kind.size())), random);
        });
        assertThat(files.wrong()).isEmpty();
        assertThat(files.kinds()).hasSize(5);
    }

    private static List<DamagedFiles.Target> targets(Path root, String kind, Use use) throws IOException {
        DamagedFiles.Reader reader = () -> {
            try (Workbench bench = bench(root)) {
                use.of(bench).forEach(Json::line);
            }
        };
        List<DamagedFiles.Target> targets = new ArrayList<>();
        try (Stream<Path> files = Files.walk(root.resolve(kind))) {
            for (Path f : files.filter(Files::isRegularFile)
                    .filter(p -> !p.toString().endsWith(".lock"))
                    .sorted()
                    .toList()) {
                targets.add(DamagedFiles.Target.of(kind, f, reader));
            }
        }
        assertThat(targets).as(kind).isNotEmpty();
        return targets;
    }

    private static Workbench bench(Path root) {
        return new Workbench(
                Workspace.create(root), Settings.load(Map.of(Settings.Key.WORKSPACE, root.toString()), Map.of()));
    }

    private Path workspace() throws IOException {
        Path to = folder.resolve("loupe");
        for (String part : List.of("activations", "saes")) {
            try (Stream<Path> all = Files.walk(SmallWorkspace.folder().resolve(part))) {
                for (Path p : all.toList()) {
                    Path target =
                            to.resolve(SmallWorkspace.folder().relativize(p).toString());
                    if (Files.isDirectory(p)) {
                        Files.createDirectories(target);
                    } else {
                        Files.copy(p, target);
                    }
                }
            }
        }
        Path sweep = Files.writeString(folder.resolve("sweep.yaml"), """
                name: made
                store: small
                arch: [topk, relu]
                d_sae: [32]
                k: [4]
                seeds: [0]
                steps: 5
                set: {batch: 64}
                """);
        run(to, "sweep " + sweep);
        run(to, "seeds --store small --name made --seeds 0,1 --d-sae 32 --k 4 --tokens 1k --set batch=64");
        run(to, "diagnose --sae tiny-s0 --tokens 600 --trial-tokens 100 non-zero-share dormant-neurons");
        Cli.Result r = new Cli(to)
                .run(
                        "patch",
                        "--clean",
                        "The vote is",
                        "--corrupt",
                        "The debate is",
                        "--answer",
                        " the",
                        "--wrong",
                        " a",
                        "--sites",
                        "resid_pre",
                        "--save",
                        "made");
        assertThat(r.code()).as(r.err()).isZero();
        Path graph = Files.writeString(folder.resolve("graph.json"), HostileFilesTest.TRACER_GRAPH);
        try (Workbench bench = bench(to)) {
            bench.graphs().importAs(graph, "made");
        }
        return to;
    }

    private static void run(Path workspace, String command) {
        Cli.Result r = new Cli(workspace).run(command.split(" "));
        assertThat(r.code()).as(command + ": " + r.err()).isZero();
    }
}
