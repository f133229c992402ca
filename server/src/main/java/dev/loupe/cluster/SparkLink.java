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
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The connection to a Spark driver: one that is started here through Spark's launcher, or the one that started Loupe. */
final class SparkLink implements AutoCloseable {
    private static final int REACH_MILLIS = 3_000;
    private static final long POLL_MILLIS = 200;

    /** A driver takes its executors back, which Kubernetes may take some seconds for. */
    private static final long END_SECONDS = 30;

    private final Wire wire;
    private final @Nullable Process driver;
    private final Path log;
    private final Fleet fleet;
    private final BlockingQueue<Wire.Frame> frames = new LinkedBlockingQueue<>();
    private final PlainPaths paths;
    private volatile boolean open = true;
    private volatile boolean ready;

    private SparkLink(Wire wire, @Nullable Process driver, Path log, PlainPaths paths, Fleet fleet) {
        this.wire = wire;
        this.fleet = fleet;
        this.driver = driver;
        this.log = log;
        this.paths = paths;
        Thread.ofVirtual().start(this::read);
    }

    /** Joins the driver that started this process. */
    static SparkLink join(Map<String, String> environment, Path log, Fleet fleet) {
        try {
            int port = Integer.parseInt(environment.getOrDefault(SparkDriver.PORT, "0"));
            Wire wire = new Wire(new Socket(InetAddress.getLoopbackAddress(), port));
            wire.send(Wire.HELLO, 0, environment.getOrDefault(SparkDriver.TOKEN, ""));
            return new SparkLink(wire, null, log, new PlainPaths(), fleet);
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
    static SparkLink start(
            ClusterOptions options,
            SparkHome spark,
            Map<String, String> environment,
            Path jar,
            Path log,
            Fleet fleet,
            Progress progress) {
        byte[] secret = new byte[16];
        new SecureRandom().nextBytes(secret);
        String token = HexFormat.of().formatHex(secret);
        Path archive = options.archive();
        if (archive != null && !Files.isRegularFile(archive)) {
            throw new LoupeException("There is no file " + archive
                    + ": --archives names the release archive that ./loupe dist makes; nothing was begun.");
        }
        PlainPaths paths = new PlainPaths();
        SparkSite site = SparkSite.of(spark, environment);
        try (SecretSettings secrets = SecretSettings.of(options.conf(), site); // read by the driver before it calls
                ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Files.createDirectories(log.toAbsolutePath().getParent());
            ProcessBuilder builder = new ProcessBuilder(
                            SparkCommand.of(plain(options, paths), spark, site, secrets, paths.of(jar)))
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile());
            Map<String, String> own = builder.environment();
            own.putAll(environment);
            own.put("SPARK_HOME", spark.folder().toString());
            own.put("SPARK_SCALA_VERSION", "2.13");
            own.put("JAVA_HOME", System.getProperty("java.home"));
            own.put(SparkDriver.PORT, Integer.toString(server.getLocalPort()));
            own.put(SparkDriver.TOKEN, token);
            Process process = builder.start();
            process.getOutputStream().close();
            boolean joined = false;
            try {
                Wire wire = accept(server, process, log, progress);
                if (!token.equals(wire.receive().text())) {
                    throw new IOException("another process has connected");
                }
                joined = true;
                return new SparkLink(wire, process, log, paths, fleet);
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
        String refusal = refusal(List.of(master.substring("spark://".length()).split(",")), "7077");
        if (refusal != null) {
            throw new LoupeException("No Spark master answers at " + master + " (" + refusal
                    + "): start it, or correct --on; nothing was begun.");
        }
    }

    /** Why none of some addresses answers; null if one does. */
    static @Nullable String refusal(List<String> addresses, String usualPort) {
        List<String> tried = new ArrayList<>();
        for (String address : addresses) {
            int colon = address.lastIndexOf(':');
            try (Socket socket = new Socket()) {
                String host = colon < 0 ? address : address.substring(0, colon);
                int port = Integer.parseInt(colon < 0 ? usualPort : address.substring(colon + 1));
                InetSocketAddress there = new InetSocketAddress(host, port);
                if (there.isUnresolved()) {
                    tried.add("there is no host " + host);
                    continue;
                }
                socket.connect(there, REACH_MILLIS);
                return null;
            } catch (IOException | IllegalArgumentException e) {
                tried.add(e instanceof SocketTimeoutException ? "no answer in 3 s" : String.valueOf(e.getMessage()));
            }
        }
        return String.join(", ", tried);
    }

    private void read() {
        try {
            while (true) {
                Wire.Frame frame = wire.receive();
                ready |= frame.kind() == Wire.READY;
                String verdict = fleet.see(frame);
                if (verdict != null) {
                    wire.send(Wire.VERDICT, 0, verdict); // at once: the executor waits for it
                }
                frames.add(frame);
            }
        } catch (IOException | RuntimeException e) { // the latter: what is no frame
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

    /** Whether the driver has said that Spark's application is there. */
    boolean isReady() {
        return ready;
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
                if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
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
