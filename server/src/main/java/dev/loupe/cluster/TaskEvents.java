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
    private final Map<String, Boolean> inside = new HashMap<>();
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
        String attempt = task + " " + text.substring(0, Math.max(0, text.indexOf(' ')));
        for (JsonNode event : events) {
            take(task, attempt, size, event);
        }
    }

    private void take(long task, String attempt, long size, JsonNode event) {
        switch (event.path("type").asString("")) {
            case "stage" -> // one of another size, such as the download of a model, is not the task's own
                inside.put(attempt, event.path("total").asLong(-1) != size);
            case "progress" -> {
                // what counts as one says how far it is in a unit of its own
                if (size > 1 && !inside.getOrDefault(attempt, false)) {
                    // of two attempts at once the further one
                    running.merge(task, Math.min(size, event.path("done").asLong(0)), Math::max);
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
        inside.keySet().removeIf(attempt -> attempt.startsWith(task + " "));
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
