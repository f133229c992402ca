package dev.loupe.cluster.spark;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.List;
import java.util.Objects;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.jspecify.annotations.Nullable;

/**
 * Spark's driver program. Loupe starts it through Spark's own launcher, so that configuration comes from where Spark's users
 * expect it. It takes tasks over a loopback connection and runs each as a Spark job of one task, so that they can be given
 * out while the list is still being made; retries, lost executors and speculation are Spark's. Ends when Loupe does.
 */
public final class SparkDriver {
    /** Where Loupe listens: a port of this machine. */
    public static final String PORT = "LOUPE_CLUSTER_PORT";

    /** The secret that shows Loupe that it is its own driver that calls. */
    public static final String TOKEN = "LOUPE_CLUSTER_TOKEN";

    private static final String GROUP = "loupe";

    private static volatile @Nullable Wire wire;
    private static volatile String setup = "";

    private SparkDriver() {}

    /** Begins; everything else comes over the connection. */
    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(System.getenv(PORT));
        try (Wire w = new Wire(new Socket(InetAddress.getLoopbackAddress(), port))) {
            w.send(Wire.HELLO, 0, System.getenv(TOKEN));
            serve(w);
        }
        System.exit(0); // whatever threads Spark has left
    }

    /** Hands something that came from an executor on to Loupe. */
    static void forward(byte kind, long task, String text) throws IOException {
        Objects.requireNonNull(wire).send(kind, task, text);
    }

    /** How executors start Loupe; empty while it is not known. */
    static String setup() {
        return setup;
    }

    /** Serves Loupe until it goes. */
    static void serve(Wire w) throws IOException {
        wire = w;
        SparkConf conf = new SparkConf();
        String plugins = conf.get("spark.plugins", "");
        conf.set("spark.plugins", (plugins.isEmpty() ? "" : plugins + ",") + LoupePlugin.class.getName());
        try (JavaSparkContext spark = new JavaSparkContext(conf)) {
            serve(spark, w);
        } catch (RuntimeException | Error e) {
            w.send(Wire.LOST, 0, reason(e));
        }
    }

    private static void serve(JavaSparkContext spark, Wire w) throws IOException {
        spark.sc().addSparkListener(new Losses(w));
        w.send(
                Wire.READY,
                0,
                spark.version() + "\n" + spark.sc().uiWebUrl().getOrElse(() -> "") + "\n"
                        + spark.sc().applicationId());
        while (true) {
            Wire.Frame frame;
            try {
                frame = w.receive();
            } catch (IOException gone) {
                spark.cancelJobGroup(GROUP);
                return;
            }
            if (frame.kind() == Wire.SETUP) {
                setup = frame.text();
            } else if (frame.kind() == Wire.CANCEL) {
                spark.cancelJobGroup(GROUP);
            } else if (frame.kind() == Wire.TASK) {
                Thread thread = new Thread(() -> run(spark, w, frame), "task-" + frame.task());
                thread.setDaemon(true);
                thread.start();
            }
        }
    }

    /** A task: its title in the first line, then what the child process gets. */
    private static void run(JavaSparkContext spark, Wire w, Wire.Frame frame) {
        try {
            String text = frame.text();
            int line = text.indexOf('\n');
            String answer;
            try {
                spark.setJobGroup(GROUP, text.substring(0, line), true);
                answer = spark.parallelize(List.of(text.substring(line + 1)), 1)
                        .map(new ChildTask(frame.task()))
                        .collect()
                        .get(0);
            } catch (Exception e) {
                w.send(Wire.LOST, frame.task(), reason(e));
                return;
            }
            w.send(answer.charAt(0) == ChildTask.DONE ? Wire.RESULT : Wire.FAILED, frame.task(), answer.substring(1));
        } catch (IOException gone) {
            // nobody waits for it any more
        }
    }

    /** What went wrong, without stack traces: the innermost cause that says something. */
    static String reason(Throwable e) {
        String best = e.toString();
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t.getMessage() != null) {
                best = t.getMessage();
            }
        }
        return best;
    }

    /** Tells when Spark loses a machine. */
    private static final class Losses extends SparkListener {
        private final Wire w;

        Losses(Wire w) {
            this.w = w;
        }

        @Override
        public void onExecutorAdded(SparkListenerExecutorAdded added) {
            try {
                w.send(Wire.CORES, added.executorInfo().totalCores(), added.executorId());
            } catch (IOException gone) {
                // nobody reads it
            }
        }

        @Override
        public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
            try {
                w.send(Wire.GONE, 0, removed.executorId() + "\n" + removed.reason());
            } catch (IOException gone) {
                // nobody reads it
            }
        }
    }
}
