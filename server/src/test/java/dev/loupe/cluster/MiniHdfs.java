package dev.loupe.cluster;

import dev.loupe.base.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
        Files.createDirectories(folder);
        Path written = folder.resolve("written.xml");
        Path log = folder.resolve("hdfs.log");
        List<String> command = HadoopJars.java(
                MAIN,
                List.of(HadoopJars.daemons(), spark.folder().resolve("jars") + "/*", assertions()),
                "-Dtest.build.data=" + folder.resolve("data"),
                "-Dhadoop.tmp.dir=" + folder.resolve("tmp"));
        command.addAll(List.of(
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

    @Override
    public void close() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(20, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
        }
    }
}
