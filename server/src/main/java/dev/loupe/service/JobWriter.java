package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.VersionedJson;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The working side of a job: a {@link Progress} that appends to {@code events.jsonl}, keeps the heartbeat fresh and
 * notices when somebody asks the job to stop. Never throws on a full disk: the work matters more than its log.
 */
final class JobWriter implements Progress, AutoCloseable {
    static final String REQUEST = "request.json";
    static final String OWNER = "owner.json";
    static final String EVENTS = "events.jsonl";
    static final String HEARTBEAT = "heartbeat";
    static final String CANCEL = "cancel";
    static final String LOG = "log";
    /** What the JVM writes when native code crashes. */
    static final String CRASH = "crash.log";

    private static final long PROGRESS_NANOS = 250_000_000L;
    private static final long METRIC_NANOS = 200_000_000L;
    private static final long BEAT_MILLIS = 500;

    private final Path folder;
    private final FileChannel events;
    private final Thread beat;
    private final Map<String, Long> metricAt = new HashMap<>();
    private final Map<String, JobEvent> metricHeld = new HashMap<>();
    private long progressAt;
    private long progressHeld = -1;
    private boolean ended;
    private volatile boolean cancelled;
    private volatile boolean closed;

    private JobWriter(Path folder, FileChannel events) {
        this.folder = folder;
        this.events = events;
        this.beat = Thread.ofPlatform().daemon().name("job-heartbeat").unstarted(this::beat);
    }

    /** Takes over a job whose {@code request.json} lies in the folder. */
    static JobWriter open(Path folder, String command) {
        try {
            VersionedJson.write(folder.resolve(OWNER), "owner of job " + folder.getFileName(), JobOwner.self(command));
            FileChannel events =
                    FileChannel.open(folder.resolve(EVENTS), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            JobWriter w = new JobWriter(folder, events);
            Files.writeString(folder.resolve(HEARTBEAT), "");
            w.append(JobEvent.start());
            w.beat.start();
            return w;
        } catch (IOException e) {
            throw AtomicFiles.failure(folder, e);
        }
    }

    @Override
    public synchronized void stage(String name, long total, String unit) {
        flushHeld();
        progressAt = 0;
        append(JobEvent.stage(name, total, unit));
    }

    @Override
    public synchronized void advance(long done) {
        long now = System.nanoTime();
        if (progressAt != 0 && now - progressAt < PROGRESS_NANOS) {
            progressHeld = done;
            return;
        }
        progressAt = now;
        progressHeld = -1;
        append(JobEvent.progress(done));
    }

    @Override
    public synchronized void metric(String name, long step, double value) {
        if (!Double.isFinite(value)) {
            return; // a curve has no place for it, and JSON no number
        }
        long now = System.nanoTime();
        JobEvent event = JobEvent.metric(name, step, value);
        Long last = metricAt.get(name);
        if (last != null && now - last < METRIC_NANOS) {
            metricHeld.put(name, event);
            return;
        }
        metricAt.put(name, now);
        metricHeld.remove(name);
        append(event);
    }

    @Override
    public synchronized void message(String text) {
        append(JobEvent.message(text));
    }

    @Override
    public synchronized void page(String address) {
        append(JobEvent.page(address));
    }

    @Override
    public boolean cancelled() {
        return cancelled;
    }

    /** Writes the last event; later ones are ignored. */
    synchronized void end(JobEvent last) {
        if (!ended) {
            flushHeld();
            append(last);
            ended = true;
        }
    }

    @Override
    public void close() {
        closed = true;
        beat.interrupt();
        synchronized (this) {
            try {
                events.close();
            } catch (IOException ignored) {
                // every line was written when it happened
            }
        }
    }

    private void flushHeld() {
        if (progressHeld >= 0) {
            append(JobEvent.progress(progressHeld));
            progressHeld = -1;
        }
        metricHeld.values().forEach(this::append);
        metricHeld.clear();
    }

    private void append(JobEvent event) {
        if (ended) {
            return;
        }
        try {
            ByteBuffer line = ByteBuffer.wrap((Views.line(event) + "\n").getBytes(StandardCharsets.UTF_8));
            while (line.hasRemaining()) {
                events.write(line);
            }
        } catch (IOException ignored) {
            // a full disk must not end the work; what the work itself writes will say so
        }
    }

    private void beat() {
        Path heartbeat = folder.resolve(HEARTBEAT);
        Path cancel = folder.resolve(CANCEL);
        while (!closed) {
            try {
                if (Files.exists(cancel)) {
                    cancelled = true;
                }
                Files.setLastModifiedTime(
                        heartbeat, java.nio.file.attribute.FileTime.fromMillis(System.currentTimeMillis()));
                Thread.sleep(BEAT_MILLIS);
            } catch (IOException ignored) {
                pause();
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(BEAT_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The sentence that a failure leaves in the job. */
    static String sentence(@Nullable Throwable e) {
        if (e instanceof LoupeException && e.getMessage() != null) {
            return e.getMessage();
        }
        if (e instanceof OutOfMemoryError) {
            return "The memory of the process was not enough (" + e.getMessage() + "); use a smaller d_sae or batch.";
        }
        return "Unexpected " + e + "; the log has the details.";
    }
}
