package dev.loupe.service;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.VersionedJson;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** The watching side of a job: reads only what was appended since the last look. Safe for use from several threads. */
final class JobReader {
    /** A job that was written down but that no process took over within this time has failed. */
    private static final long START_MILLIS = 300_000;

    private static final int MOST_BYTES = 64 << 20;

    private final Path folder;
    private final JobRequest request;
    private final List<JobEvent> events = new ArrayList<>();
    private final Map<String, List<JobEvent>> curves = new LinkedHashMap<>();
    private long offset;
    private @Nullable JobEvent last;
    private String stage = "";
    private String unit = "";
    private long total = -1;
    private long done;
    private long stageAt;
    private long doneAt;
    private @Nullable String text;
    private @Nullable String page;

    JobReader(Path folder) {
        this.folder = folder;
        this.request = whole(
                folder,
                VersionedJson.read(folder.resolve(JobWriter.REQUEST), "job " + folder.getFileName(), JobRequest.class));
    }

    /**
     * A job that a later Loupe wrote down in a way of its own, as far as it can be told.
     *
     * @param why it cannot be read
     */
    static Job newer(Path folder, String why) {
        JsonNode r = Json.tree(folder.resolve(JobWriter.REQUEST));
        Instant created;
        try {
            created = Instant.parse(r.path("created").asString(""));
        } catch (DateTimeException e) {
            created = Instant.EPOCH;
        }
        String id = String.valueOf(folder.getFileName());
        return new Job(
                id,
                r.path("kind").asString(""),
                r.path("title").asString(id),
                r.path("by").asString(""),
                JobState.UNKNOWN,
                created,
                created,
                "",
                0,
                -1,
                "",
                null,
                why,
                null,
                Json.MAPPER.createObjectNode(),
                null);
    }

    @SuppressWarnings("ConstantValue") // a damaged file may leave a field out
    private static JobRequest whole(Path folder, JobRequest r) {
        if (!String.valueOf(folder.getFileName()).equals(r.id())
                || r.kind() == null
                || r.title() == null
                || r.created() == null
                || r.request() == null) {
            throw new LoupeException("The request of the job in " + folder + " is damaged; start the work again.");
        }
        return r;
    }

    /** The job as it stands now. */
    synchronized Job job() {
        read();
        JobState state = state();
        String said = text;
        Instant ended = last == null ? null : Instant.ofEpochMilli(last.at());
        if (state == JobState.FAILED && last == null) {
            said = "The job's process ended without finishing (killed or crashed); start the same work again, finished"
                    + " parts are kept.";
            ended = silentSince();
        }
        JsonNode result = last == null ? null : last.result();
        return new Job(
                request.id(),
                request.kind(),
                request.title(),
                request.by(),
                state,
                Instant.parse(request.created()),
                ended,
                stage,
                done,
                total,
                unit,
                eta(state),
                said,
                state.ended() ? null : page, // it goes with the work
                request.request(),
                result);
    }

    /** The events from a number on. */
    synchronized List<JobEvent> events(int from) {
        read();
        return from >= events.size() ? List.of() : List.copyOf(events.subList(Math.max(0, from), events.size()));
    }

    /** The curves so far. */
    synchronized List<Curve> curves() {
        read();
        List<Curve> all = new ArrayList<>();
        curves.forEach((name, points) -> {
            long[] steps = new long[points.size()];
            double[] values = new double[points.size()];
            for (int i = 0; i < steps.length; i++) {
                JobEvent e = points.get(i);
                steps[i] = e.step() == null ? i : e.step();
                values[i] = e.value() == null ? 0 : e.value();
            }
            all.add(new Curve(name, steps, values));
        });
        return all;
    }

    private JobState state() {
        JobEvent end = last;
        if (end != null) {
            return switch (end.type()) {
                case "done" -> JobState.DONE;
                case "cancelled" -> JobState.CANCELLED;
                default -> JobState.FAILED;
            };
        }
        Path file = folder.resolve(JobWriter.OWNER);
        if (!Files.exists(file)) {
            long age = System.currentTimeMillis()
                    - Instant.parse(request.created()).toEpochMilli();
            return age > START_MILLIS ? JobState.FAILED : JobState.QUEUED;
        }
        JobOwner owner = VersionedJson.read(file, "owner of job " + request.id(), JobOwner.class);
        if (owner.alive(folder.resolve(JobWriter.HEARTBEAT))) {
            return JobState.RUNNING;
        }
        read(); // its last words may have come after the first look
        return last == null ? JobState.FAILED : state();
    }

    private Instant silentSince() {
        try {
            return Files.getLastModifiedTime(folder.resolve(JobWriter.HEARTBEAT))
                    .toInstant();
        } catch (IOException e) {
            return Instant.parse(request.created());
        }
    }

    /** An address that a page of ours may link to: of the web, whatever else stands in a file. */
    private static @Nullable String address(@Nullable String text) {
        return text != null && text.matches("https?://[^\\s\"'<>]+") ? text : null;
    }

    private @Nullable Double eta(JobState state) {
        if (state != JobState.RUNNING || total <= 0 || done <= 0 || doneAt <= stageAt) {
            return null;
        }
        double perUnit = (doneAt - stageAt) / 1000.0 / done;
        double since = (System.currentTimeMillis() - doneAt) / 1000.0;
        return Math.max(0, perUnit * (total - done) - since);
    }

    private void read() {
        byte[] bytes;
        try (RandomAccessFile file =
                new RandomAccessFile(folder.resolve(JobWriter.EVENTS).toFile(), "r")) {
            long size = Math.min(file.length(), offset + MOST_BYTES);
            if (size <= offset) {
                return;
            }
            bytes = new byte[(int) (size - offset)];
            file.seek(offset);
            file.readFully(bytes);
        } catch (java.io.FileNotFoundException | NoSuchFileException e) {
            return;
        } catch (IOException e) {
            throw new LoupeException(
                    "The events of job " + request.id() + " cannot be read (" + e.getMessage() + ").", e);
        }
        int from = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') { // a line without its end is still being written
                line(new String(bytes, from, i - from, StandardCharsets.UTF_8));
                from = i + 1;
            }
        }
        offset += from;
    }

    @SuppressWarnings("ConstantValue") // a damaged line may leave a field out
    private void line(String line) {
        JobEvent e;
        try {
            e = Views.JSON.readValue(line, JobEvent.class).numbered(events.size());
        } catch (JacksonException ignored) {
            return; // half a line of a killed writer, followed by the words of whoever found it dead
        }
        if (e.type() == null) {
            return; // damaged
        }
        events.add(e);
        switch (e.type()) {
            case "stage" -> {
                stage = e.stage() == null ? "" : e.stage();
                unit = e.unit() == null ? "" : e.unit();
                total = e.total() == null ? -1 : e.total();
                done = 0;
                stageAt = e.at();
                doneAt = e.at();
            }
            case "progress" -> {
                done = e.done() == null ? 0 : e.done();
                doneAt = e.at();
            }
            case "metric" ->
                curves.computeIfAbsent(e.name() == null ? "" : e.name(), n -> new ArrayList<>())
                        .add(e);
            case "message", "failed" -> text = e.text();
            case "page" -> page = address(e.text());
            default -> {}
        }
        if (e.last()) {
            last = e;
        }
    }
}
