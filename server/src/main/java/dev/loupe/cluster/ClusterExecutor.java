package dev.loupe.cluster;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor;
import dev.loupe.base.WorkspaceJson;
import dev.loupe.cluster.spark.Launch;
import dev.loupe.cluster.spark.Setup;
import dev.loupe.cluster.spark.Wire;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;

/**
 * Does tasks on a Spark cluster. Spark gives them out, repeats them, and keeps count of machines; this side checks the
 * machines before any work, keeps enough tasks in flight, and takes the results. One stage at a time.
 */
public final class ClusterExecutor implements TaskExecutor, AutoCloseable {
    /** How often a task is given out anew whose result was no good. */
    private static final int AGAIN = 2;

    private static final long PATIENCE_NANOS = 120_000_000_000L;

    /** Where nobody says how many executors come: all are there if no other came for so long. */
    private static final long SETTLED_NANOS = 2_000_000_000L;

    /** How long executors are waited for that were asked for; a full cluster gives fewer. */
    private static final long ASSEMBLY_NANOS = 20_000_000_000L;

    /** What the child's JVM takes beside the task: its heap and its code. */
    private static final long CHILD_BYTES = 1L << 30;

    private final ClusterOptions options;
    private final SparkLink link;
    private final WorkspaceJson paths;
    private final Path probe;
    private final Map<String, Machine> machines = new LinkedHashMap<>();
    private final Map<String, Integer> cores = new HashMap<>();
    private final AtomicLong numbers = new AtomicLong();
    private String page = "";

    /**
     * Starts Spark and waits for the first executor.
     *
     * @param launch how executors start Loupe
     * @throws LoupeException if the cluster cannot be had, in a sentence; nothing was begun
     */
    public static ClusterExecutor start(
            ClusterOptions options,
            SparkHome spark,
            Launch launch,
            Map<String, String> environment,
            Progress progress) {
        Path log = options.workspace().resolve("logs").resolve("spark-" + UUID.randomUUID() + ".log");
        SparkLink link = options.isSubmitted()
                ? SparkLink.join(environment, log)
                : SparkLink.start(
                        options, spark, AdapterJar.in(options.workspace().resolve("logs")), log, progress);
        Path probe = options.workspace().resolve(".probe-" + UUID.randomUUID());
        ClusterExecutor executor = new ClusterExecutor(options, link, probe);
        try {
            executor.begin(launch, progress);
            return executor;
        } catch (RuntimeException | Error e) {
            executor.close();
            throw e;
        }
    }

    private ClusterExecutor(ClusterOptions options, SparkLink link, Path probe) {
        this.options = options;
        this.paths = new WorkspaceJson(options.workspace());
        this.link = link;
        this.probe = probe;
    }

    private void begin(Launch launch, Progress progress) {
        String name = String.valueOf(probe.getFileName());
        if (options.storage().isEmpty()) {
            AtomicFiles.writeString(probe, name + "\n");
        }
        link.send(
                Wire.SETUP,
                0,
                new Setup(
                                options.storage().isEmpty() ? probe.toString() : name,
                                options.storage(),
                                options.workspace().toString(),
                                ProcessHandle.current().pid(),
                                launch)
                        .text());
        progress.stage("start Spark on " + options.master(), -1, "executors");
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (machines.isEmpty() || cores.isEmpty()) {
            Wire.Frame frame = link.poll(progress);
            if (frame != null) {
                take(frame, progress);
            } else if (System.nanoTime() > end) {
                throw new LoupeException("Spark at " + options.master() + " gave no executor within two minutes: its"
                        + " workers are busy, or none has the cores and memory that were asked for ("
                        + asked() + "); Spark's log is " + link.log() + ".");
            }
        }
    }

    private String asked() {
        return options.conf().getOrDefault("spark.executor.memory", "512m") + " and "
                + options.conf().getOrDefault("spark.executor.cores", "all cores of a worker") + " an executor";
    }

    @Override
    public boolean remote() {
        return true;
    }

    @Override
    public int slots() {
        int each = Integer.parseInt(options.conf().getOrDefault("spark.task.cpus", "1"));
        return Math.max(1, cores.values().stream().mapToInt(c -> c / each).sum());
    }

    @Override
    public int slotsAtStart(Progress progress) {
        int wanted = options.executors();
        long begin = System.nanoTime();
        long last = begin;
        int seen = machines.size();
        while (wanted > 0
                ? Math.min(machines.size(), cores.size()) < wanted && System.nanoTime() - begin < ASSEMBLY_NANOS
                : System.nanoTime() - last < SETTLED_NANOS) {
            Wire.Frame frame = link.poll(progress);
            if (frame != null) {
                take(frame, progress);
            }
            if (machines.size() != seen) {
                seen = machines.size();
                last = System.nanoTime();
            }
        }
        return slots();
    }

    @Override
    public long memoryEach() {
        return machines.values().stream()
                .mapToLong(m -> m.memory() - CHILD_BYTES)
                .min()
                .orElse(Long.MAX_VALUE);
    }

