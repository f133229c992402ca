package dev.loupe.service;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.capture.CaptureShardTask;
import dev.loupe.capture.ShardCapture;
import dev.loupe.compare.MatchBlockTask;
import dev.loupe.eval.EvalTask;
import dev.loupe.feature.CodeShards;
import dev.loupe.feature.IndexShardTask;
import dev.loupe.train.ClusterTraining;
import dev.loupe.train.TrainGroupTask;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
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

    /** First letters of lines: an event, a result, a failure anywhere, a failure that may be of this machine only. */
    private static final char EVENT = 'P';

    private static final char RESULT = 'R';
    private static final char FAILED = 'F';
    private static final char RETRY = 'T';

    private final Workbench bench;
    private final Map<String, ShardCapture> captures = new HashMap<>();

    /** For the tasks of a workspace that the driver's machine shares. */
    public ClusterTasks(Workbench bench) {
        this.bench = bench;
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
        try {
            JsonNode task = Json.MAPPER.readTree(line);
            Object result = run(task.path("kind").asString(""), task.path("request"), new LineProgress(events));
            return RESULT + Json.line(result);
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

    /** Does one task. */
    Object run(String kind, JsonNode request, Progress progress) {
        return switch (kind) {
            case CaptureShardTask.KIND -> {
                CaptureShardTask task = Json.MAPPER.treeToValue(request, CaptureShardTask.class);
                yield captures.computeIfAbsent(
                                task.model(),
                                m -> new ShardCapture(bench.models().open(m)))
                        .run(task, progress);
            }
            case TrainGroupTask.KIND ->
                ClusterTraining.attempt(Json.MAPPER.treeToValue(request, TrainGroupTask.class), progress);
            case IndexShardTask.KIND -> {
                IndexShardTask task = Json.MAPPER.treeToValue(request, IndexShardTask.class);
                yield CodeShards.attempt(
                        task, bench.saes().open(String.valueOf(task.sae().getFileName())), progress);
            }
            case MatchBlockTask.KIND ->
                bench.compare().attempt(Json.MAPPER.treeToValue(request, MatchBlockTask.class), progress);
            case EvalTask.KIND ->
                bench.evaluations().attempt(Json.MAPPER.treeToValue(request, EvalTask.class), progress);
            default -> throw new UsageException("There is no task \"" + kind + "\".");
        };
    }

    @Override
    public void close() {
        captures.values().forEach(ShardCapture::close);
    }
}
