package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * YARN on the loopback interface: a real ResourceManager and a NodeManager in processes of their own, with the limits on
 * memory that a NodeManager has by default, and the settings of a site in a folder.
 */
final class MiniYarn implements AutoCloseable {
    private static final String SERVER = "org.apache.hadoop.yarn.server.";
    private static final long PATIENCE_SECONDS = 180;

    private final Path folder;
    private final String page;
    private final List<Process> daemons = new ArrayList<>();

    private MiniYarn(Path folder, String page) {
        this.folder = folder;
        this.page = page;
    }

    /**
     * Starts it and waits until a node has joined.
     *
     * @param files the file system that applications put their own files into
     */
    static MiniYarn start(Path folder, String files) throws IOException, InterruptedException {
        Files.createDirectories(folder.resolve("conf"));
        Map<String, String> yarn = new LinkedHashMap<>();
        yarn.put("yarn.resourcemanager.hostname", "127.0.0.1");
        List<String> services =
                List.of("address", "scheduler.address", "resource-tracker.address", "admin.address", "webapp.address");
        List<Integer> ports = free(services.size());
        for (int i = 0; i < services.size(); i++) {
            yarn.put("yarn.resourcemanager." + services.get(i), "${yarn.resourcemanager.hostname}:" + ports.get(i));
        }
        for (String address : List.of("address", "localizer.address", "webapp.address")) {
            yarn.put("yarn.nodemanager." + address, "127.0.0.1:0");
        }
        yarn.put("yarn.nodemanager.resource.memory-mb", "12288");
        yarn.put("yarn.nodemanager.resource.cpu-vcores", "4");
        yarn.put("yarn.nodemanager.local-dirs", folder.resolve("local").toString());
        yarn.put("yarn.nodemanager.log-dirs", folder.resolve("logs").toString());
        yarn.put("yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage", "99.9");
        write(folder.resolve("conf/yarn-site.xml"), yarn);
        write(
                folder.resolve("conf/core-site.xml"),
                Map.of(
                        "fs.defaultFS",
                        files,
                        "hadoop.tmp.dir",
                        folder.resolve("tmp").toString()));
        write(
                folder.resolve("conf/capacity-scheduler.xml"),
                Map.of(
                        "yarn.scheduler.capacity.root.queues", "default",
                        "yarn.scheduler.capacity.root.default.capacity", "100",
                        "yarn.scheduler.capacity.maximum-am-resource-percent", "0.5"));
        MiniYarn cluster = new MiniYarn(folder, "http://127.0.0.1:" + ports.getLast() + "/ws/v1/cluster/");
        try {
            cluster.daemon("resourcemanager.ResourceManager");
            cluster.daemon("nodemanager.NodeManager");
            cluster.await();
            return cluster;
        } catch (IOException | InterruptedException | RuntimeException | Error e) {
            cluster.close();
            throw e;
        }
    }

    private static List<Integer> free(int many) throws IOException {
        List<ServerSocket> sockets = new ArrayList<>();
        for (int i = 0; i < many; i++) {
            sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        }
        List<Integer> ports = new ArrayList<>();
        for (ServerSocket socket : sockets) {
            ports.add(socket.getLocalPort());
            socket.close();
        }
        return ports;
    }

    private static void write(Path file, Map<String, String> settings) throws IOException {
        StringBuilder xml = new StringBuilder("<configuration>\n");
        settings.forEach((name, value) -> xml.append("<property><name>")
                .append(name)
                .append("</name><value>")
                .append(value)
                .append("</value></property>\n"));
        Files.writeString(file, xml.append("</configuration>\n"));
    }

    private void daemon(String name) throws IOException, InterruptedException {
        SparkHome spark = SparkHome.find(System.getenv(), "spark://", Progress.silent());
        List<String> command = HadoopJars.java(
                SERVER + name,
                List.of(
                        folder.resolve("conf").toString(),
                        HadoopJars.daemons(),
                        HadoopJars.encryption(),
                        spark.folder().resolve("jars") + "/*"));
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve(name + ".log").toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        daemons.add(builder.start());
    }

    private void await() throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (System.nanoTime() < end && daemons.stream().allMatch(Process::isAlive)) {
            try {
                if (ask("metrics").path("clusterMetrics").path("activeNodes").asInt(0) > 0) {
                    return;
                }
            } catch (IOException e) {
                // it does not listen yet
            }
            Thread.sleep(100);
        }
        StringBuilder said = new StringBuilder("YARN did not start:");
        try (Stream<Path> logs = Files.list(folder)) {
            for (Path log : logs.filter(f -> f.toString().endsWith(".log")).toList()) {
                said.append('\n').append(Files.readString(log));
            }
        }
        throw new IOException(said.toString());
    }

    private JsonNode ask(String what) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> answer = client.send(
                    HttpRequest.newBuilder(URI.create(page + what)).build(), HttpResponse.BodyHandlers.ofString());
            return answer.statusCode() == 200 ? Json.MAPPER.readTree(answer.body()) : Json.MAPPER.createObjectNode();
        }
    }

    /** Where a site keeps Hadoop's settings. */
    Path settings() {
        return folder.resolve("conf");
    }

    /** How many containers run, of all applications. */
    int containers() throws IOException, InterruptedException {
        return ask("metrics").path("clusterMetrics").path("containersAllocated").asInt(-1);
    }

    /** How each application ended, in no order. */
    List<String> ends() throws IOException, InterruptedException {
        List<String> ends = new ArrayList<>();
        ask("apps")
                .path("apps")
                .path("app")
                .forEach(app -> ends.add(app.path("finalStatus").asString("")));
        return ends;
    }

    /** Ends all applications that run, as an administrator does. */
    void kill() throws IOException, InterruptedException {
        for (JsonNode app : ask("apps?states=RUNNING").path("apps").path("app")) {
            URI state = URI.create(page + "apps/" + app.path("id").asString("") + "/state?user.name="
                    + System.getProperty("user.name"));
            try (HttpClient client = HttpClient.newHttpClient()) {
                HttpResponse<String> answer = client.send(
                        HttpRequest.newBuilder(state)
                                .header("Content-Type", "application/json")
                                .PUT(HttpRequest.BodyPublishers.ofString("{\"state\":\"KILLED\"}"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
                assertThat(answer.statusCode()).as(answer.body()).isBetween(200, 202);
            }
        }
    }

    /** The JVMs of executors that run. */
    Stream<ProcessHandle> executors() {
        return daemons.getLast()
                .descendants()
                .filter(p -> p.info().command().map(c -> c.endsWith("/java")).orElse(false))
                .filter(p -> p.info()
                        .commandLine()
                        .map(c -> c.contains("YarnCoarseGrainedExecutorBackend"))
                        .orElse(false));
    }

    @Override
    public void close() throws InterruptedException {
        List<ProcessHandle> containers =
                daemons.stream().flatMap(Process::descendants).toList();
        for (Process daemon : daemons.reversed()) {
            daemon.destroy();
        }
        for (Process daemon : daemons) {
            if (!daemon.waitFor(20, TimeUnit.SECONDS)) {
                daemon.destroyForcibly().waitFor();
            }
        }
        containers.forEach(ProcessHandle::destroyForcibly);
    }
}
