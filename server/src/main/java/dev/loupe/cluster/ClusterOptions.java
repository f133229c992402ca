package dev.loupe.cluster;

import dev.loupe.base.UsageException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where and how tasks are done elsewhere.
 *
 * @param master Spark's name of the cluster: {@code spark://host:7077}, {@code k8s://…}, {@code yarn},
 *     {@code local-cluster[2,1,2048]}
 * @param conf further settings of Spark
 * @param archive the release archive that executors unpack; null where they see the same files as this machine
 * @param workspace the folder that all machines share, or the driver's alone where there is a storage
 * @param storage address of a folder of a Hadoop file system, for machines that share no folder; empty for none
 */
public record ClusterOptions(
        String master, Map<String, String> conf, @Nullable Path archive, Path workspace, String storage) {
    /** The name of no cluster: this process. */
    public static final String LOCAL = "local";

    /** The driver that started this process. */
    static final String SUBMITTED = "submitted";

    private static final Pattern MASTER = Pattern.compile(
            "spark://[^\\s]+|k8s://[^\\s]+|yarn|local-cluster\\[\\s*\\d+\\s*,\\s*\\d+\\s*,\\s*\\d+\\s*\\]|submitted");

    private static final String DEPLOY = "spark.submit.deployMode";

    private static final Pattern STORAGE = Pattern.compile("[a-z][a-z0-9+.-]*://[^\\s\"]+");

    /** Checks the names. */
    public ClusterOptions {
        if (!MASTER.matcher(master).matches()) {
            throw new UsageException("--on is local or one of Spark's masters (spark://HOST:PORT, k8s://URL, yarn,"
                    + " local-cluster[WORKERS,CORES,MEGABYTES]), not \"" + master + "\".");
        }
        if (!storage.isEmpty() && !STORAGE.matcher(storage).matches()) {
            throw new UsageException("--storage is a folder of a Hadoop file system, such as s3a://BUCKET/FOLDER or"
                    + " hdfs://HOST/FOLDER, not \"" + storage + "\".");
        }
        if (conf.getOrDefault(DEPLOY, "client").equals("cluster")) {
            throw new UsageException("--conf " + DEPLOY + "=cluster would start Spark's driver far from this command,"
                    + " which it works for: leave it out.");
        }
        SecretSettings.refuseArguments(conf);
        conf = Map.copyOf(conf);
        storage = storage.replaceAll("/+$", "");
    }

    /** Whether {@code spark-submit} has started the driver already. */
    boolean isSubmitted() {
        return master.equals(SUBMITTED);
    }

    /** Whether an executor is a container with a limit of its own, which is killed when it takes more memory. */
    boolean isContained() {
        return isContained(master);
    }

    static boolean isContained(String master) {
        return master.equals("yarn") || master.startsWith("k8s");
    }

    /** Whether executors of a master are pods. */
    static boolean isKubernetes(String master) {
        return master.startsWith("k8s");
    }

    /**
     * Reads {@code KEY=VALUE} settings.
     *
     * @throws UsageException if one is no such thing or not Spark's
     */
    public static Map<String, String> conf(List<String> lines) {
        Map<String, String> conf = new LinkedHashMap<>();
        for (String line : lines) {
            int at = line.indexOf('=');
            if (at < 1 || !line.startsWith("spark.")) {
                throw new UsageException(
                        "A setting of Spark is spark.NAME=VALUE, such as spark.task.cpus=4; it is \"" + line + "\".");
            }
            conf.put(line.substring(0, at).strip(), line.substring(at + 1).strip());
        }
        return conf;
    }
}
