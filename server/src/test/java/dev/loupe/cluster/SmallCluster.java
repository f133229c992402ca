package dev.loupe.cluster;

import dev.loupe.base.Progress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A standalone Spark cluster on the loopback interface: a master and workers of one core, real daemons in processes of their own. */
final class SmallCluster implements AutoCloseable {
    static final Map<String, String> LOOPBACK = Map.of("SPARK_LOCAL_IP", "127.0.0.1", "SPARK_SCALA_VERSION", "2.13");

    private final Path folder;
    private final SparkHome spark;
    private final int port;
    private final List<Process> daemons = new ArrayList<>();

    private SmallCluster(Path folder, SparkHome spark, int port) {
        this.folder = folder;
        this.spark = spark;
        this.port = port;
    }

    /** Starts a master and waits until it listens. */
    static SmallCluster start(Path folder, int workers) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        SmallCluster cluster =
                new SmallCluster(folder, SparkHome.find(System.getenv(), "spark://", Progress.silent()), freePort());
        try {
            cluster.daemon(
                    "master",
                    Map.of(),
                    "org.apache.spark.deploy.master.Master",
                    "--host",
                    "127.0.0.1",
                    "--port",
                    Integer.toString(cluster.port),
                    "--webui-port",
                    "0");
            cluster.await();
            for (int w = 0; w < workers; w++) {
                cluster.worker("worker" + w, Map.of());
            }
            return cluster;
        } catch (IOException | InterruptedException | RuntimeException | Error e) {
            cluster.close();
            throw e;
        }
    }

    /** A port that nobody listens at. */
    static int freePort() throws IOException {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return free.getLocalPort();
        }
    }

    String master() {
        return "spark://127.0.0.1:" + port;
    }

    /** One more worker, with further environment variables for it and its executors. */
    Process worker(String name, Map<String, String> environment) throws IOException {
        return worker(name, "127.0.0.1", environment);
    }

    /** The same at another address of the loopback interface, so that Spark takes it for another machine. */
    Process worker(String name, String host, Map<String, String> environment) throws IOException {
        return daemon(
                name,
                environment,
                "org.apache.spark.deploy.worker.Worker",
                "--host",
                host,
                "--webui-port",
                "0",
                "-c",
                "1",
                "-m",
                "1g",
                "-d",
                folder.resolve(name).toString(),
                master());
    }

    private Process daemon(String name, Map<String, String> environment, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx160m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1"));
        command.addAll(SparkCommand.JVM);
        command.addAll(List.of("-cp", spark.folder().resolve("jars") + "/*"));
        command.addAll(List.of(arguments));
        String limit = environment.get("LOUPE_FILE_LIMIT"); // blocks of 1024 bytes
        if (limit != null) {
            command.addAll(0, List.of("bash", "-c", "ulimit -f " + limit + "; exec \"$@\"", "bash"));
        }
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve(name + ".log").toFile());
        builder.environment().putAll(LOOPBACK);
        builder.environment().put("SPARK_HOME", spark.folder().toString());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().putAll(environment);
        Process process = builder.start();
        daemons.add(process);
        return process;
    }

    private void await() throws IOException, InterruptedException {
        for (int tries = 0; tries < 600; tries++) {
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1000);
                return;
            } catch (IOException e) {
                Thread.sleep(100);
            }
        }
        throw new IOException("no master: " + Files.readString(folder.resolve("master.log")));
    }

    @Override
    public void close() throws InterruptedException {
        for (Process daemon : daemons.reversed()) {
            daemon.destroy();
        }
        for (Process daemon : daemons) {
            if (!daemon.waitFor(10, TimeUnit.SECONDS)) {
                daemon.destroyForcibly().waitFor();
            }
        }
    }
}
