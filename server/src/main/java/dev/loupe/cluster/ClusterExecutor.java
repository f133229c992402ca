package dev.loupe.cluster;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor;
import dev.loupe.base.WorkspaceJson;
import dev.loupe.cluster.spark.Launch;
import dev.loupe.cluster.spark.Ready;
import dev.loupe.cluster.spark.Setup;
import dev.loupe.cluster.spark.Wire;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Does tasks on a Spark cluster. Spark gives them out, repeats them, and keeps count of machines; this side checks the
 * machines before any work, keeps enough tasks in flight, and takes the results. One stage at a time.
 */
public final class ClusterExecutor implements TaskExecutor, AutoCloseable {
    /** Where nobody says how many executors come: all are there if no other came for so long. */
    private static final long SETTLED_NANOS = 2_000_000_000L;

    /** How long executors are waited for that were asked for; a full cluster gives fewer. */
    private static final long ASSEMBLY_NANOS = 20_000_000_000L;

    private final ClusterOptions options;
    private final SparkLink link;
    private final WorkspaceJson paths;
    private final Path probe;
    private final Fleet fleet;
    private final Attempts attempts = new Attempts();
    private final AtomicLong numbers = new AtomicLong();
    private @Nullable String page;
    private String pods = "";
    private boolean warned;

    /**
     * Starts Spark. Executors come when they come: who has tasks waits for them, and who only claims a name or fetches a folder
     * does not.
     *
     * @param launch how executors start Loupe
     * @throws LoupeException if the cluster cannot be had, in a sentence; nothing was begun
     */
    static ClusterExecutor start(
            ClusterOptions options,
            SparkHome spark,
            Launch launch,
            Map<String, String> environment,
            Progress progress) {
        Path logs = options.workspace().resolve("logs");
        Path log = logs.resolve("spark-" + UUID.randomUUID() + ".log");
        SparkLog.prune(logs);
        Path probe = options.workspace().resolve(".probe-" + UUID.randomUUID());
        Fleet fleet = new Fleet(options, String.valueOf(probe.getFileName()));
        SparkLink link = options.isSubmitted()
                ? SparkLink.join(environment, log, fleet)
                : SparkLink.start(options, spark, environment, AdapterJar.in(logs), log, fleet, progress);
        ClusterExecutor executor = new ClusterExecutor(options, link, fleet, probe);
        try {
            executor.begin(launch, progress);
            return executor;
        } catch (RuntimeException | Error e) {
            executor.close();
            throw e;
        }
    }

    private ClusterExecutor(ClusterOptions options, SparkLink link, Fleet fleet, Path probe) {
        this.options = options;
        this.paths = new WorkspaceJson(options.workspace());
        this.link = link;
        this.fleet = fleet;
        this.probe = probe;
    }

    private void begin(Launch launch, Progress progress) {
        String name = String.valueOf(probe.getFileName());
        if (options.storage().isEmpty()) {
            try {
                Files.createDirectory(probe);
            } catch (IOException e) {
                throw AtomicFiles.failure(probe, e);
            }
            AtomicFiles.writeString(probe.resolve(name), name + "\n");
        }
        link.send(
                Wire.SETUP,
                0,
                new Setup(
                                options.storage().isEmpty()
                                        ? probe.resolve(name).toString()
                                        : name,
                                options.storage(),
                                options.workspace().toString(),
                                ProcessHandle.current().pid(),
                                launch)
                        .text());
        Waiting waiting = new Waiting(progress, false);
        while (page == null) {
            Wire.Frame frame = link.poll(progress);
            if (frame != null) {
                take(frame, progress);
            } else if (options.isSubmitted()) {
                waiting.say("Waiting for Spark to begin: its own output below spark-submit says what it waits for.");
            } else if (SparkLog.isQueued(link.log())) {
                waiting.say(
                        "Waiting for YARN: it has accepted the work and not begun it; its queue may have no room yet.");
            } else if (waiting.over(Waiting.PATIENCE_NANOS)) {
                throw new LoupeException("Spark at " + options.master()
                        + " has not begun within two minutes: the master does not answer; Spark's log is " + link.log()
                        + ".");
            }
        }
    }

    /**
     * Waits for an executor that can do the work.
     *
     * @throws LoupeException if those that came are no good, or the longest wait is over
     */
    void await(Progress progress) {
        Waiting waiting = new Waiting(progress, false);
        while (!fleet.isReady()) {
            fleet.hope();
            Wire.Frame frame = link.poll(progress);
            if (frame != null) {
                take(frame, progress);
            } else {
                waitFor(waiting);
            }
        }
    }

