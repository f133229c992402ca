package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.AtomicFiles;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.util.VersionInfo;

/** The jars of Hadoop's daemons, of the version that Spark's jars have, fetched on first use to where those are kept as well. */
final class HadoopJars {
    private static final String VERSION = VersionInfo.getVersion();

    /** What the ResourceManager needs beside, of the version that Hadoop's parent names. */
    private static final String BOUNCY_CASTLE = "1.82";

    private HadoopJars() {}

    /** All daemons in one jar, as a class path. */
    static String daemons() throws IOException, InterruptedException {
        return fetched("hadoop-minicluster-" + VERSION, "org.apache.hadoop:hadoop-client-minicluster:" + VERSION);
    }

    /** What the ResourceManager needs beside it, as a class path. */
    static String encryption() throws IOException, InterruptedException {
        List<String> path = new ArrayList<>();
        for (String part : List.of("bcprov", "bcutil", "bcpkix")) {
            path.add(fetched(part + "-" + BOUNCY_CASTLE, "org.bouncycastle:" + part + "-jdk18on:" + BOUNCY_CASTLE));
        }
        return String.join(File.pathSeparator, path);
    }

    private static String fetched(String name, String artifact) throws IOException, InterruptedException {
        String[] part = artifact.split(":");
        Path folder = Path.of(System.getProperty("user.home"), ".cache", "loupe", name);
        Path jar = folder.resolve(part[1] + "-" + part[2] + ".jar");
        if (!Files.isRegularFile(jar)) {
            Path temporary = Files.createDirectories(AtomicFiles.temporary(folder));
            Process maven = new ProcessBuilder(List.of(
                            "mvn",
                            "-B",
                            "-q",
                            "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy",
                            "-Dartifact=" + artifact,
                            "-DoutputDirectory=" + temporary))
                    .directory(temporary.toFile())
                    .redirectErrorStream(true)
                    .start();
            String said = new String(maven.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(maven.waitFor()).as(said).isZero();
            AtomicFiles.publish(temporary, folder);
        }
        return jar.toString();
    }

    /** A daemon of a main class, with little memory: the command up to the arguments. */
    static List<String> java(String main, List<String> classPath, String... more) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx320m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1"));
        command.addAll(SparkCommand.JVM);
        command.add("-Djava.net.preferIPv4Stack=true");
        command.addAll(List.of(more));
        command.addAll(List.of("-cp", String.join(File.pathSeparator, classPath), main));
        return command;
    }
}
