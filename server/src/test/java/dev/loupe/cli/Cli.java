package dev.loupe.cli;

import dev.loupe.base.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Runs commands as a user would: in this process, or as one of their own where it is to be killed. */
public final class Cli {
    /** What a command left behind. */
    public record Result(int code, String out, String err) {
        /** The one JSON object on stdout. */
        public JsonNode json() {
            return Json.MAPPER.readTree(out);
        }
    }

    private final Path workspace;
    private final Map<String, String> environment;

    public Cli(Path workspace) {
        this(workspace, Map.of());
    }

    public Cli(Path workspace, Map<String, String> environment) {
        this.workspace = workspace;
        this.environment = environment;
    }

    /** Runs a command in this process. */
    public Result run(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        List<String> all = new ArrayList<>(List.of("--workspace", workspace.toString()));
        all.addAll(List.of(args));
        int code;
        try (PrintStream o = new PrintStream(out, true, StandardCharsets.UTF_8);
                PrintStream e = new PrintStream(err, true, StandardCharsets.UTF_8)) {
            code = Main.run(o, e, environment, all.toArray(String[]::new));
        }
        return new Result(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** Starts a command as a process of its own. */
    public Process start(Path log, String... args) throws IOException {
        return start(log, Map.of(), args);
    }

    /** The same with environment variables more than this process has. */
    public Process start(Path log, Map<String, String> more, String... args) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(f -> !f.startsWith("-agentlib") && !f.startsWith("-javaagent"))
                .toList());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.loupe.cli.Main"));
        command.addAll(List.of("--workspace", workspace.toString()));
        command.addAll(List.of(args));
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().putAll(more);
        return builder.start();
    }
}
