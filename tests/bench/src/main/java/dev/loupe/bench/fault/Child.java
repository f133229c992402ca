package dev.loupe.bench.fault;

import dev.loupe.cli.Main;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs a command in a process of its own, which says when it begins: faults shall meet the work, not the start of Java. */
final class Child {
    static final String BEGINS = "loupe-fault: the work begins";

    private static final int PATIENCE_SECONDS = 90;

    private final Process process;
    private final Path output;
    private final long begun;

    private Child(Process process, Path output) throws IOException, InterruptedException {
        this.process = process;
        this.output = output;
        while (process.isAlive()
                && !Files.readString(output, StandardCharsets.ISO_8859_1).contains(BEGINS)) {
            Thread.sleep(2);
        }
        this.begun = System.nanoTime();
    }

    /** What a command ended with: its exit code (128 and the signal if it was killed), what it said, how long it worked. */
    record End(int code, String said, double seconds) {
        /** The last line that is no progress. */
        String sentence() {
            List<String> lines = said.lines()
                    .map(String::strip)
                    .filter(l -> !l.isEmpty() && !l.equals(BEGINS) && !l.startsWith("WARNING: Using incubator"))
                    .toList();
            return lines.isEmpty() ? "" : lines.getLast();
        }
    }

    /** The child's main: says that it begins, then is the command. */
    public static void main(String[] args) {
        System.out.println(BEGINS);
        System.out.flush();
        Main.main(args);
    }

    /**
     * Starts a command; returns when it begins its work.
     *
     * @param java its JVM up to the main class
     * @param environment more variables
     */
    static Child start(
            List<String> java, Map<String, String> environment, Path workspace, Path output, List<String> arguments)
            throws IOException, InterruptedException {
        Files.writeString(output, "");
        List<String> command = new ArrayList<>(java);
        command.addAll(List.of("--quiet", "--workspace", workspace.toString()));
        command.addAll(arguments);
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
        builder.environment().putAll(environment);
        return new Child(builder.start(), output);
    }

    Process process() {
        return process;
    }

    /** Waits for its end; one that does not end is ended, and that is an error. */
    End await() throws IOException, InterruptedException {
        return await(PATIENCE_SECONDS);
    }

    End await(int patience) throws IOException, InterruptedException {
        if (!process.waitFor(patience, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
            String said = Files.readString(output, StandardCharsets.UTF_8);
            return new End(-1, said + "\nIt did not end within " + patience + " s.", patience);
        }
        double seconds = (System.nanoTime() - begun) / 1e9;
        return new End(process.exitValue(), Files.readString(output, StandardCharsets.UTF_8), seconds);
    }

    /** Runs a command in this process. */
    static End here(Path workspace, List<String> arguments) {
        var said = new java.io.ByteArrayOutputStream();
        List<String> all = new ArrayList<>(List.of("--quiet", "--workspace", workspace.toString()));
        all.addAll(arguments);
        long start = System.nanoTime();
        int code;
        try (PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8)) {
            code = Main.run(out, out, Map.of(), all.toArray(String[]::new));
        }
        return new End(code, said.toString(StandardCharsets.UTF_8), (System.nanoTime() - start) / 1e9);
    }
}
