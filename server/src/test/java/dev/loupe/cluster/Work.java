package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Checksums;
import dev.loupe.cli.Cli;
import dev.loupe.cli.SmallWorkspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The same small work by commands, wherever it is done, and checksums of what it leaves behind. */
final class Work {
    private Work() {}

    /** A text of its own for a test. */
    static Path text(Path folder) throws IOException {
        Path text = folder.resolve("text.jsonl");
        if (!Files.exists(text)) {
            Files.writeString(text, SmallWorkspace.documents(150));
        }
        return text;
    }

    static String[] capture(Path text, int tokens, String... more) {
        return with(
                List.of(
                        "capture",
                        "--text",
                        text.toString(),
                        "--hook",
                        SmallWorkspace.HOOK,
                        "--tokens",
                        Integer.toString(tokens),
                        "--held-out",
                        "0.2",
                        "--name",
                        "s",
                        "--shard-rows",
                        "1024"),
                more);
    }

    /** One small SAE of the store. */
    static String[] train(String name, String... more) {
        return with(
                List.of(
                        "train",
                        "--name",
                        name,
                        "--store",
                        "s",
                        "--arch",
                        "topk",
                        "--d-sae",
                        "64",
                        "--k",
                        "4",
                        "--set",
                        "batch=256"),
                more);
    }

    /** Two seeds, matched, in a small experiment. */
    static String[] seeds(String... more) {
        return with(
                List.of(
                        "seeds",
                        "--name",
                        "e",
                        "--store",
                        "s",
                        "--arch",
                        "topk",
                        "--d-sae",
                        "64",
                        "--k",
                        "4",
                        "--seeds",
                        "0..1",
                        "--tokens",
                        "2048",
                        "--set",
                        "batch=256",
                        "--set",
                        "keep_every=4 steps"),
                more);
    }

    /** Two seeds so wide that their cosines are found in blocks, a task each. */
    static String[] wideSeeds(String... more) {
        return with(
                List.of(
                        "seeds",
                        "--name",
                        "w",
                        "--store",
                        "s",
                        "--arch",
                        "topk",
                        "--d-sae",
                        "8320",
                        "--k",
                        "4",
                        "--seeds",
                        "0..1",
                        "--tokens",
                        "512",
                        "--set",
                        "batch=256"),
                more);
    }

    /** An archive as a release has it, whose program starts what this process was started from. */
    static Path archive(Path folder, String name) throws IOException, InterruptedException {
        Path release = Files.createDirectories(folder.resolve("loupe-1"));
        StringBuilder script = new StringBuilder("#!/bin/bash\necho \"$0\" >> \"$PWD/started\"\nexec '"
                + System.getProperty("java.home") + "/bin/java'");
        Executors.jvm().forEach(flag -> script.append(" '").append(flag).append('\''));
        Files.writeString(release.resolve("loupe"), script.append(" dev.loupe.cli.Main \"$@\"\n"));
        Path archive = folder.resolve(name);
        assertThat(new ProcessBuilder("tar", "-czf", archive.toString(), "-C", folder.toString(), "loupe-1")
                        .start()
                        .waitFor())
                .isZero();
        return archive;
    }

    /** Copies a folder of files. */
    static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path target = to.resolve(from.relativize(file));
                Files.createDirectories(target.resolveSibling(""));
                Files.copy(file, target);
            }
        }
    }

    /** Two SAEs, trained together. */
    static String[] sweep(Path folder, String... more) throws IOException {
        Path file = Files.writeString(folder.resolve("sweep.yaml"), """
                name: q
                store: s
                arch: [topk, jumprelu]
                d_sae: 64
                k: 4
                steps: 8
                set:
                  batch: 256
                evaluate: false
                """);
        return with(List.of("sweep", file.toString()), more);
    }

    static String[] with(List<String> arguments, String... more) {
        List<String> all = new ArrayList<>(arguments);
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    static Cli.Result done(Cli cli, String... arguments) {
        Cli.Result r = cli.run(arguments);
        assertThat(r.code())
                .as("loupe %s: %s", String.join(" ", arguments), r.err())
                .isZero();
        return r;
    }

    /** The first SAE of a folder of SAEs. */
    static String first(Path saes) throws IOException {
        try (Stream<Path> all = Files.list(saes)) {
            return all.map(p -> p.getFileName().toString())
                    .filter(n -> !n.startsWith("."))
                    .sorted()
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** Checksums of all files below a folder that say nothing of the time or the way they were made. */
    static Map<String, String> checksums(Path folder) throws IOException {
        Map<String, String> all = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String name = folder.relativize(file).toString();
                boolean timed = name.endsWith("loupe.json")
                        || name.endsWith("report.json")
                        || name.endsWith("index.json")
                        || name.endsWith("experiment.json")
                        || name.contains("search/")
                        || name.endsWith(".lock");
                if (!timed) {
                    all.put(name, Checksums.sha256(file));
                }
            }
        }
        return all;
    }
}
