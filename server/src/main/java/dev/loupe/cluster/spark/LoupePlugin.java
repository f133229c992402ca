package dev.loupe.cluster.spark;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkFiles;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.jspecify.annotations.Nullable;

/** Spark's own way to have something said between executors and the driver while tasks run. */
public final class LoupePlugin implements SparkPlugin {
    private static final String ASK = "setup";
    private static final String MAY = "verdict ";
    private static final long PAUSE_MILLIS = 100;

    /** Begins what is told of a folder that can be seen and not be written. */
    private static final String READ_ONLY = "?";

    private static volatile @Nullable PluginContext context;
    private static final CompletableFuture<Place> place = new CompletableFuture<>();

    /**
     * What an executor knows of itself.
     *
     * @param launch how Loupe is started here
     * @param scratch stands in for the workspace; null where machines share it
     */
    record Place(Launch launch, @Nullable Scratch scratch) {}

    @Override
    public DriverPlugin driverPlugin() {
        return new DriverPlugin() {
            @Override
            public Map<String, String> init(SparkContext spark, PluginContext own) {
                // before Spark asks for executors: on YARN it waits for some, and they are there when it has begun
                spark.addSparkListener(SparkDriver.losses());
                return Map.of();
            }

            @Override
            public @Nullable Object receive(Object message) throws IOException {
                String text = (String) message;
                if (text.equals(ASK)) {
                    return SparkDriver.setup();
                }
                if (text.startsWith(MAY)) {
                    return SparkDriver.verdict(text.substring(MAY.length()));
                }
                int first = text.indexOf(' ');
                int second = text.indexOf(' ', first + 1);
                SparkDriver.forward(
                        Byte.parseByte(text.substring(0, first)),
                        Long.parseLong(text.substring(first + 1, second)),
                        text.substring(second + 1));
                return null; // nobody waits for an answer
            }
        };
    }

    @Override
    public ExecutorPlugin executorPlugin() {
        return new ExecutorPlugin() {
            @Override
            public void init(PluginContext own, Map<String, String> extra) {
                context = own;
                Thread thread = new Thread(() -> begin(own), "loupe-begin");
                thread.setDaemon(true);
                thread.start();
            }

            @Override
            public void shutdown() {
                Child.endAll();
            }
        };
    }

    /** Asks the driver how Loupe is started, which it may not know yet, and tells what this executor is. */
    private static void begin(PluginContext own) {
        try {
            String setup = "";
            while (setup.isEmpty()) {
                setup = (String) own.ask(ASK);
                Thread.sleep(setup.isEmpty() ? PAUSE_MILLIS : 0);
            }
            Setup known = Setup.of(setup);
            Launch launch = known.launch().in(SparkFiles.getRootDirectory());
            if (known.storage().isEmpty()) {
                send(Wire.EXECUTOR, 0, report(own, launch, probe(Path.of(known.probe()))));
                await(own);
                begin(own, new Place(launch, null));
                return;
            }
            Storage storage;
            String found;
            try {
                storage = Storage.open(known.storage(), SparkDriver.hadoop(own.conf()));
                found = storage.read(known.probe()).strip();
            } catch (IOException | RuntimeException | LinkageError e) {
                IOException why = e instanceof IOException io ? io : new IOException(SparkDriver.reason(e), e);
                send(Wire.EXECUTOR, 0, report(own, launch, "!" + Storage.refusal(known.storage(), why)));
                throw why;
            }
            Scratch scratch;
            try {
                scratch = Scratch.of(storage, known.storage());
            } catch (IOException e) {
                send(Wire.EXECUTOR, 0, report(own, launch, "!" + e.getMessage()));
                throw e;
            }
            send(Wire.EXECUTOR, 0, report(own, launch, found));
            await(own);
            sweep(scratch);
            begin(own, new Place(launch.at(scratch.folder().toString()), scratch));
        } catch (Exception e) {
            System.err.println("Loupe cannot begin on this executor: " + e); // the executor's own log
            place.completeExceptionally(e);
        }
    }

