package dev.loupe.patch.task;

import dev.loupe.base.Json;
import dev.loupe.base.NotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/** The library of tasks. */
public final class Tasks {
    private static final List<Task> ALL = read();

    private Tasks() {}

    /** The file's form. */
    private record Library(List<Task> tasks) {}

    /** Every task, in the library's order. */
    public static List<Task> all() {
        return ALL;
    }

    /**
     * A task by name.
     *
     * @throws NotFoundException if there is none, listing those there are
     */
    public static Task of(String name) {
        return ALL.stream()
                .filter(t -> t.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new NotFoundException("There is no task \"" + name + "\"; there are "
                        + ALL.stream().map(Task::name).collect(Collectors.joining(", ")) + "."));
    }

    private static List<Task> read() {
        try (InputStream in = Objects.requireNonNull(Tasks.class.getResourceAsStream("tasks.json"))) {
            return List.copyOf(
                    Json.MAPPER.readValue(in.readAllBytes(), Library.class).tasks());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
