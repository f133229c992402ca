package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor;
import dev.loupe.base.UsageException;
import dev.loupe.base.WorkspaceJson;
import dev.loupe.capture.CaptureShardTask;
import dev.loupe.capture.ShardCapture;
import dev.loupe.compare.MatchBlockTask;
import dev.loupe.compare.MatchTask;
import dev.loupe.eval.EvalTask;
import dev.loupe.feature.CodeShards;
import dev.loupe.feature.IndexShardTask;
import dev.loupe.store.ShardFiles;
import dev.loupe.train.ClusterTraining;
import dev.loupe.train.TrainGroupTask;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Parts of larger work, done one after the other for a driver on another machine: a task a line comes in, events and one
 * result a task go out. Models and buffers are kept from one task to the next. Ends when nobody is left to send any.
 */
public final class ClusterTasks implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterTasks.class);

    /** First letters of lines: an event, names of what was written before a result and of what is in the way then, a result, a failure anywhere, a failure that may be of this machine only. */
    private static final char EVENT = 'P';

    private static final char OUTPUTS = 'O';
    private static final char LEFTOVERS = 'L';
    private static final char RESULT = 'R';
    private static final char FAILED = 'F';
    private static final char RETRY = 'T';

    private final Workbench bench;
    private final WorkspaceJson json;
    private final Map<String, ShardCapture> captures = new HashMap<>();

    /** For the tasks of a workspace that the driver's machine shares. */
    public ClusterTasks(Workbench bench) {
        this.bench = bench;
        this.json = new WorkspaceJson(bench.workspace().root());
        bench.models().keepCopies(new ModelCopies(System.getenv()));
    }

    /** Does tasks until the input ends; a task under way then is given up. */
    public void serve(BufferedReader in, PrintStream out) {
        BlockingQueue<String> lines = new LinkedBlockingQueue<>();
        Thread.ofPlatform().daemon().name("loupe-task-input").start(() -> read(in, lines));
        while (true) {
            String line;
            try {
                line = lines.take();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
            if (line.isEmpty()) {
                return;
            }
            say(out, answer(line, text -> say(out, EVENT + text)));
        }
    }

    private static void read(BufferedReader in, BlockingQueue<String> lines) {
        try {
            for (String line; (line = in.readLine()) != null; ) {
                if (!line.isBlank()) {
                    lines.add(line);
                }
            }
        } catch (IOException gone) {
            // as good as the end
        }
        // the executor has died: what runs now is for nobody, and another machine does it again
        Runtime.getRuntime().halt(3);
    }

    private static void say(PrintStream out, String line) {
        synchronized (out) {
            out.println(line);
            out.flush();
        }
    }

    private String answer(String line, Consumer<String> events) {
        LineProgress progress = new LineProgress(events);
        try {
            JsonNode task = json.mapper().readTree(line);
            Done done = run(task.path("kind").asString(""), task.path("request"), progress);
            progress.flush();
            return names(OUTPUTS, done.outputs())
                    + names(LEFTOVERS, done.leftovers())
                    + RESULT
                    + json.line(done.result());
        } catch (LoupeException e) {
            boolean here = cause(e) instanceof IOException || cause(e) instanceof UncheckedIOException;
            LOG.warn("A task failed", e);
            return (here ? RETRY : FAILED) + oneLine(String.valueOf(e.getMessage()));
        } catch (JacksonException e) {
            return FAILED + "This is not a task (" + oneLine(e.getOriginalMessage()) + ").";
        } catch (RuntimeException | OutOfMemoryError e) {
            LOG.error("A task failed", e);
            return RETRY + oneLine(e.toString());
        }
    }

    private String names(char letter, List<Path> paths) {
        String names = paths.stream().map(json::name).collect(Collectors.joining("\t"));
        return names.isEmpty() ? "" : letter + names + "\n";
    }

    private static Throwable cause(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    private static String oneLine(String text) {
        return text.replaceAll("\\s+", " ").strip();
    }

    /** What came of a task, what it has written, and what nobody needs once that was taken. */
    private record Done(Object result, List<Path> outputs, List<Path> leftovers) {}

    private <T extends Task<R>, R> Done done(
            JsonNode request, Class<T> type, TaskExecutor.Work<T, R> work, Progress p) {
        T task = json.mapper().treeToValue(request, type);
        R result = work.apply(task, p);
        return new Done(result, task.outputs(result), task.leftovers(result));
    }

    /** Does one task. */
    private Done run(String kind, JsonNode request, Progress progress) {
        return switch (kind) {
            case CaptureShardTask.KIND -> done(request, CaptureShardTask.class, this::capture, progress);
            case TrainGroupTask.KIND -> done(request, TrainGroupTask.class, ClusterTraining::attempt, progress);
            case IndexShardTask.KIND -> done(request, IndexShardTask.class, this::encode, progress);
            case MatchTask.KIND -> done(request, MatchTask.class, this::match, progress);
            case MatchBlockTask.KIND -> done(request, MatchBlockTask.class, this::cosines, progress);
            case EvalTask.KIND -> done(request, EvalTask.class, bench.evaluations()::attempt, progress);
            default -> throw new UsageException("There is no task \"" + kind + "\".");
        };
    }

    private ShardFiles capture(CaptureShardTask task, Progress progress) {
        ShardCapture capture = captures.computeIfAbsent(task.model(), m -> {
            bench.models().fetch(m, progress);
            return new ShardCapture(bench.models().open(m));
        });
        progress.stage(task.title(), task.size(), "tokens"); // whatever stages a model's way here had
        return capture.run(task, progress);
    }

    private MatchTask.Made match(MatchTask task, Progress progress) {
        return bench.compare().attempt(task, progress);
    }

    private MatchBlockTask.Made cosines(MatchBlockTask task, Progress progress) {
        return bench.compare().attempt(task, progress);
    }

    private IndexShardTask.Made encode(IndexShardTask task, Progress progress) {
        return CodeShards.attempt(
                task, bench.saes().open(String.valueOf(task.sae().getFileName())), progress);
    }

    @Override
    public void close() {
        captures.values().forEach(ShardCapture::close);
    }
}
