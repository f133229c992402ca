package dev.loupe.cluster;

import dev.loupe.base.CancelledException;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.cluster.spark.SparkDriver;
import dev.loupe.cluster.spark.Wire;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The connection to a Spark driver: one that is started here through Spark's launcher, or the one that started Loupe. */
final class SparkLink implements AutoCloseable {
    private static final int REACH_MILLIS = 3_000;
    private static final long POLL_MILLIS = 200;

    /** What Spark's own launcher opens for it, and half a gigabyte: less is refused. */
    static final List<String> JVM = List.of(
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--add-opens=java.base/java.lang.invoke=ALL-UNNAMED",
            "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
            "--add-opens=java.base/java.io=ALL-UNNAMED",
            "--add-opens=java.base/java.net=ALL-UNNAMED",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "--add-opens=java.base/java.util=ALL-UNNAMED",
            "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
            "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
            "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
            "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
            "--add-opens=java.base/sun.nio.cs=ALL-UNNAMED",
            "--add-opens=java.base/sun.util.calendar=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1", // it waits most of its time, and the work needs the cores
            "-Djava.net.preferIPv6Addresses=false");

    private final Wire wire;
    private final @Nullable Process driver;
    private final Path log;
    private final BlockingQueue<Wire.Frame> frames = new LinkedBlockingQueue<>();
    private final PlainPaths paths;
    private volatile boolean open = true;
    private volatile boolean ready;

    private SparkLink(Wire wire, @Nullable Process driver, Path log, PlainPaths paths) {
        this.wire = wire;
        this.driver = driver;
        this.log = log;
        this.paths = paths;
        Thread.ofVirtual().start(this::read);
    }

    /** Joins the driver that started this process. */
    static SparkLink join(Map<String, String> environment, Path log) {
        try {
            int port = Integer.parseInt(environment.getOrDefault(SparkDriver.PORT, "0"));
            Wire wire = new Wire(new Socket(InetAddress.getLoopbackAddress(), port));
            wire.send(Wire.HELLO, 0, environment.getOrDefault(SparkDriver.TOKEN, ""));
            return new SparkLink(wire, null, log, new PlainPaths());
        } catch (IOException e) {
            throw new LoupeException("Spark's driver does not answer (" + e.getMessage()
                    + "): --on submitted works below spark-submit only.");
        }
    }

