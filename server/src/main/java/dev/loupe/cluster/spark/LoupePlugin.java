package dev.loupe.cluster.spark;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.apache.spark.SparkFiles;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.jspecify.annotations.Nullable;

/** Spark's own way to have something said between executors and the driver while tasks run. */
public final class LoupePlugin implements SparkPlugin {
    private static final String ASK = "setup";
    private static final long PAUSE_MILLIS = 100;

    private static volatile @Nullable PluginContext context;
    private static final CompletableFuture<Launch> launch = new CompletableFuture<>();

    @Override
    public DriverPlugin driverPlugin() {
        return new DriverPlugin() {
            @Override
            public Object receive(Object message) throws IOException {
                String text = (String) message;
                if (text.equals(ASK)) {
                    return SparkDriver.setup();
                }
                int first = text.indexOf(' ');
                int second = text.indexOf(' ', first + 1);
                SparkDriver.forward(
                        Byte.parseByte(text.substring(0, first)),
                        Long.parseLong(text.substring(first + 1, second)),
                        text.substring(second + 1));
                return "";
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
            int line = setup.indexOf('\n');
            Launch known = Launch.of(setup.substring(line + 1)).in(SparkFiles.getRootDirectory());
            send(Wire.EXECUTOR, 0, report(own, known, Path.of(setup.substring(0, line))));
            launch.complete(known);
        } catch (Exception e) {
            System.err.println("Loupe cannot begin on this executor: " + e); // the executor's own log
            launch.completeExceptionally(e);
        }
    }

    /** How Loupe is started here. */
    static Launch launch() throws IOException, InterruptedException {
        try {
            return launch.get();
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

    /** What Loupe looks at before it gives an executor work, a line each. */
    private static String report(PluginContext own, Launch launch, Path probeFile) {
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
        String probe;
        try {
            probe = Files.readString(probeFile).strip();
        } catch (IOException e) {
            probe = "";
        }
        String loupe = launch.archive().isEmpty() || new File(launch.archive(), "loupe").isFile() ? "yes" : "no";
        long memory = ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getTotalMemorySize();
        return String.join(
                "\n",
                own.executorID(),
                host(), // the plugin's own fails where nobody listens
                java,
                org.apache.spark.package$.MODULE$.SPARK_VERSION(),
                probe,
                loupe,
                Long.toString(memory));
    }
}
