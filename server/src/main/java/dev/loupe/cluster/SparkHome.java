package dev.loupe.cluster;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A folder with Spark's jars: that of {@code SPARK_HOME}, or one filled from Maven on first use.
 *
 * @param folder holds {@code jars/}, perhaps {@code conf/}
 * @param version of Spark
 * @param ours whether it was fetched by Loupe
 */
public record SparkHome(Path folder, String version, boolean ours) {
    /** The version that is fetched, and the line of versions that is taken. */
    public static final String VERSION = "4.2.0";

    /** Where Spark is not started from here. */
    static final SparkHome NONE = new SparkHome(Path.of(""), VERSION, false);

    private static final String LINE = "4.2.";
    private static final Pattern CORE = Pattern.compile("spark-core_2\\.13-(.+)\\.jar");

    /** Finds Spark, or fetches it. */
    public static SparkHome find(Map<String, String> environment, String master, Progress progress) {
        String named = environment.getOrDefault("SPARK_HOME", "");
        if (!named.isBlank()) {
            return of(Path.of(named.strip()), false);
        }
        String more =
                master.startsWith("k8s") ? "spark-kubernetes_2.13" : master.equals("yarn") ? "spark-yarn_2.13" : "";
        Path cache = cache(environment)
                .resolve("spark-" + VERSION + (more.isEmpty() ? "" : "-" + master.replaceAll("\\W.*", "")));
        return Files.isDirectory(cache.resolve("jars")) ? of(cache, true) : fetch(cache, more, environment, progress);
    }

    /**
     * The Spark of a folder.
     *
     * @throws LoupeException if there is none, or it is of another version
     */
    static SparkHome of(Path folder, boolean ours) {
        try (Stream<Path> jars = Files.list(folder.resolve("jars"))) {
            String version = jars.map(j -> CORE.matcher(String.valueOf(j.getFileName())))
                    .filter(Matcher::matches)
                    .map(m -> m.group(1))
                    .findFirst()
                    .orElseThrow(() -> new LoupeException("There is no Spark for Scala 2.13 in " + folder
                            + ": set SPARK_HOME to the folder of Spark " + VERSION + "."));
            if (!version.startsWith(LINE)) {
                throw new LoupeException(
                        "The Spark in " + folder + " has version " + version + ", but Loupe works with " + LINE
                                + "x: set SPARK_HOME to such a one, or unset it to have " + VERSION + " fetched.");
            }
            return new SparkHome(folder.toAbsolutePath(), version, ours);
        } catch (IOException e) {
            throw new LoupeException(
                    "There is no Spark in " + folder + " (no folder jars): set SPARK_HOME to the folder of Spark "
                            + VERSION + ", or unset it to have it fetched.",
                    e);
        }
    }

    private static Path cache(Map<String, String> environment) {
        String named = environment.getOrDefault("XDG_CACHE_HOME", "");
        Path base = named.isBlank() ? Path.of(System.getProperty("user.home", "."), ".cache") : Path.of(named);
        return base.resolve("loupe");
    }

    private static SparkHome fetch(Path cache, String more, Map<String, String> environment, Progress progress) {
        progress.message("Fetching Spark " + VERSION + " with Maven into " + cache
                + " (230 MB, once); set SPARK_HOME to use one that is there.");
        Path temporary = AtomicFiles.temporary(cache);
        try {
            Files.createDirectories(temporary);
            Path pom = temporary.resolve("pom.xml");
            Files.writeString(pom, pom(more));
            Path log = temporary.resolve("maven.log");
            ProcessBuilder builder = new ProcessBuilder(
                    maven(environment, System.getProperty("loupe.root", "")),
                    "-B",
                    "-q",
                    "-f",
                    pom.toString(),
                    "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy-dependencies",
                    "-DoutputDirectory=" + temporary.resolve("jars"),
                    "-DincludeScope=runtime");
            builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
            builder.redirectErrorStream(true).redirectOutput(log.toFile());
            Process process = builder.start();
            process.getOutputStream().close();
            while (!process.waitFor(200, java.util.concurrent.TimeUnit.MILLISECONDS)) {
                if (progress.cancelled()) {
                    process.destroy();
                    progress.check();
                }
            }
            if (process.exitValue() != 0) {
                throw new LoupeException("Maven could not fetch Spark " + VERSION + " ("
                        + firstError(Files.readString(log)) + "): set SPARK_HOME to a Spark " + VERSION
                        + " that is there.");
            }
            Files.delete(pom);
            AtomicFiles.publish(temporary, cache);
            return of(cache, true);
        } catch (IOException e) {
            throw new LoupeException(
                    "Spark is not here and cannot be fetched (" + e.getMessage() + "): install Maven, or set SPARK_HOME"
                            + " to the folder of Spark " + VERSION + ".",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new dev.loupe.base.CancelledException();
        } finally {
            try {
                AtomicFiles.deleteTree(temporary);
            } catch (IOException ignored) {
                // its name says that it is half-written
            }
        }
    }

    /** That of a checkout, which fetches Maven itself where there is none; else the one on the path. */
    static String maven(Map<String, String> environment, String root) {
        for (String folder : environment.getOrDefault("PATH", "").split(java.io.File.pathSeparator)) {
            Path program = Path.of(folder, "mvn");
            if (Files.isExecutable(program)) {
                return program.toString();
            }
        }
        Path own = Path.of(root, "mvnw").toAbsolutePath();
        if (!root.isEmpty() && Files.isExecutable(own)) {
            return own.toString();
        }
        throw new LoupeException("Spark " + VERSION
                + " is not here, and there is no Maven (mvn) on the PATH to fetch it:"
                + " set SPARK_HOME to the folder of a Spark " + VERSION + ", or install Maven; nothing was begun.");
    }

    private static String firstError(String log) {
        return log.lines()
                .filter(l -> l.startsWith("[ERROR]"))
                .map(l -> l.substring(7).strip())
                .findFirst()
                .orElse("no reason given");
    }

    private static String pom(String more) {
        StringBuilder dependencies = new StringBuilder();
        for (String artifact : more.isEmpty() ? List.of("spark-core_2.13") : List.of("spark-core_2.13", more)) {
            dependencies
                    .append("<dependency><groupId>org.apache.spark</groupId><artifactId>")
                    .append(artifact)
                    .append("</artifactId><version>")
                    .append(VERSION)
                    .append("</version></dependency>");
        }
        return "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>"
                + "<groupId>dev.loupe</groupId><artifactId>spark-jars</artifactId><version>1</version><dependencies>"
                + dependencies + "</dependencies></project>\n";
    }
}
