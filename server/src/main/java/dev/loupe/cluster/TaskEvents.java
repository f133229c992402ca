package dev.loupe.cluster;

import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import java.util.HashMap;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Makes one progress of those of many tasks: what is done is the sum, curves keep their names, speeds are added up. */
final class TaskEvents {
    private static final String SPEED = "tokens_per_second";

    private final Progress progress;
    private final Map<Long, Long> running = new HashMap<>();
    private final long begin = System.nanoTime();
    private long finished;

    TaskEvents(Progress progress) {
        this.progress = progress;
    }

    /** Events of an attempt of a task of some size, a JSON array after the attempt's number. */
    void take(long task, long size, String text) {
        JsonNode events;
        try {
            events = Json.MAPPER.readTree(text.substring(text.indexOf(' ') + 1));
        } catch (JacksonException e) {
            return; // cut off
        }
        for (JsonNode event : events) {
            take(task, size, event);
        }
    }

    private void take(long task, long size, JsonNode event) {
        switch (event.path("type").asString("")) {
            case "progress" -> {
                if (size > 1) { // what counts as one says how far it is in a unit of its own
                    running.put(task, Math.min(size, event.path("done").asLong(0)));
                    advance();
                }
            }
            case "metric" -> {
                String name = event.path("name").asString("");
                if (name.equals(SPEED)) {
                    progress.metric(SPEED, sum(), sum() / ((System.nanoTime() - begin) / 1e9));
                } else {
                    progress.metric(
                            name,
                            event.path("step").asLong(0),
                            event.path("value").asDouble(0));
                }
            }
            case "message" -> progress.message(event.path("text").asString(""));
            default -> {
                // stages of a task are not those of the whole
            }
        }
    }

    void done(long task, long size) {
        running.remove(task);
        finished += size;
        advance();
    }

    private long sum() {
        return finished + running.values().stream().mapToLong(Long::longValue).sum();
    }

    private void advance() {
        progress.advance(sum());
    }
}
