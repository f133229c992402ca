package dev.loupe.cluster;

import dev.loupe.base.Progress;
import dev.loupe.base.TaskExecutor;
import dev.loupe.base.UsageException;
import dev.loupe.cluster.spark.Launch;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where the tasks of one workbench are done, by its settings; a cluster is started when work first needs it and then kept. */
public final class Executors implements AutoCloseable {
    private final @Nullable ClusterOptions options;
    private final Map<String, String> environment;
    private @Nullable StartingCluster cluster;
    private @Nullable Path needed;

    /**
     * By the settings.
     *
     * @param on {@code local} or the name of a cluster
     * @param conf settings of Spark, {@code KEY=VALUE}, separated by semicolons
     * @param archive the release archive that executors unpack; empty where they see the same files
     * @param storage address of a folder of a Hadoop file system; empty where machines share the workspace
     * @param workspace the folder that all machines share
     */
    public Executors(
            String on, String conf, String archive, String storage, Path workspace, Map<String, String> environment) {
        if (environment.getOrDefault("LOUPE_ON", "").equals(ClusterOptions.SUBMITTED)
                && !on.equals(ClusterOptions.SUBMITTED)
                && !on.equals(ClusterOptions.LOCAL)) {
            throw new UsageException(
                    "Below spark-submit the work is done by the cluster that spark-submit has: leave out" + " --on "
                            + on + ", which would start another one.");
        }
        this.options = on.equals(ClusterOptions.LOCAL)
                ? null
                : new ClusterOptions(
                        on,
                        conf(conf),
                        archive.isBlank() ? null : Path.of(archive.strip()),
                        workspace,
                        storage.strip());
        this.environment = environment;
    }

    /** Settings of Spark, separated by semicolons. */
    static Map<String, String> conf(String text) {
        return ClusterOptions.conf(List.of(text.split(";(?=\\s*spark\\.|\\s*$|;)")).stream()
                .map(String::strip)
                .filter(c -> !c.isEmpty())
                .toList());
    }

    /** Whether work is done elsewhere. */
    public boolean remote() {
        return options != null;
    }

    /**
     * Where tasks are done. A cluster is looked for at once and started meanwhile: who has tasks waits for it.
     *
     * @throws dev.loupe.base.LoupeException if there is no such cluster
     */
    public synchronized TaskExecutor get(Progress progress) {
        ClusterOptions o = options;
        if (o == null) {
            return TaskExecutor.local();
        }
        StartingCluster c = cluster;
        if (c == null) {
            c = StartingCluster.begin(o, launch(o, needed), environment, progress);
            cluster = c;
        }
        return c.watched(progress);
    }

    /**
     * The same for tasks that each open a model.
     *
     * @param weights bytes of its weights in memory
     */
    public TaskExecutor get(Progress progress, long weights) {
        TaskExecutor executor = get(progress);
        return executor instanceof StartingCluster c ? c.with(weights) : executor;
    }

    /**
     * Brings a store, an SAE or an index from the storage into the workspace, if it is there only. Nothing happens where
     * machines share a folder.
     */
    public void fetch(Path folder, Progress progress) {
        if (stored() && !Files.isDirectory(folder) && get(progress) instanceof StartingCluster c) {
            c.fetch(folder, progress);
        }
    }

    /** Puts a finished store, SAE or index into the storage, if there is one and it is not there. */
    public void keep(Path folder, Progress progress) {
        if (stored() && get(progress) instanceof StartingCluster c) {
            c.keep(folder, progress);
        }
    }

    /** Folders that this process alone may write in the storage, until it is closed. */
    public interface Claim extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Says what is going to be written, before any work. Nothing happens where machines share a folder, which has locks.
     *
     * @throws dev.loupe.base.LoupeException naming the process, if another one that lives is writing one of them
     */
    public Claim claim(List<Path> folders, Progress progress) {
        if (folders.isEmpty() || !stored() || !(get(progress) instanceof StartingCluster c)) {
            return () -> {};
        }
        c.claim(folders, progress);
        return () -> c.release(folders);
    }

    /**
     * The name of a text as other machines find it.
     *
     * @throws UsageException if it is a file of this machine, and the others share no folder with it
     */
    public String text(String name) {
        if (!remote() || !Files.exists(Path.of(name))) { // a data set of the hub, which every machine can read
            return name;
        }
        if (stored()) {
            throw new UsageException(
                    "The machines of the cluster share no folder with this one, so they do not have the"
                            + " text " + name
                            + ": leave --text out to use the store's held-out documents, name a data set of the"
                            + " hub, or evaluate here (--on local).");
        }
        return Path.of(name).toAbsolutePath().normalize().toString();
    }

    /**
     * A model that is a folder or file outside of the workspace, as other machines find it. They are asked whether they do
     * when they begin, so this is for the time before {@link #get}: a cluster that runs already is not asked again.
     *
     * @throws UsageException if they share no folder with this machine
     */
    public synchronized Path model(Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        ClusterOptions o = options;
        if (o == null) {
            return absolute;
        }
        if (stored()) {
            throw new UsageException(
                    "The machines of the cluster share no folder with this one, so they do not have the"
                            + " model " + absolute + ": copy it to "
                            + o.workspace().resolve("models")
                            + ", from where they get it, and give that name, or name a model of the hub.");
        }
        needed = seen(absolute);
        return absolute;
    }

    /** What executors must see of a model: the description in its folder; without one, the GGUF file or the folder of it. */
    static Path seen(Path model) {
        Path config = model.resolve("config.json");
        return Files.isRegularFile(config) ? config : model;
    }

    private boolean stored() {
        ClusterOptions o = options;
        return o != null && !o.storage().isEmpty();
    }

    /** How executors start Loupe: as this process was, or from the archive. */
    private static Launch launch(ClusterOptions options, @Nullable Path needed) {
        List<String> arguments = List.of(Launch.WORKSPACE, options.workspace().toString());
        String java = System.getProperty("java.home");
        String needs = needed == null ? "" : needed.toString();
        return options.archive() != null
                ? new Launch("loupe", java, List.of(), arguments, needs)
                : new Launch("", java, jvm(), arguments, needs);
    }

    /** The flags of this JVM that suit a child as well, and its class path. */
    public static List<String> jvm() {
        List<String> flags = new ArrayList<>();
        for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            // one debugger port or cache recording serves one process
            if (!flag.startsWith("-agentlib")
                    && !flag.startsWith("-javaagent")
                    && !flag.startsWith("-XX:AOTCacheOutput")
                    && !flag.startsWith("-XX:AOTMode")) {
                flags.add(flag);
            }
        }
        flags.add("-cp");
        flags.add(System.getProperty("java.class.path"));
        return flags;
    }

    @Override
    public synchronized void close() {
        if (cluster != null) {
            cluster.close();
            cluster = null;
        }
    }
}
