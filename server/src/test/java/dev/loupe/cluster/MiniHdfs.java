package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hadoop.util.VersionInfo;

/**
 * HDFS on the loopback interface: a real namenode and a datanode in one process, Hadoop's own cluster for tests
 * ({@code hadoop-client-minicluster}, 56 MB, fetched once).
 */
final class MiniHdfs implements AutoCloseable {
    private static final String MAIN = "org.apache.hadoop.test.MiniDFSClusterManager";
    private static final long PATIENCE_SECONDS = 180;

    private final Process process;
    private final int port;

    private MiniHdfs(Process process, int port) {
        this.process = process;
        this.port = port;
    }

    /** Starts it and waits until it takes files. */
    static MiniHdfs start(Path folder) throws IOException, InterruptedException {
        SparkHome spark = SparkHome.find(System.getenv(), "spark://", Progress.silent());
        Path jar = jar();
        Files.createDirectories(folder);
        Path written = folder.resolve("written.xml");
        Path log = folder.resolve("hdfs.log");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx320m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1"));
        command.addAll(SparkCommand.JVM);
        command.addAll(List.of(
                "-Djava.net.preferIPv4Stack=true",
                "-Dtest.build.data=" + folder.resolve("data"),
                "-Dhadoop.tmp.dir=" + folder.resolve("tmp"),
                "-cp",
                String.join(
                        java.io.File.pathSeparator,
                        jar.toString(),
                        spark.folder().resolve("jars") + "/*",
                        assertions()),
                MAIN,
                "-format",
                "-datanodes",
                "1",
                "-nnport",
                "0",
                "-D",
                "dfs.replication=1",
                "-writeConfig",
                written.toString()));
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            return new MiniHdfs(process, port(process, written, log));
        } catch (IOException | InterruptedException | RuntimeException | Error e) {
            process.destroyForcibly();
            throw e;
        }
    }

    /** Hadoop's cluster for tests looks at its folders with JUnit's assertions: those that this test has. */
    private static String assertions() {
        return Stream.of(System.getProperty("java.class.path").split(java.io.File.pathSeparator))
                .filter(p -> p.matches(".*(junit|opentest4j)[^/]*\\.jar"))
                .collect(Collectors.joining(java.io.File.pathSeparator));
    }

    private static int port(Process process, Path written, Path log) throws IOException, InterruptedException {
        Pattern address = Pattern.compile("<name>fs\\.defaultFS</name><value>hdfs://[^:<]+:(\\d+)");
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (System.nanoTime() < end && process.isAlive()) {
            if (Files.isRegularFile(written)) {
                Matcher m = address.matcher(Files.readString(written).replaceAll(">\\s+<", "><"));
                if (m.find()) {
                    return Integer.parseInt(m.group(1));
                }
            }
            Thread.sleep(100);
        }
        throw new IOException("HDFS did not start: " + Files.readString(log));
    }

    /** A folder of it as an address. */
    String address(String folder) {
        return "hdfs://127.0.0.1:" + port + "/" + folder;
    }

    /** The jar with Hadoop's daemons, fetched on first use to where Spark's jars are kept as well. */
    private static Path jar() throws IOException, InterruptedException {
        String version = VersionInfo.getVersion();
        String name = "hadoop-client-minicluster-" + version + ".jar";
        Path folder = Path.of(System.getProperty("user.home"), ".cache", "loupe", "hadoop-minicluster-" + version);
        if (!Files.isRegularFile(folder.resolve(name))) {
            Path temporary = Files.createDirectories(AtomicFiles.temporary(folder));
            Process maven = new ProcessBuilder(
                            "mvn",
                            "-B",
                            "-q",
                            "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy",
                            "-Dartifact=org.apache.hadoop:hadoop-client-minicluster:" + version,
                            "-DoutputDirectory=" + temporary)
                    .directory(temporary.toFile())
                    .redirectErrorStream(true)
                    .start();
            String said = new String(maven.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
            assertThat(maven.waitFor()).as(said).isZero();
            AtomicFiles.publish(temporary, folder);
        }
        return folder.resolve(name);
    }

    @Override
    public void close() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(20, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
        }
    }
}
