package dev.loupe.cluster.spark;

import java.io.IOException;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.Function;

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

    ChildTask(long task) {
        this.task = task;
    }

    @Override
    public String call(String request) throws IOException, InterruptedException {
        TaskContext context = TaskContext.get();
        String gpus = context.resourcesJMap().containsKey("gpu")
                ? String.join(",", context.resourcesJMap().get("gpu").addresses())
                : "";
        Child child = Child.take(LoupePlugin.launch(), gpus, context.cpus());
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
            whole = true;
            return line;
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