    @Override
    public <T extends Task<R>, R> void run(
            Iterator<T> tasks, Class<R> results, Work<T, R> here, BiConsumer<T, R> done, Progress progress) {
        Stage<T, R> stage = new Stage<>(results, done, progress);
        if (!page.isEmpty()) {
            progress.page(page); // whoever watched Spark start may have been another
        }
        try {
            while (true) {
                while (stage.inFlight.size() < 2 * slots() && tasks.hasNext()) {
                    stage.give(tasks.next());
                }
                if (stage.inFlight.isEmpty()) {
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
                String[] lines = frame.text().split("\n", -1);
                progress.message("Spark " + lines[0] + " on " + options.master()
                        + (lines[1].isEmpty() ? "" : "; its own page: " + lines[1]));
                page = lines[1];
            }
            case Wire.CORES -> cores.put(frame.text(), (int) frame.task());
            case Wire.EXECUTOR -> {
                Machine m = Machine.of(frame.text());
                m.check(options, String.valueOf(probe.getFileName()));
                machines.put(m.executor(), m);
            }
            case Wire.GONE -> {
                String[] lines = frame.text().split("\n", 2);
                machines.remove(lines[0]);
                cores.remove(lines[0]);
                progress.message("Spark lost executor " + lines[0] + " ("
                        + lines[1].lines().findFirst().orElse("no reason given")
                        + "); what it had begun is made elsewhere.");
            }
            case Wire.LOST -> {
                if (frame.task() == 0) {
                    throw new LoupeException("Spark at " + options.master() + " cannot be used ("
                            + SparkLog.lost(frame.text()) + "); its log is " + link.log() + ".");
                }
            }
            default -> {
                // of a task that nobody waits for any more
            }
        }
    }

    /** Tasks of one kind under way. */
    private final class Stage<T extends Task<R>, R> {
        private final Class<R> results;
        private final BiConsumer<T, R> done;
        private final Progress progress;
        private final Map<Long, T> inFlight = new HashMap<>();
        private final Map<Long, Integer> refused = new HashMap<>();
        private final TaskEvents events;

        Stage(Class<R> results, BiConsumer<T, R> done, Progress progress) {
            this.results = results;
            this.done = done;
            this.progress = progress;
            this.events = new TaskEvents(progress);
        }

        void give(T task) {
            fits(task);
            long number = numbers.incrementAndGet();
            inFlight.put(number, task);
            send(number, task);
        }

        private void send(long number, T task) {
            link.send(
                    Wire.TASK,
                    number,
                    task.title().replace('\n', ' ') + "\n"
                            + inputs(task) + "\n"
                            + paths.line(Map.of("kind", task.kind(), "request", task)));
        }

        /** What has to be brought to a machine: nothing where all see the workspace. */
        private String inputs(T task) {
            return options.storage().isEmpty()
                    ? ""
                    : task.inputs().stream().map(paths::name).collect(Collectors.joining("\t"));
        }

        /** Refuses what no machine has the memory for, before it runs. */
        private void fits(T task) {
            long most =
                    machines.values().stream().mapToLong(Machine::memory).max().orElse(Long.MAX_VALUE);
            long need = task.memoryBytes() + CHILD_BYTES;
            if (need > most) {
                throw new LoupeException(task.title() + " needs about " + Fmt.bytes(need)
                        + " of memory, but the largest executor has " + Fmt.bytes(most)
                        + ": choose larger machines, or make the work smaller.");
            }
        }

        /** Whether a frame is about a task of this stage. */
        boolean take(Wire.Frame frame) {
            T task = inFlight.get(frame.task());
            if (task == null) {
                return false;
            }
            switch (frame.kind()) {
                case Wire.EVENT -> events.take(frame.task(), task.size(), frame.text());
                case Wire.RESULT -> {
                    result(frame.task(), task, paths.mapper().readValue(frame.text(), results));
                }
                case Wire.FAILED -> throw new LoupeException(frame.text());
                case Wire.LOST ->
                    throw new LoupeException(task.title() + " failed on every attempt: " + SparkLog.lost(frame.text())
                            + ". Finished parts are kept: run the same command again.");
                default -> {
                    return false;
                }
            }
            return true;
        }

        private void result(long number, T task, R result) {
            try {
                done.accept(task, result);
            } catch (Refused e) {
                if (refused.merge(number, 1, Integer::sum) > AGAIN) {
                    throw new LoupeException(
                            Objects.requireNonNullElse(e.getMessage(), task.title() + " gave a damaged result."), e);
                }
                progress.message(e.getMessage() + " It is made again.");
                send(number, task);
                return;
            }
            inFlight.remove(number);
            events.done(number, task.size());
        }
    }

    @Override
    public void close() {
        link.close();
        try {
            Files.deleteIfExists(probe);
        } catch (IOException ignored) {
            // an empty file with a telling name
        }
    }
}
