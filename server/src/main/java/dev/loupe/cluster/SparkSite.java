package dev.loupe.cluster;

import dev.loupe.base.LoupeException;
import java.io.File;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/**
 * What a site has set for Spark: the folder of its settings, what {@code spark-defaults.conf} says there, and the folders and
 * jars that Spark's own launcher puts on the driver's class path behind Spark: Hadoop's settings, by which {@code yarn} and
 * {@code hdfs://} names are found, and what {@code SPARK_DIST_CLASSPATH} names.
 *
 * @param conf the folder: {@code SPARK_CONF_DIR}, else {@code conf} of Spark's
 * @param defaults by key
 * @param classPath further entries, in the launcher's order
 */
record SparkSite(Path conf, Map<String, String> defaults, List<String> classPath) {
    private static final String DEFAULTS = "spark-defaults.conf";

    /** What the launcher of Spark looks at, in the order of the class path. */
    private static final List<String> BEHIND = List.of("HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_DIST_CLASSPATH");

    /** Reads what the environment says. */
    static SparkSite of(SparkHome spark, Map<String, String> environment) {
        String named = environment.getOrDefault("SPARK_CONF_DIR", "").strip();
        Path conf = named.isEmpty() ? spark.folder().resolve("conf") : Path.of(named);
        List<String> path = new ArrayList<>();
        for (String key : BEHIND) {
            for (String entry : environment.getOrDefault(key, "").split(File.pathSeparator)) {
                if (!entry.isBlank()) {
                    path.add(entry.strip());
                }
            }
        }
        return new SparkSite(conf, defaults(conf.resolve(DEFAULTS)), List.copyOf(path));
    }

    private static Map<String, String> defaults(Path file) {
        if (!Files.isRegularFile(file)) {
            return Map.of();
        }
        Properties properties = new Properties(); // Spark reads it so, in UTF-8
        try (Reader in = Files.newBufferedReader(file)) {
            properties.load(in);
        } catch (IOException | IllegalArgumentException e) {
            throw new LoupeException(
                    "Spark's settings " + file + " cannot be read (" + e.getMessage()
                            + "): mend the file, or name another folder by SPARK_CONF_DIR.",
                    e);
        }
        Map<String, String> all = new TreeMap<>();
        properties
                .stringPropertyNames()
                .forEach(k -> all.put(k, properties.getProperty(k).strip()));
        return all;
    }
}
