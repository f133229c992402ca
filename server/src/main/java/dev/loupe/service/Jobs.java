package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.CancelledException;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NewerFormatException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;

/**
 * Jobs: folders that any process of the workspace can follow. Work asked for over HTTP or in the browser runs in a child
 * process, so that its death harms nobody else; work of a command runs in that command's own process.
 */
public final class Jobs implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Jobs.class);
    private static final long POLL_MILLIS = 200;
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

    private final Workspace workspace;
    private final Map<String, JobReader> readers = new ConcurrentHashMap<>();
    private final ChildProcesses children;

    Jobs(Workspace workspace) {
        this(workspace, "auto", 8);
    }

    /**
     * Jobs of a workspace.
     *
     * @param device that jobs in processes of their own run on
     * @param most how many of those this process starts at a time
     */
    Jobs(Workspace workspace, String device, int most) {
        this.workspace = workspace;
        this.children = new ChildProcesses(workspace, device, most);
    }

    /** All jobs, newest first. */
    public List<Job> list() {
        return Workspace.named(workspace.jobs(), JobWriter.REQUEST).stream()
                .flatMap(id -> readable(id).stream())
                .sorted(Comparator.comparing(Job::created)
                        .thenComparing(Job::id)
                        .reversed())
                .toList();
    }

    /** A job; none if its files are damaged: one such must not hide the others. One of a later Loupe says so. */
    private Optional<Job> readable(String id) {
        try {
            return Optional.of(reader(id).job());
        } catch (NewerFormatException e) {
            return Optional.of(JobReader.newer(workspace.jobs().resolve(id), String.valueOf(e.getMessage())));
        } catch (LoupeException | DateTimeException e) {
            LOG.warn("The job {} cannot be read: {}", id, e.getMessage());
            return Optional.empty();
        }
    }

    /**
     * One job.
     *
     * @throws NotFoundException if there is none of that name
     */
    public Job get(String id) {
        return reader(id).job();
    }

    /** The events of a job from a number on, oldest first. */
    public List<JobEvent> events(String id, int from) {
        return reader(id).events(from);
    }

    /** The live curves of a job (loss, L0, ...), in the order in which they began. */
    public List<Curve> curves(String id) {
        return reader(id).curves();
    }

    /**
     * Hands over every event of a job from a number on, as it happens, until the job has ended.
     *
     * @param stop asked several times a second; true ends the following
     */
    public void follow(String id, int from, Consumer<JobEvent> listener, BooleanSupplier stop) {
        JobReader reader = reader(id);
        int next = from;
        while (!stop.getAsBoolean()) {
            boolean ended = reader.job().state().ended();
            for (JobEvent e : reader.events(next)) {
                listener.accept(e);
                next++;
            }
            if (ended) {
                return;
            }
            try {
                Thread.sleep(POLL_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    /**
     * Starts work in a child process.
     *
     * @param kind one of {@link Tasks#kinds}
     * @param request the request of that use case
     * @return the job, queued
     * @throws dev.loupe.base.UsageException if the kind or the request cannot be
     * @throws ConflictException if as many jobs run already as this server may start
     */
    public Job start(String kind, Object request) {
        JsonNode tree = Views.JSON.valueToTree(request);
        String title = Tasks.title(kind, tree);
        children.room();
        Path folder = write(kind, title, "server", tree);
        children.start(folder, code -> childEnded(folder, code));
        return get(String.valueOf(folder.getFileName()));
    }

    /** Asks a job to stop; it does so at its next convenient point, and a child that does not is ended. */
    public void cancel(String id) {
        Job job = get(id);
        if (job.state().ended()) {
            return;
        }
        AtomicFiles.writeString(workspace.jobs().resolve(id).resolve(JobWriter.CANCEL), "");
        children.endSoon(id);
    }

    /**
     * Does work in this process and writes it down as a job, so that every server shows it.
     *
     * @param progress hears everything as well (a progress bar)
     * @param command what was typed, for the owner's file
     * @return what the work gave
     */
    public <T> T run(String kind, Object request, String command, Progress progress, Function<Progress, T> work) {
        JsonNode tree = Views.JSON.valueToTree(request);
        Path folder = write(kind, Tasks.title(kind, tree), "cli", tree);
        return run(folder, command, progress, work);
    }

    /** Does the work of a job that is written down already (the child's side of {@link #start}). */
    <T> T run(Path folder, String command, Progress progress, Function<Progress, T> work) {
        Optional<Object> before = workspace.identity();
        try (JobWriter writer = JobWriter.open(folder, command)) {
            try {
                T result = work.apply(TeeProgress.of(writer, progress));
                workspace.sameAs(before);
                writer.end(JobEvent.done(Views.JSON.valueToTree(result)));
                return result;
            } catch (CancelledException e) {
                writer.end(
                        progress instanceof AttachedProgress p && p.gone()
                                ? JobEvent.failed(AttachedProgress.GONE)
                                : JobEvent.cancelled());
                throw e;
            } catch (RuntimeException | Error e) {
                writer.end(JobEvent.failed(JobWriter.sentence(e)));
                throw e;
            }
        }
    }

    private Path write(String kind, String title, String by, JsonNode request) {
        Instant now = Instant.now();
        String id = TIME.format(now) + "-" + kind + "-"
                + Integer.toString(ThreadLocalRandom.current().nextInt(36 * 36 * 36, 36 * 36 * 36 * 36), 36);
        Path folder = workspace.jobs().resolve(id);
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw AtomicFiles.failure(folder, e);
        }
        Json.write(
                folder.resolve(JobWriter.REQUEST),
                new JobRequest(JobRequest.FORMAT, id, kind, title, now.toString(), by, request, RequestId.current()));
        return folder;
    }

    private void childEnded(Path folder, int code) {
        String id = String.valueOf(folder.getFileName());
        try {
            if (reader(id).events(0).stream().anyMatch(JobEvent::last)) {
                return;
            }
            boolean asked = Files.exists(folder.resolve(JobWriter.CANCEL));
            JobEvent end = asked
                    ? JobEvent.cancelled()
                    : JobEvent.failed("The job's process ended with code " + code
                            + (code > 128 ? " (killed by signal " + (code - 128) + ")" : "")
                            + (Files.exists(folder.resolve(JobWriter.CRASH))
                                    ? "; native code crashed, " + JobWriter.CRASH + " in its folder says where"
                                    : "")
                            + "; start the same work again, finished parts are kept.");
            // a killed writer may have left half a line: end it first
            Files.writeString(
                    folder.resolve(JobWriter.EVENTS),
                    "\n" + Views.line(end) + "\n",
                    java.nio.file.StandardOpenOption.CREATE,
                    java.nio.file.StandardOpenOption.APPEND);
        } catch (IOException | RuntimeException e) {
            LOG.warn("The end of job {} could not be written down", id, e);
        }
    }

    private JobReader reader(String id) {
        Names.check(id);
        JobReader known = readers.get(id);
        if (known != null) {
            return known;
        }
        Path folder = workspace.jobs().resolve(id);
        if (!Files.isRegularFile(folder.resolve(JobWriter.REQUEST))) {
            throw new NotFoundException("There is no job " + id + ".");
        }
        return readers.computeIfAbsent(id, i -> new JobReader(folder));
    }

    /** The last lines of a job's log; null if it has none. */
    public @Nullable String log(String id) {
        reader(id);
        Path file = workspace.jobs().resolve(id).resolve(JobWriter.LOG);
        try {
            if (!Files.exists(file)) {
                return null;
            }
            List<String> lines = Files.readAllLines(file);
            return String.join("\n", lines.subList(Math.max(0, lines.size() - 200), lines.size()));
        } catch (IOException e) {
            throw new LoupeException("The log of job " + id + " cannot be read (" + e.getMessage() + ").", e);
        }
    }

    /** Ends the jobs that this process has started; work of its own goes on. */
    @Override
    public void close() {
        children.close();
    }
}
