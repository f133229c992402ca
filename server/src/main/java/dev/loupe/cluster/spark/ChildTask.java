package dev.loupe.cluster.spark;

import java.io.IOException;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Does one task on an executor: hands it to a child process that waits there for work, starting one if there is none. A
 * child that dies or cannot write fails the attempt, which Spark then makes elsewhere; what no other machine would mend is
 * an answer like any other.
 */
final class ChildTask implements Function<String, String> {
    private static final long serialVersionUID = 1;

    /** First letter of an answer: what follows is the result. */
    static final char DONE = 'R';

    /** First letter of an answer: what follows says why there is none, wherever it is tried. */
    static final char FAILED = 'F';

    /** First letter of a line of a child: it may work elsewhere. */
    static final char RETRY = 'T';

    private final long task;
    private final String inputs;
    private final String folder;

    /**
     * A task.
     *
     * @param inputs what it needs, see {@link Staging#inputs}; empty where machines share the workspace
     * @param folder of the task in the storage; empty without one
     */
    ChildTask(long task, String inputs, String folder) {
        this.task = task;
        this.inputs = inputs;
        this.folder = folder;
    }

    /**
     * Does it.
     *
     * @return the attempt and what it put into the storage, joined by tabs; in the second line the answer
     */
    @Override
    public String call(String request) throws IOException, InterruptedException {
        TaskContext context = TaskContext.get();
        String gpus = context.resourcesJMap().containsKey("gpu")
                ? String.join(",", context.resourcesJMap().get("gpu").addresses())
                : "";
        LoupePlugin.Place place = LoupePlugin.place();
        Scratch scratch = place.scratch();
        if (scratch == null) {
            return call(request, context, place.launch(), gpus, null);
        }
        scratch.hold(inputs);
        try {
            scratch.bring(inputs, folder);
            return call(request, context, place.launch(), gpus, scratch);
        } finally {
            scratch.leave(inputs);
        }
    }

    private String call(String request, TaskContext context, Launch launch, String gpus, @Nullable Scratch scratch)
            throws IOException, InterruptedException {
        Child child = Child.take(launch, gpus, context.cpus());
        boolean whole = false;
        // Spark interrupts the thread of an attempt that nobody waits for; reading from a pipe does not notice
        context.addTaskCompletionListener(c -> {
            if (c.isInterrupted()) {
                child.end();
            }
        });
        Thread watch = watch(context, child);
        try {
            String line = child.run(request, event -> LoupePlugin.event(task, context.attemptNumber() + " " + event));
            char kind = line.charAt(0);
            if (kind == RETRY) {
                throw new IOException(line.substring(1));
            }
            String attempt = "out-" + context.taskAttemptId();
            List<String> outputs = scratch == null || kind != DONE ? List.of() : child.outputs();
            if (scratch != null) {
                scratch.send(outputs, folder + "/" + attempt);
                scratch.delete(kind == DONE ? child.leftovers() : List.of());
            }
            whole = true;
            return attempt + "\t" + String.join("\t", outputs) + "\n" + line;
        } finally {
            watch.interrupt();
            if (whole) {
                child.giveBack();
            } else {
                child.end();
            }
        }
    }

    private static Thread watch(TaskContext context, Child child) {
        Thread thread = new Thread(
                () -> {
                    try {
                        while (!context.isInterrupted()) {
                            Thread.sleep(200);
                        }
                        child.end();
                    } catch (InterruptedException done) {
                        // the task has ended by itself
                    }
                },
                "loupe-watch");
        thread.setDaemon(true);
        thread.start();
        return thread;
    }
}