    /**
     * Starts a driver.
     *
     * @throws LoupeException if the master does not answer, or the driver ends at once
     */
    static SparkLink start(ClusterOptions options, SparkHome spark, Path jar, Path log, Progress progress) {
        byte[] secret = new byte[16];
        new SecureRandom().nextBytes(secret);
        String token = HexFormat.of().formatHex(secret);
        Path archive = options.archive();
        if (archive != null && !Files.isRegularFile(archive)) {
            throw new LoupeException("There is no file " + archive
                    + ": --archives names the release archive that ./loupe dist makes; nothing was begun.");
        }
        PlainPaths paths = new PlainPaths();
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Files.createDirectories(log.toAbsolutePath().getParent());
            ProcessBuilder builder = new ProcessBuilder(command(plain(options, paths), spark, paths.of(jar)))
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile());
            Map<String, String> environment = builder.environment();
            environment.put("SPARK_HOME", spark.folder().toString());
            environment.put("SPARK_SCALA_VERSION", "2.13");
            environment.put("JAVA_HOME", System.getProperty("java.home"));
            environment.put(SparkDriver.PORT, Integer.toString(server.getLocalPort()));
            environment.put(SparkDriver.TOKEN, token);
            Process process = builder.start();
            process.getOutputStream().close();
            boolean joined = false;
            try {
                Wire wire = accept(server, process, log, progress);
                if (!token.equals(wire.receive().text())) {
                    throw new IOException("another process has connected");
                }
                joined = true;
                return new SparkLink(wire, process, log, paths);
            } finally {
                if (!joined) {
                    process.destroyForcibly();
                    paths.close();
                }
            }
        } catch (IOException e) {
            throw new LoupeException(
                    "Spark's driver cannot be started (" + e.getMessage() + "); its log is " + log + ".", e);
        }
    }

    private static ClusterOptions plain(ClusterOptions o, PlainPaths paths) {
        Path archive = o.archive();
        return archive == null
                ? o
                : new ClusterOptions(o.master(), o.conf(), paths.of(archive), o.workspace(), o.storage());
    }

    private static Wire accept(ServerSocket server, Process process, Path log, Progress progress) throws IOException {
        server.setSoTimeout((int) POLL_MILLIS);
        while (true) {
            try {
                return new Wire(server.accept());
            } catch (SocketTimeoutException e) {
                progress.check();
                if (!process.isAlive()) {
                    throw new LoupeException("Spark's driver ended before it began (" + SparkLog.reason(log)
                            + "); its log is " + log + ".");
                }
            }
        }
    }

    /** A master that nobody listens for is found out now, not after Spark's three tries of twenty seconds. */
    static void reach(String master) {
        if (!master.startsWith("spark://")) {
            return;
        }
        List<String> tried = new ArrayList<>();
        for (String address : master.substring("spark://".length()).split(",")) {
            int colon = address.lastIndexOf(':');
            try (Socket socket = new Socket()) {
                String host = colon < 0 ? address : address.substring(0, colon);
                int port = colon < 0 ? 7077 : Integer.parseInt(address.substring(colon + 1));
                socket.connect(new InetSocketAddress(host, port), REACH_MILLIS);
                return;
            } catch (IOException | IllegalArgumentException e) {
                tried.add(e instanceof SocketTimeoutException ? "no answer in 3 s" : String.valueOf(e.getMessage()));
            }
        }
        throw new LoupeException("No Spark master answers at " + master + " (" + String.join(", ", tried)
                + "): start it, or correct --on; nothing was begun.");
    }

    static List<String> command(ClusterOptions options, SparkHome spark, Path jar) {
        Map<String, String> conf = new TreeMap<>();
        conf.put("spark.executor.memory", "512m");
        conf.put("spark.ui.showConsoleProgress", "false");
        conf.put("spark.excludeOnFailure.enabled", "true");
        conf.put("spark.excludeOnFailure.task.maxTaskAttemptsPerNode", "3"); // two executors may share a machine
        conf.put(
                "spark.scheduler.excludeOnFailure.unschedulableTaskSetTimeout",
                "20s"); // or a fault of all takes two minutes
        conf.put("spark.scheduler.mode", "FIFO");
        String light = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1";
        boolean here = options.master().startsWith("local-cluster");
        conf.put(
                "spark.executor.extraJavaOptions",
                here ? light + " " + String.join(" ", archive(spark, "executor")) : light);
        conf.putAll(options.conf());
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(JVM);
        command.addAll(archive(spark, "driver"));
        command.add("-Xmx" + conf.getOrDefault("spark.driver.memory", "640m"));
        command.addAll(List.of(
                "-cp",
                spark.folder().resolve("conf") + java.io.File.pathSeparator
                        + spark.folder().resolve("jars") + "/*",
                "org.apache.spark.deploy.SparkSubmit",
                "--master",
                options.master(),
                "--name",
                "Loupe",
                "--class",
                SparkDriver.class.getName()));
        conf.forEach((key, value) -> command.addAll(List.of("--conf", key + "=" + value)));
        Path archive = options.archive();
        if (archive != null) {
            command.addAll(List.of("--archives", archive.toAbsolutePath() + "#loupe"));
        }
        command.add(jar.toString());
        return command;
    }

    /** The JVM keeps Spark's classes as it has parsed them, where Spark is ours: a second less at every start but the first. */
    private static List<String> archive(SparkHome spark, String name) {
        return spark.ours()
                ? List.of(
                        "-XX:+AutoCreateSharedArchive",
                        "-XX:SharedArchiveFile=" + spark.folder().resolve(name + ".jsa"),
                        "-Xshare:auto",
                        "-Xlog:cds*=off",
                        "-Xlog:aot*=off")
                : List.of();
    }

    private void read() {
        try {
            while (true) {
                Wire.Frame frame = wire.receive();
                ready |= frame.kind() == Wire.READY;
                frames.add(frame);
            }
        } catch (IOException e) {
            open = false;
        }
    }

    void send(byte kind, long task, String text) {
        try {
            wire.send(kind, task, text);
        } catch (IOException e) {
            throw gone();
        }
    }

    /** The next frame; null if none came for a moment. */
    Wire.@Nullable Frame poll(Progress progress) {
        progress.check();
        try {
            Wire.Frame frame = frames.poll(POLL_MILLIS, TimeUnit.MILLISECONDS);
            if (frame == null && !open) {
                throw gone();
            }
            return frame;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException();
        }
    }

    private LoupeException gone() {
        return new LoupeException("Spark's driver has ended (" + SparkLog.reason(log) + "); its log is " + log
                + ". Finished parts are kept: run the same command again.");
    }

    Path log() {
        return log;
    }

    @Override
    public void close() {
        try {
            wire.close();
        } catch (IOException ignored) {
            // the driver notices either way
        }
        Process process = driver;
        if (process != null) {
            try {
                if (!ready) {
                    process.destroy(); // it is still starting, and has nothing to clear up
                }
                if (!process.waitFor(10, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (InterruptedException e) {
                process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
        paths.close();
    }
}