    private void waitFor(Waiting waiting) {
        String sentence = ClusterOptions.isKubernetes(fleet.setting("spark.master", options.master()))
                ? podsWait()
                : "the workers of " + fleet.setting("spark.master", options.master()) + " are busy, or none has "
                        + fleet.setting("spark.executor.cores", "the cores") + " and "
                        + fleet.setting("spark.executor.memory", "1g") + " of memory free that an executor asks for";
        waiting.say("Waiting for executors: " + sentence + ".");
        waiting.check(
                fleet.setting(Waiting.LONGEST, ""),
                "Spark gave no executor: " + sentence + "; Spark's log is " + link.log() + ".");
    }

    /** What keeps executors that are pods, by Kubernetes' own words or those that Spark has in its log. */
    private String podsWait() {
        String why = pods.isEmpty() ? SparkLog.podsRefused(link.log()) : pods;
        return "Kubernetes has not started their pods" + (why.isEmpty() ? "" : " (" + why + ")") + "; kubectl -n "
                + fleet.setting("spark.kubernetes.namespace", "default") + " describe pods -l spark-app-selector="
                + fleet.setting("spark.app.id", "") + " tells more";
    }

    @Override
    public boolean remote() {
        return true;
    }

    @Override
    public int slots() {
        return Math.max(1, fleet.slots());
    }

    @Override
    public int slotsAtStart(Progress progress) {
        await(progress);
        int wanted = fleet.wanted();
        long begin = System.nanoTime();
        long last = begin;
        int seen = fleet.size();
        while (wanted > 0
                ? fleet.size() < wanted && System.nanoTime() - begin < ASSEMBLY_NANOS
                : System.nanoTime() - last < SETTLED_NANOS) {
            Wire.Frame frame = link.poll(progress);
            if (frame != null) {
                take(frame, progress);
            }
            if (fleet.size() != seen) {
                seen = fleet.size();
                last = System.nanoTime();
            }
        }
        return slots();
    }

    @Override
    public long memoryEach() {
        return fleet.memoryEach();
    }

    @Override
    public <T extends Task<R>, R> void run(
            Iterator<T> tasks, Class<R> results, Work<T, R> here, BiConsumer<T, R> done, Progress progress) {
        run(tasks, results, done, 0, progress);
    }

    /**
     * Does tasks.
     *
     * @param weights bytes of the model that each opens
     */
    <T extends Task<R>, R> void run(
            Iterator<T> tasks, Class<R> results, BiConsumer<T, R> done, long weights, Progress progress) {
        ClusterStage<T, R> stage = new ClusterStage<>(
                results,
                done,
                task -> {
                    fleet.fits(task, weights);
                    return numbers.incrementAndGet();
                },
                (task, number) -> send(number, task),
                paths,
                progress);
        if (page != null && !page.isEmpty()) {
            progress.page(page); // whoever watched Spark start may have been another
        }
        try {
            await(progress);
            Waiting none = new Waiting(progress, true);
            while (true) {
                if (fleet.isReady()) {
                    none = new Waiting(progress, true);
                } else {
                    fleet.hope();
                    none.say("No executor is left: waiting for Spark to start another one"
                            + (pods.isEmpty() ? "." : " (" + pods + ")."));
                    none.check(fleet.setting(Waiting.LONGEST, ""), "No executor was left.");
                }
                while (stage.size() < 2 * slots() && tasks.hasNext()) {
                    stage.give(tasks.next());
                }
                if (stage.size() == 0) {
                    return;
                }
                Wire.Frame frame = link.poll(progress);
                if (frame != null && !stage.take(frame)) {
                    take(frame, progress);
                }
            }
        } catch (RuntimeException | Error e) {
            cancel();
            throw e;
        }
    }

    private void send(long number, Task<?> task) {
        // what has to be brought to a machine: nothing where all see the workspace
        String inputs = options.storage().isEmpty()
                ? ""
                : task.inputs().stream().map(paths::name).collect(Collectors.joining("\t"));
        link.send(
                Wire.TASK,
                number,
                task.title().replace('\n', ' ') + "\n" + inputs + "\n"
                        + paths.line(Map.of("kind", task.kind(), "request", task)));
    }

