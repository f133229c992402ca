package dev.loupe.cluster.spark;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A {@code loupe task} process of an executor. It takes one task after the other, a line each, so that the model is opened
 * once and the code is warm; when the executor dies, its end of the pipe closes and the child ends by itself.
 */
final class Child {
    /** By signal 9, which nobody but the system and a person sends. */
    private static final int KILLED = 137;

    private static final Map<String, Deque<Child>> IDLE = new ConcurrentHashMap<>();

    private final String key;
    private final Process process;
    private final BufferedReader out;
    private final BufferedWriter in;
    private final StringBuffer errors = new StringBuffer();
    private List<String> outputs = List.of();
    private List<String> leftovers = List.of();

    private Child(String key, Process process) {
        this.key = key;
        this.process = process;
        this.out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        this.in = new BufferedWriter(new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8));
        Thread reader = new Thread(this::readErrors, "loupe-child-errors");
        reader.setDaemon(true);
        reader.start();
    }

    /** A child that waits for work, or a new one. */
    static Child take(Launch launch, String gpus, int threads) throws IOException {
        String key = gpus + " " + threads;
        Deque<Child> idle = IDLE.computeIfAbsent(key, k -> new ConcurrentLinkedDeque<>());
        for (Child child; (child = idle.poll()) != null; ) {
            if (child.process.isAlive()) {
                return child;
            }
        }
        return new Child(key, process(launch, gpus, threads).start());
    }

    /** How a child is started: on the GPUs that Spark gave the task, of which it sees no others, else on the CPU. */
    static ProcessBuilder process(Launch launch, String gpus, int threads) {
        List<String> command = new ArrayList<>(launch.command());
        command.add("--threads");
        command.add(Integer.toString(threads));
        if (!gpus.isEmpty()) {
            command.add("--device");
            command.add("cuda:0");
        }
        command.add("task");
        command.add("--piped");
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.directory(new File(".").getAbsoluteFile());
        if (!gpus.isEmpty()) {
            builder.environment().put("CUDA_VISIBLE_DEVICES", gpus);
        }
        launch.environment(builder.environment());
        return builder;
    }

    /**
     * Gives it a task and waits for the answer.
     *
     * @param event hears of progress
     * @return the last line; what it has written is in {@link #outputs} then
     * @throws IOException if the child dies
     */
    String run(String request, Consumer<String> event) throws IOException, InterruptedException {
        try {
            in.write(request);
            in.newLine();
            in.flush();
        } catch (IOException e) {
            throw died();
        }
        outputs = List.of();
        leftovers = List.of();
        for (String line; (line = line()) != null; ) {
            if (line.startsWith("P")) {
                event.accept(line.substring(1));
            } else if (line.startsWith("O")) {
                outputs = List.of(line.substring(1).split("\t"));
            } else if (line.startsWith("L")) {
                leftovers = List.of(line.substring(1).split("\t"));
            } else if (!line.isEmpty()) {
                return line;
            }
        }
        throw died();
    }

    /** Names in the workspace of what the last task has written. */
    List<String> outputs() {
        return outputs;
    }

    /** Names in the workspace of what nobody needs once the outputs were taken. */
    List<String> leftovers() {
        return leftovers;
    }

    private @Nullable String line() {
        try {
            return out.readLine();
        } catch (IOException e) {
            return null; // closed by end
        }
    }

    private IOException died() throws InterruptedException {
        end();
        int code = process.waitFor();
        return new IOException(sentence(code, errors.toString().strip()));
    }

    /** Why a child has ended, and what to do about it where that is known. */
    static String sentence(int code, String last) {
        return ("The process of the task ended with code " + code
                + (code == KILLED
                        ? " (the system killed it, as it does when a machine or a container has no memory left: give"
                                + " executors more with spark.executor.memoryOverhead, or have fewer tasks at once with"
                                + " spark.task.cpus)"
                        : code > 128 ? " (killed by signal " + (code - 128) + ")" : "")
                + (last.isEmpty() ? "." : ": " + last.substring(Math.max(0, last.length() - 500))));
    }

    private void readErrors() {
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
            for (String line; (line = reader.readLine()) != null; ) {
                if (!line.startsWith("WARNING: Using incubator modules")) {
                    errors.append(line).append('\n');
                    errors.delete(0, Math.max(0, errors.length() - 4000));
                }
            }
        } catch (IOException closed) {
            // it ends
        }
    }

    /** Lets the next task have it. */
    void giveBack() {
        IDLE.computeIfAbsent(key, k -> new ConcurrentLinkedDeque<>()).push(this);
    }

    /** Ends it, now. */
    void end() {
        process.destroyForcibly();
    }

    /** Ends all that wait for work. */
    static void endAll() {
        IDLE.values().forEach(idle -> {
            for (Child child; (child = idle.poll()) != null; ) {
                child.end();
            }
        });
    }
}
