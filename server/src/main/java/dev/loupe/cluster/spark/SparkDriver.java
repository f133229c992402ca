package dev.loupe.cluster.spark;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.util.ShutdownHookManager;
import org.apache.spark.ExceptionFailure;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
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

    /** What is about the storage. */
    private static final Set<Byte> STAGED = Set.of(Wire.KEEP, Wire.FETCH, Wire.CLAIM, Wire.RELEASE);

    /** A driver of another machine of which the storage has heard nothing for so long is dead. */
    private static final long SILENCE_MILLIS = 120_000;

    /** What Loupe asks about. */
    private static final List<String> SETTINGS = List.of(
            "spark.master",
            "spark.task.cpus",
            "spark.task.resource.gpu.amount",
            "spark.executor.resource.gpu.amount",
            "spark.executor.cores",
            "spark.executor.memory",
            "spark.executor.memoryOverhead",
            "spark.executor.instances",
            "spark.dynamicAllocation.enabled",
            "spark.kubernetes.namespace",
            "spark.app.id",
            "spark.loupe.wait");

    private static final Map<String, String> VERDICTS = new ConcurrentHashMap<>();

    private static volatile @Nullable Wire wire;
    private static volatile String setup = "";
    private static volatile @Nullable Staging staging;

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

    /** Tells Loupe of executors that come and go, and of attempts that fail. */
    static SparkListener losses() {
        return new Losses(Objects.requireNonNull(wire));
    }

    /** How executors start Loupe; empty while it is not known. */
    static String setup() {
        return setup;
    }

    /** What Loupe has said of an executor: empty while it has not, else {@code +} or {@code -} and why. */
    static String verdict(String executor) {
        return VERDICTS.getOrDefault(executor, "");
    }

    /** Serves Loupe until it goes. */
    static void serve(Wire w) throws IOException {
        wire = w;
        SparkConf conf = new SparkConf();
        String plugins = conf.get("spark.plugins", "");
        conf.set("spark.plugins", (plugins.isEmpty() ? "" : plugins + ",") + LoupePlugin.class.getName());
        PodWatch watch;
        try {
            watch = PodWatch.of(conf, w);
        } catch (IllegalStateException e) {
            lost(w, Wire.WHOLE + e.getMessage());
            return;
        }
        try (PodWatch pods = watch) {
            serve(
                    () -> new JavaSparkContext(conf),
                    spark -> {
                        if (pods != null) {
                            pods.begun(spark);
                        }
                        serve(spark, w);
                    },
                    w);
        } catch (RuntimeException | Error e) { // Spark has not begun
            lost(w, reason(e));
        }
    }

    /** What is done with a Spark that has begun. */
    interface Work<S> {
        void with(S spark) throws IOException;
    }

    /**
     * Works with Spark and ends it. What goes wrong is told while Spark is still there: its end is told as well, and whoever
     * heard of that first would take it for the reason.
     */
    static <S extends Closeable> void serve(Supplier<S> begin, Work<S> work, Wire w) throws IOException {
        try (S spark = begin.get()) {
            try {
                work.with(spark);
            } catch (RuntimeException | Error e) {
                lost(w, reason(e));
            }
        }
    }

    /** Says why there is no cluster, and waits until that was read: a connection that ends with unread text loses the last word. */
    private static void lost(Wire w, String why) throws IOException {
        w.send(Wire.LOST, 0, why);
        try {
            while (true) {
                w.receive();
            }
        } catch (IOException gone) {
            // it was
        }
    }

    private static void serve(JavaSparkContext spark, Wire w) throws IOException {
        try {
            listen(spark, w);
        } finally {
            end();
        }
    }

    /** Leaves nothing in the storage; that what is not left by a process that is killed is cleared up by later ones. */
    private static synchronized void end() {
        Staging s = staging;
        staging = null;
        if (s != null) {
            s.end();
        }
    }

    private static void listen(JavaSparkContext spark, Wire w) throws IOException {
        Map<String, String> settings = new LinkedHashMap<>();
        for (String key : SETTINGS) {
            if (spark.getConf().contains(key)) {
                settings.put(key, spark.getConf().get(key));
            }
        }
        w.send(Wire.READY, 0, new Ready(spark.version(), spark.sc().uiWebUrl().getOrElse(() -> ""), settings).text());
        while (true) {
            Wire.Frame frame;
            try {
                frame = w.receive();
            } catch (IOException gone) {
                spark.cancelJobGroup(GROUP);
                return;
            }
            if (frame.kind() == Wire.SETUP) {
                setup = prepare(spark, Setup.of(frame.text())).text();
                wake(spark);
            } else if (frame.kind() == Wire.VERDICT) {
                String[] part = frame.text().split("\n", 2);
                VERDICTS.put(part[0], part[1].isEmpty() ? "+" : "-" + part[1]);
            } else if (STAGED.contains(frame.kind())) {
                Thread thread = new Thread(() -> stage(w, frame), "stage-" + frame.task());
                thread.setDaemon(true);
                thread.start();
            } else if (frame.kind() == Wire.CANCEL) {
                spark.cancelJobGroup(GROUP);
            } else if (frame.kind() == Wire.TASK) {
                Thread thread = new Thread(() -> run(spark, w, frame), "task-" + frame.task());
                thread.setDaemon(true);
                thread.start();
            }
        }
    }

    /**
     * Where Spark has executors for as long as there is work only, there is none before the first task; but Loupe looks at one
     * before it gives tasks: this is some work.
     */
    private static void wake(JavaSparkContext spark) {
        if (!spark.getConf().getBoolean("spark.dynamicAllocation.enabled", false)) {
            return;
        }
        Thread thread = new Thread(
                () -> {
                    try {
                        spark.setJobGroup(GROUP, "look for executors", true);
                        spark.parallelize(List.of(""), 1).map(new Wake()).collect();
                    } catch (Exception | Error e) { // cancelled, or Spark has ended: the tasks themselves say why
                        System.err.println("No executor was woken: " + e);
                    }
                },
                "wake");
        thread.setDaemon(true);
        thread.start();
    }

    /** Work that is none. */
    private static final class Wake implements Function<String, String> {
        private static final long serialVersionUID = 1;

        @Override
        public String call(String nothing) {
            return nothing;
        }
    }

    /** Opens the storage, if there is one, and puts a file there for executors to find. */
    private static Setup prepare(JavaSparkContext spark, Setup setup) {
        if (setup.storage().isEmpty()) {
            return setup;
        }
        try {
            Storage storage = Storage.open(setup.storage(), hadoop(spark.getConf()));
            String id = spark.sc().applicationId().replaceAll("[^A-Za-z0-9_-]", "-") + "-" + UUID.randomUUID();
            Owners owners = new Owners(storage, setup.storage(), id, ThisProcess.of(setup.process()), SILENCE_MILLIS);
            Staging s = new Staging(storage, setup.storage(), Path.of(setup.workspace()), id, owners);
            staging = s;
            // a signal ends this process without the end of the connection; files are closed after it
            ShutdownHookManager.get().addShutdownHook(SparkDriver::end, FileSystem.SHUTDOWN_HOOK_PRIORITY + 1);
            return setup.at(s.probe(setup.probe()));
        } catch (IOException e) {
            throw new IllegalStateException(Storage.refusal(setup.storage(), e));
        }
    }

    /** Hadoop's settings: those of its own files, and all {@code spark.hadoop.*}. */
    static Configuration hadoop(SparkConf conf) {
        return SparkHadoopUtil.get().newConfiguration(conf);
    }

    private static void stage(Wire w, Wire.Frame frame) {
        try {
            Staging s = Objects.requireNonNull(staging);
            try {
                boolean done = true;
                switch (frame.kind()) {
                    case Wire.FETCH:
                        done = s.fetch(frame.text());
                        break;
                    case Wire.KEEP:
                        s.keep(frame.text());
                        break;
                    case Wire.CLAIM:
                        s.claim(List.of(frame.text().split("\t")));
                        break;
                    default:
                        s.release(List.of(frame.text().split("\t")));
                }
                w.send(Wire.RESULT, frame.task(), Boolean.toString(done));
            } catch (IOException | RuntimeException | Error e) { // whatever it is, somebody waits for the answer
                w.send(Wire.FAILED, frame.task(), reason(e));
            }
        } catch (IOException gone) {
            // nobody waits for it any more
        }
    }

    /** A task: its title in the first line, names of what it needs in the second, then what the child process gets. */
    private static void run(JavaSparkContext spark, Wire w, Wire.Frame frame) {
        try {
            String text = frame.text();
            String[] part = text.split("\n", 3);
            Staging s = staging;
            String answer;
            try {
                spark.setJobGroup(GROUP, part[0], true);
                ChildTask task = s == null
                        ? new ChildTask(frame.task(), "", "")
                        : new ChildTask(frame.task(), s.inputs(frame.task(), part[1]), s.folder(frame.task()));
                answer = spark.parallelize(List.of(part[2]), 1)
                        .map(task)
                        .collect()
                        .get(0);
                int line = answer.indexOf('\n');
                List<String> outputs = List.of(answer.substring(0, line).split("\t"));
                answer = answer.substring(line + 1);
                if (s != null) {
                    s.outputs(frame.task(), outputs.get(0), outputs.subList(1, outputs.size()));
                    s.done(frame.task());
                }
            } catch (Exception | Error e) { // whatever it is, somebody waits for the answer
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

    /** Tells when Spark loses a machine, and what went wrong on one. */
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

        @Override
        public void onApplicationEnd(SparkListenerApplicationEnd end) {
            try {
                w.send(Wire.LOST, 0, Wire.ENDED); // by whoever runs the cluster: nobody else would notice
            } catch (IOException gone) {
                // it has ended because Loupe has
            }
        }

        @Override
        public void onTaskEnd(SparkListenerTaskEnd ended) {
            // executors that were lost are told of already; what is killed was done elsewhere or is for nobody any more
            if (ended.reason() instanceof ExceptionFailure) {
                ExceptionFailure failure = (ExceptionFailure) ended.reason();
                String where = ended.taskInfo() == null
                        ? "a machine"
                        : ended.taskInfo().host();
                try {
                    w.send(Wire.ATTEMPT, 0, where + "\n" + failure.description());
                } catch (IOException gone) {
                    // nobody reads it
                }
            }
        }
    }
}
