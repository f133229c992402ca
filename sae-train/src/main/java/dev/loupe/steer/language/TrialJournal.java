package dev.loupe.steer.language;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.steer.language.Trials.Condition;
import dev.loupe.steer.language.Trials.Setting;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * What a trial has done so far, on disk as it goes: strengths once they are matched, then every text as it is written, one
 * line of JSON each. The same trial reads it and goes on; a journal of another plan, SAE or model is begun anew. A line that
 * was cut when the machine stopped is left out.
 */
public final class TrialJournal implements AutoCloseable {
    private static final String FILE = "journal.jsonl";
    private static final long PAUSE_NS = 2_000_000_000L;

    private final Path file;
    private final @Nullable BufferedWriter out;
    private final Map<Condition, Setting> settings = new LinkedHashMap<>();
    private final Map<Key, Written> texts = new HashMap<>();
    private long flushed = System.nanoTime();

    /** Which text. */
    record Key(Condition condition, boolean heldOut, int number) {}

    /** What was written. */
    record Written(int[] ids, String text) {}

    private record Line(Key key, int[] ids, String text) {}

    private record Matched(Condition condition, Setting setting) {}

    private TrialJournal(Path file, boolean kept) {
        this.file = file;
        try {
            this.out =
                    kept ? Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND) : null;
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
    }

    /** One that keeps nothing. */
    static TrialJournal none() {
        return new TrialJournal(Path.of(FILE), false);
    }

    /**
     * Opens the journal of a folder, or begins one.
     *
     * @param identity everything that decides about the texts: plan, SAE, model, corpus
     */
    public static TrialJournal open(Path folder, List<String> identity) {
        Path file = folder.resolve(FILE);
        String head = Json.line(
                Map.of("identity", Checksums.sha256(Json.line(identity).getBytes(StandardCharsets.UTF_8))));
        List<String> lines = List.of();
        try {
            Files.createDirectories(folder);
            if (Files.isRegularFile(file)) {
                lines = Files.readAllLines(file);
            }
            boolean same = !lines.isEmpty() && lines.getFirst().equals(head);
            if (same) {
                lines = whole(lines.subList(1, lines.size()));
            } else {
                lines = List.of();
            }
            // written anew without what was cut, so that the next line begins a line
            AtomicFiles.writeString(
                    file,
                    head + "\n"
                            + String.join("", lines.stream().map(l -> l + "\n").toList()));
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
        TrialJournal journal = new TrialJournal(file, true);
        lines.forEach(journal::take);
        return journal;
    }

    private static List<String> whole(List<String> lines) {
        int n = lines.size();
        if (n > 0) {
            try {
                Json.MAPPER.readTree(lines.get(n - 1));
            } catch (JacksonException cut) {
                n--;
            }
        }
        return lines.subList(0, n);
    }

    private void take(String line) {
        try {
            JsonNode tree = Json.MAPPER.readTree(line);
            if (tree.has("settings")) {
                for (JsonNode s : tree.path("settings")) {
                    Matched m = Json.MAPPER.treeToValue(s, Matched.class);
                    settings.put(m.condition(), m.setting());
                }
            } else {
                Line l = Json.MAPPER.treeToValue(tree, Line.class);
                texts.put(l.key(), new Written(l.ids(), l.text()));
            }
        } catch (JacksonException e) {
            throw new LoupeException(
                    "The journal " + file + " is damaged (" + e.getOriginalMessage()
                            + "): delete it, and the trial begins anew.",
                    e);
        }
    }

    /** The strengths, if they were matched before; else empty. */
    Map<Condition, Setting> settings() {
        return settings;
    }

    /** A text that was written before; null if it was not. */
    @Nullable Written text(Key key) {
        return texts.get(key);
    }

    /** How many texts there are. */
    int size() {
        return texts.size();
    }

    /** Keeps the strengths, all of them at once. */
    void matched(Map<Condition, Setting> all) {
        write(Map.of(
                "settings",
                all.entrySet().stream()
                        .map(e -> new Matched(e.getKey(), e.getValue()))
                        .toList()));
        flush();
    }

    /** Keeps a text. */
    void written(Key key, int[] ids, String text) {
        write(new Line(key, ids, text));
        if (System.nanoTime() - flushed > PAUSE_NS) {
            flush();
        }
    }

    private void write(Object line) {
        if (out != null) {
            try {
                out.write(Json.line(line));
                out.write('\n');
            } catch (IOException e) {
                throw AtomicFiles.failure(file, e);
            }
        }
    }

    private void flush() {
        if (out != null) {
            try {
                out.flush();
                flushed = System.nanoTime();
            } catch (IOException e) {
                throw AtomicFiles.failure(file, e);
            }
        }
    }

    /** Throws it away: the trial's result is saved. */
    public void delete() {
        close();
        AtomicFiles.delete(file);
    }

    @Override
    public void close() {
        if (out != null) {
            try {
                out.close();
            } catch (IOException e) {
                throw AtomicFiles.failure(file, e);
            }
        }
    }
}
