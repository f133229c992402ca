package dev.loupe.cli;

import dev.loupe.base.AtomicFiles;
import dev.loupe.service.FeatureList;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import dev.loupe.steer.Variant;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import tools.jackson.databind.json.JsonMapper;

/**
 * Makes the small workspace under {@code src/test/resources/golden}, one folder of each kind as this version writes it. To be
 * run once for each new major format, into a folder of its own; the older ones stay as they are.
 */
final class GoldenFolders {
    /** A sweep of the two widths that the golden one has. */
    static final String SWEEP = """
                name: widths
                store: small
                arch: topk
                d_sae: [16, 32]
                k: 4
                steps: 10
                seeds: 0
                evaluate: false
                set: {batch: 64}
                """;

    private final Path root;

    private GoldenFolders(Path root) {
        this.root = root;
    }

    /**
     * Takes the folder to make and a graph of circuit-tracer to import. Without a graph, the folder is a workspace of this
     * format that was made before, and the kinds of {@link GoldenKinds} come into it; what is there stays.
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        GoldenFolders folders = new GoldenFolders(Path.of(args[0]));
        if (args.length > 1) {
            folders.make(Path.of(args[1]));
        }
        folders.more();
    }

    /** In a copy, of which only what is new is kept: a file of the golden folder is never written again. */
    private void more() throws IOException, InterruptedException {
        Path copy = Files.createTempDirectory("golden").resolve("w");
        copyNew(root, copy);
        GoldenFolders folders = new GoldenFolders(copy);
        new GoldenKinds(copy).make();
        folders.forgetThisMachine();
        for (String own : List.of("jobs", "activations")) {
            AtomicFiles.deleteTree(copy.resolve(own)); // those of the first kinds show what they are
        }
        copyNew(copy, root);
        AtomicFiles.deleteTree(copy.getParent());
    }

    private static void copyNew(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path file : all.filter(Files::isRegularFile).toList()) {
                Path target = to.resolve(from.relativize(file).toString());
                if (!Files.exists(target)) {
                    Files.createDirectories(target.getParent());
                    Files.copy(file, target, StandardCopyOption.COPY_ATTRIBUTES);
                }
            }
        }
    }

    private void make(Path graph) throws IOException {
        // long: one folder of each kind after the other
        run(
                "capture",
                "--text",
                "builtin:europarl",
                "--hook",
                SmallWorkspace.HOOK,
                "--tokens",
                "600",
                "--context",
                "32",
                "--held-out",
                "0.2",
                "--name",
                "small");
        run(
                "train",
                "--store",
                "small",
                "--arch",
                "topk",
                "--d-sae",
                "32",
                "--k",
                "4",
                "--seeds",
                "0,1",
                "--steps",
                "10",
                "--set",
                "batch=64",
                "--name",
                "tiny");
        run("eval", "tiny-s0", "tiny-s1", "--no-random-control");
        run("index", "tiny-s0");
        run("compare", "tiny-s0", "tiny-s1", "--threshold", "0.5");
        run(
                "patch",
                "--clean",
                "I would like to thank the rapporteur. I",
                "--corrupt",
                "We would like to thank the rapporteur. We",
                "--answer",
                " am",
                "--wrong",
                " are",
                "--sites",
                "resid_post",
                "--save",
                "pair");
        run(
                "circuit",
                "--task",
                "person",
                "--task-pairs",
                "2",
                "--saes",
                "tiny-s0",
                "--nodes",
                "5",
                "--points",
                "3",
                "--save",
                "person");
        Path json = Files.createTempFile("graph", ".json");
        try (InputStream in = new GZIPInputStream(Files.newInputStream(graph))) {
            Files.write(json, in.readAllBytes());
        }
        run("circuit", "graph", "--import", json.toString(), "--save", "imported");
        Files.delete(json);
        run("diagnose", "depth-profile", "--model", "builtin", "--tokens", "300");
        Path sweep = Files.createTempFile("widths", ".yaml");
        Files.writeString(sweep, SWEEP);
        run("sweep", sweep.toString());
        Files.delete(sweep);
        try (Workbench bench = new Workbench(
                Workspace.create(root), Settings.load(Map.of(Settings.Key.WORKSPACE, root.toString()), Map.of()))) {
            bench.steer()
                    .save(Variant.of(
                                    JsonMapper.shared()
                                            .readTree(
                                                    "{\"edits\": [{\"feature\": \"tiny-s0:3\", \"op\": \"add\", \"strength\": 2}]}"))
                            .named("calm"));
            bench.notes().save("tiny-s0", 3, "a note", 0);
            bench.notes()
                    .save(new FeatureList(
                            "mine", "a list", List.of(new FeatureList.Item("tiny-s0", 3, "")), 0, Instant.EPOCH));
        }
        forgetThisMachine();
    }

    /** The embedded model, which every version brings; logs, locks, and who owned the jobs. */
    private void forgetThisMachine() throws IOException {
        for (String own : List.of("logs", "models/builtin", "features/tiny-s0/search")) {
            AtomicFiles.deleteTree(root.resolve(own));
        }
        try (Stream<Path> all = Files.walk(root)) {
            for (Path file : all.filter(Files::isRegularFile).toList()) {
                String name = file.getFileName().toString();
                if (List.of("owner.json", "heartbeat", "log").contains(name) || name.endsWith(".lock")) {
                    Files.delete(file);
                } else if (name.endsWith(".json") || name.endsWith(".jsonl")) {
                    String here = root.toAbsolutePath().normalize().toString();
                    Files.writeString(file, Files.readString(file).replace(here, "/home/me/loupe"));
                }
            }
        }
    }

    private void run(String... args) {
        Cli.Result r = new Cli(root).run(args);
        if (r.code() != 0) {
            throw new IllegalStateException("loupe " + String.join(" ", args) + ": " + r.err());
        }
    }
}
