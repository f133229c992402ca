package dev.loupe.cluster.spark;

import java.io.IOException;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.util.ShutdownHookManager;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.jspecify.annotations.Nullable;

/** Looks after the pods of a driver's executors, where they are such: {@link Pods} needs classes that are there only then. */
final class PodWatch implements AutoCloseable {
    private static final String ID = "spark.app.id";
    private static final long PAUSE_MILLIS = 3_000;
    private static final long PATIENCE_SECONDS = 15;

    private final Pods pods;
    private final String application;
    private final Thread thread;
    private final CountDownLatch beginning = new CountDownLatch(1);
    private volatile @Nullable JavaSparkContext spark;
    private boolean closed;

    private PodWatch(Pods pods, String application, Wire w) {
        this.pods = pods;
        this.application = application;
        this.thread = new Thread(() -> watch(w), "pods");
        thread.setDaemon(true);
    }

    /**
     * Asks Kubernetes whether Spark can work there, and watches from then on; null where executors are no pods.
     *
     * @param conf of Spark before it begins; gets the name by which its pods are found
     * @throws IllegalStateException in a whole sentence, if it cannot
     */
    static @Nullable PodWatch of(SparkConf conf, Wire w) {
        if (!conf.get("spark.master", "").startsWith("k8s://")) {
            return null;
        }
        Pods pods = Pods.open(conf);
        conf.setIfMissing(ID, "spark-" + UUID.randomUUID().toString().replace("-", ""));
        PodWatch watch = new PodWatch(pods, conf.get(ID), w);
        ShutdownHookManager.get().addShutdownHook(watch::end, FileSystem.SHUTDOWN_HOOK_PRIORITY + 1); // behind Spark's
        watch.thread.start();
        return watch;
    }

    /** Spark has begun, and would end by a hook of its own. */
    void begun(JavaSparkContext context) {
        spark = context;
        beginning.countDown();
    }

    /**
     * After a signal. One that comes before Spark has its own hook would leave its pods, since Spark makes others for those that
     * are deleted: so it is let begin, which fails by now, and clears up.
     */
    private void end() {
        try {
            boolean over = beginning.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
            JavaSparkContext begun = spark;
            if (over && begun != null) {
                begun.stop();
            }
        } catch (InterruptedException | RuntimeException e) {
            System.err.println("Spark did not end by itself: " + e);
        }
        close();
    }

    private void watch(Wire w) {
        String last = "";
        try {
            while (true) {
                Thread.sleep(PAUSE_MILLIS);
                String why = pods.waiting(application);
                if (!why.equals(last)) {
                    w.send(Wire.PODS, 0, why);
                    last = why;
                }
            }
        } catch (IOException | InterruptedException | RuntimeException end) {
            // nobody reads it any more
        }
    }

    /** Deletes what is left of the pods. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            beginning.countDown();
            thread.interrupt();
            pods.clear(application);
            pods.close();
        }
    }
}
