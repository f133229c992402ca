package dev.loupe.cluster;

import dev.loupe.cluster.spark.SparkDriver;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How a driver is started: by {@code bin/spark-submit} where Spark is a site's own, which reads {@code spark-env.sh} as well;
 * else as that program would. What the site or the user has set is left as it is: defaults of Loupe's are for what nobody has
 * set.
 */
final class SparkCommand {
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
            "-Djava.net.preferIPv6Addresses=false");

    /** It waits most of its time, and the work needs the cores. */
    private static final String LIGHT = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1";

    private static final String DRIVER_MEMORY = "spark.driver.memory";
    private static final String DRIVER_JAVA = "spark.driver.extraJavaOptions";
    private static final String DRIVER_PATH = "spark.driver.extraClassPath";
    private static final String EXECUTOR_JAVA = "spark.executor.extraJavaOptions";

    private static final String FAILURES_FOR = "spark.executor.failuresValidityInterval";

    /** For how long Spark remembers that an executor failed. */
    static final String FAILURES_WITHIN = "15m";

    /** What a task's process takes beside its work, and room for the work: for containers, of which nobody said how large. */
    private static final long OVERHEAD_MIB = 3072;

    private SparkCommand() {}

    /**
     * The command, up to the end. What is secret is never in it, but for what a site's own file has among the options of the
     * driver's JVM.
     *
     * @param secrets the settings that are in a file instead
     */
    static List<String> of(ClusterOptions options, SparkHome spark, SparkSite site, SecretSettings secrets, Path jar) {
        Map<String, String> conf = conf(options, spark, site);
        List<String> command = new ArrayList<>();
        Path submit = spark.folder().resolve("bin").resolve("spark-submit");
        if (!spark.ours() && Files.isRegularFile(submit)) {
            command.add("bash"); // copies may have lost the right to be run
            command.add(submit.toString());
        } else {
            command.addAll(java(conf, spark, site));
        }
        command.addAll(List.of(
                "--master",
                options.master(),
                "--deploy-mode",
                "client", // the driver stays beside the command, whatever the site's default
                "--name",
                "Loupe",
                "--class",
                SparkDriver.class.getName()));
        conf.forEach((key, value) -> {
            if (!secrets.keys().contains(key)) {
                command.addAll(List.of("--conf", key + "=" + value));
            }
        });
        Path file = secrets.file();
        if (file != null) {
            command.addAll(List.of("--properties-file", file.toString()));
        }
        Path archive = options.archive();
        if (archive != null) {
            String others = set(options, site).getOrDefault("spark.archives", ""); // the option would replace them
            command.addAll(List.of(
                    "--archives", (others.isBlank() ? "" : others + ",") + archive.toAbsolutePath() + "#loupe"));
        }
        command.add(jar.toString());
        return command;
    }

    /** What somebody has set; the command's own settings win, as with Spark. */
    static Map<String, String> set(ClusterOptions options, SparkSite site) {
        Map<String, String> all = new TreeMap<>(site.defaults());
        all.putAll(options.conf());
        return all;
    }

    /** What is said on the command line: what the user said, and what nobody did. */
    private static Map<String, String> conf(ClusterOptions options, SparkHome spark, SparkSite site) {
        Map<String, String> set = set(options, site);
        Map<String, String> conf = new TreeMap<>();
        conf.put("spark.executor.memory", "512m");
        conf.put("spark.ui.showConsoleProgress", "false");
        conf.put("spark.excludeOnFailure.enabled", "true");
        conf.put("spark.excludeOnFailure.task.maxTaskAttemptsPerNode", "3"); // two executors may share a machine
        conf.put(
                "spark.scheduler.excludeOnFailure.unschedulableTaskSetTimeout",
                "20s"); // or a fault of all takes two minutes
        conf.put("spark.scheduler.mode", "FIFO");
        conf.put("spark.scheduler.minRegisteredResourcesRatio", "0"); // Loupe waits for executors itself, and says so
        conf.put(DRIVER_MEMORY, "640m");
        conf.put(DRIVER_JAVA, LIGHT);
        boolean here = options.master().startsWith("local-cluster");
        conf.put(EXECUTOR_JAVA, here ? LIGHT + " " + String.join(" ", archive(spark, "executor")) : LIGHT);
        boolean factor = set.containsKey("spark.executor.memoryOverheadFactor")
                || set.containsKey("spark.kubernetes.memoryOverheadFactor");
        if (options.isContained()) {
            conf.put(FAILURES_FOR, FAILURES_WITHIN); // or some lost machines a day end a run of days
        }
        if (options.isContained() && !factor) {
            conf.put("spark.executor.memoryOverhead", overhead(set) + "m");
        }
        conf.keySet().removeAll(set.keySet());
        conf.putAll(options.conf());
        return conf;
    }

    /** MiB beside the executor's own JVM, for as many tasks as it works on at once. */
    private static long overhead(Map<String, String> set) {
        int cores = number(set.getOrDefault("spark.executor.cores", "1"));
        int cpus = number(set.getOrDefault("spark.task.cpus", "1"));
        return OVERHEAD_MIB * Math.max(1, cores / Math.max(1, cpus));
    }

    private static int number(String text) {
        return text.matches("\\d{1,6}") ? Integer.parseInt(text) : 1; // Spark refuses what is none
    }

    /** As the launcher of Spark does it. */
    private static List<String> java(Map<String, String> conf, SparkHome spark, SparkSite site) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(JVM);
        command.addAll(archive(spark, "driver"));
        Map<String, String> all = new TreeMap<>(site.defaults());
        all.putAll(conf);
        command.add("-Xmx" + all.get(DRIVER_MEMORY));
        command.addAll(words(all.getOrDefault(DRIVER_JAVA, "")));
        List<String> path = new ArrayList<>();
        if (!all.getOrDefault(DRIVER_PATH, "").isBlank()) {
            path.add(all.get(DRIVER_PATH));
        }
        path.add(site.conf().toString());
        path.add(spark.folder().resolve("jars") + "/*");
        path.addAll(site.classPath());
        command.addAll(List.of("-cp", String.join(File.pathSeparator, path), "org.apache.spark.deploy.SparkSubmit"));
        return command;
    }

    /** Options as a shell would take them apart. */
    static List<String> words(String text) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        char quote = 0;
        boolean begun = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (quote == 0 && Character.isWhitespace(c)) {
                if (begun) {
                    words.add(word.toString());
                }
                word.setLength(0);
                begun = false;
                continue;
            }
            begun = true;
            if (c == quote) {
                quote = 0;
            } else if (quote == 0 && (c == '"' || c == '\'')) {
                quote = c;
            } else if (c == '\\' && quote != '\'' && i + 1 < text.length()) {
                word.append(text.charAt(++i));
            } else {
                word.append(c);
            }
        }
        if (begun) {
            words.add(word.toString());
        }
        return words;
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
}
