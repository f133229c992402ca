package dev.loupe.cli;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where long work is done. */
final class ClusterChoice {
    @Option(
            names = "--on",
            paramLabel = "MASTER",
            description =
                    "Where the work is done: local (default), or a Spark cluster: spark://HOST:7077, k8s://URL, yarn,"
                            + " local-cluster[WORKERS,CORES,MEGABYTES].")
    @Nullable String on;

    @Option(
            names = "--conf",
            paramLabel = "KEY=VALUE",
            description = "A setting of Spark, such as spark.task.cpus=4; as often as need be.")
    List<String> conf = List.of();

    @Option(
            names = "--archives",
            paramLabel = "FILE",
            description =
                    "Loupe's release archive, unpacked on every executor (default: executors see the files that this"
                            + " process was started from).")
    @Nullable Path archive;

    @Option(
            names = "--storage",
            paramLabel = "URL",
            description =
                    "Folder of a Hadoop file system (s3a://BUCKET/DIR, hdfs://HOST/DIR) for stores, SAEs and indexes, where"
                            + " the machines of the cluster share no folder; the workspace is this machine's alone then.")
    @Nullable String storage;

    @Option(
            names = "--resume",
            description =
                    "Go on where an interrupted run stopped; that happens without it, too. What was finished is kept:"
                            + " shards of a capture, SAEs of a training or sweep (inside of one: its last checkpoint), comparisons,"
                            + " reports, whole blocks of an index.")
    private boolean resume;
}
