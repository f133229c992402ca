package dev.loupe.service;

import dev.loupe.base.UsageException;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** The kinds of work that a job can be. */
public final class Tasks {
    private static final List<String> KINDS = List.of("capture", "train", "eval", "index", "compare");

    private Tasks() {}

    /** The names of all kinds. */
    public static List<String> kinds() {
        return KINDS;
    }

    /**
     * One line for people about a request.
     *
     * @throws UsageException if there is no such kind
     */
    static String title(String kind, JsonNode request) {
        if (!KINDS.contains(kind)) {
            throw new UsageException("There is no job \"" + kind + "\"; use " + String.join(", ", KINDS) + ".");
        }
        return kind + " " + request.path("name").asString("");
    }
}