    /** Brings a folder from the storage into the workspace; nothing happens if the storage has none of that name. */
    void fetch(Path folder, Progress progress) {
        if (ask(Wire.FETCH, paths.name(folder), progress)) {
            progress.message(folder.getFileName() + " comes from " + options.storage() + ".");
        }
    }

    /** Puts a finished folder of the workspace into the storage. */
    void keep(Path folder, Progress progress) {
        ask(Wire.KEEP, paths.name(folder), progress);
        progress.message(folder.getFileName() + " is in " + options.storage() + ".");
    }

    /** Claims folders of the workspace in the storage, which this process is going to write. */
    void claim(List<Path> folders, Progress progress) {
        ask(Wire.CLAIM, names(folders), progress);
    }

    /** Gives them back; an answer comes some time, and says nothing. */
    void release(List<Path> folders) {
        try {
            link.send(Wire.RELEASE, numbers.incrementAndGet(), names(folders));
        } catch (LoupeException gone) {
            // the driver gives everything back at its end
        }
    }

    private String names(List<Path> folders) {
        return folders.stream().map(paths::name).collect(Collectors.joining("\t"));
    }

    private boolean ask(byte kind, String name, Progress progress) {
        long number = numbers.incrementAndGet();
        link.send(kind, number, name);
        while (true) {
            Wire.Frame frame = link.poll(progress);
            if (frame == null) {
                continue;
            }
            if (frame.task() == number && frame.kind() == Wire.RESULT) {
                return Boolean.parseBoolean(frame.text());
            }
            if (frame.task() == number && frame.kind() == Wire.FAILED) {
                throw new LoupeException(
                        SparkLog.lost(frame.text()) + (frame.text().endsWith(".") ? "" : "."));
            }
            take(frame, progress);
        }
    }

    private void cancel() {
        try {
            link.send(Wire.CANCEL, 0, "");
        } catch (LoupeException gone) {
            // then nothing runs any more
        }
    }

    /** What is not about a task. */
    private void take(Wire.Frame frame, Progress progress) {
        switch (frame.kind()) {
            case Wire.READY -> {
                Ready ready = Ready.of(frame.text());
                progress.message("Spark " + ready.version() + " on " + options.master()
                        + (ready.page().isEmpty() ? "" : "; its own page: " + ready.page()));
                page = ready.page();
            }
            case Wire.EXECUTOR -> {
                String name = frame.text().split("\n", 2)[0];
                String refusal = fleet.refusal(name);
                if (refusal != null) {
                    progress.message(refusal + " That executor gets no work.");
                }
                String mixed = fleet.mixed();
                if (!mixed.isEmpty() && !warned) {
                    warned = true;
                    progress.message("The machines have different processors (" + mixed
                            + "): the same work may differ in its last bits from one run to the next.");
                }
            }
            case Wire.PODS -> pods = frame.text();
            case Wire.ATTEMPT -> attempts.take(frame.text(), progress);
            case Wire.GONE -> {
                String[] lines = frame.text().split("\n", 2);
                String why = lines[1].lines()
                        .filter(l -> !l.isBlank()) // Kubernetes' begins with an empty one
                        .findFirst()
                        .orElse("no reason given");
                progress.message("Spark lost executor " + lines[0] + " (" + why
                        + "); what it had begun is made elsewhere."
                        + (SparkLog.isOutOfMemory(lines[1])
                                ? " Give containers more memory with --conf spark.executor.memoryOverhead, or fewer tasks"
                                        + " at once with --conf spark.task.cpus."
                                : ""));
            }
            case Wire.LOST -> {
                if (frame.task() == 0 && frame.text().startsWith(Wire.WHOLE)) {
                    throw new LoupeException(frame.text().substring(Wire.WHOLE.length()));
                }
                if (frame.task() == 0) {
                    boolean silent = frame.text().equals(Wire.ENDED);
                    throw new LoupeException("Spark at " + options.master() + " cannot be used ("
                            + (silent ? SparkLog.ended(link.log()) : SparkLog.lost(frame.text())) + "); its log is "
                            + link.log() + ". Finished parts are kept: run the same command again.");
                }
            }
            default -> {
                // of a task that nobody waits for any more
            }
        }
    }

    @Override
    public void close() {
        link.close();
        try {
            AtomicFiles.deleteTree(probe);
        } catch (IOException ignored) {
            // a folder of a line with a telling name
        }
    }
}