    /** Waits for what Loupe says of this executor: tasks that come to one that is no good fail here, and are done elsewhere. */
    private static void await(PluginContext own) throws IOException, InterruptedException {
        String verdict = "";
        while (verdict.isEmpty()) {
            Thread.sleep(PAUSE_MILLIS / 4);
            try {
                verdict = (String) own.ask(MAY + own.executorID());
            } catch (Exception e) {
                throw new IOException("the driver does not answer", e);
            }
        }
        if (verdict.charAt(0) != '+') {
            throw new IOException(verdict.substring(1));
        }
    }

    private static void sweep(Scratch scratch) {
        try {
            scratch.sweep();
        } catch (IOException | RuntimeException e) {
            System.err.println("What earlier work left in " + scratch.folder() + " could not be deleted: " + e);
        }
    }

    /** Tasks may come; the first child starts before they do, while the driver still reads its text. */
    private static void begin(PluginContext own, Place known) throws IOException {
        if (!own.conf().contains("spark.task.resource.gpu.amount")) {
            Child.take(known.launch(), "", own.conf().getInt("spark.task.cpus", 1))
                    .giveBack();
        }
        place.complete(known);
    }

    /** What is known here once the driver has said it. */
    static Place place() throws IOException, InterruptedException {
        try {
            return place.get();
        } catch (ExecutionException e) {
            throw new IOException("The driver does not say how Loupe is started: " + e.getCause(), e);
        }
    }

    static void event(long task, String text) {
        send(Wire.EVENT, task, text);
    }

    private static void send(byte kind, long task, String text) {
        try {
            Objects.requireNonNull(context).send(kind + " " + task + " " + text);
        } catch (IOException e) {
            // progress only; the result has a way of its own
        }
    }

    private static String host() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (IOException e) {
            return "an unnamed machine";
        }
    }

    /** What the driver has written there; why nothing can be written beside it, where that is so. */
    private static String probe(Path file) {
        String found;
        try {
            found = Files.readString(file).strip();
        } catch (IOException e) {
            return "";
        }
        try {
            Files.delete(Files.createTempFile(file.getParent(), "executor", ""));
            return found;
        } catch (IOException e) {
            String said = e instanceof FileSystemException f ? f.getReason() : null;
            return READ_ONLY + "as " + System.getProperty("user.name") + ": "
                    + (said == null ? e.getClass().getSimpleName() : said);
        }
    }

    /** What Loupe looks at before it gives an executor work, a line each. */
    private static String report(PluginContext own, Launch launch, String probe) {
        String java;
        try {
            java = Files.readAllLines(Path.of(launch.home(), "release")).stream()
                    .filter(l -> l.startsWith("JAVA_VERSION="))
                    .map(l -> l.substring(13).replace("\"", ""))
                    .findFirst()
                    .orElse("unknown");
        } catch (IOException e) {
            java = "none";
        }
        String loupe = launch.archive().isEmpty() || new File(launch.archive(), "loupe").isFile() ? "yes" : "no";
        if (!launch.archive().isEmpty() && !java.equals("none") && !new File(launch.home(), "bin/javac").isFile()) {
            java += " without javac"; // by which the launcher of an archive makes itself ready
        }
        long total = ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getTotalMemorySize();
        Map<String, String> conf = new HashMap<>();
        for (scala.Tuple2<String, String> pair : own.conf().getAll()) {
            conf.put(pair._1(), pair._2());
        }
        ExecutorMemory memory = ExecutorMemory.of(conf, total);
        return String.join(
                "\n",
                own.executorID(),
                host(), // the plugin's own fails where nobody listens
                java,
                org.apache.spark.package$.MODULE$.SPARK_VERSION(),
                probe,
                loupe,
                Long.toString(memory.forTasks()),
                memory.contained() ? "contained" : "shared",
                processor(),
                launch.needs().isEmpty() || new File(launch.needs()).canRead() ? "" : launch.needs());
    }

    /** What decides the bits of sums: the architecture, and how wide the vectors of its processor are. */
    private static String processor() {
        String name = System.getProperty("os.arch", "unknown");
        try {
            String flags = Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                    .filter(l -> l.startsWith("flags") || l.startsWith("Features"))
                    .findFirst()
                    .orElse("");
            List<String> all = List.of(flags.split("\\s+"));
            for (String wide : List.of("avx512f", "avx2", "sve")) {
                if (all.contains(wide)) {
                    return name + " with " + wide;
                }
            }
        } catch (IOException e) {
            // not Linux
        }
        return name;
    }
}
