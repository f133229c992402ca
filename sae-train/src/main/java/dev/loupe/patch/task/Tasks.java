package dev.loupe.patch.task;

import dev.loupe.base.Checksums;
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
    private static final byte[] FILE = file();
    private static final List<Task> ALL =
            List.copyOf(Json.MAPPER.readValue(FILE, Library.class).tasks());

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

    /** Checksum of the library: what was measured on another one does not hold for this one. */
    public static String checksum() {
        return Checksums.sha256(FILE);
    }

    private static byte[] file() {
        try (InputStream in = Objects.requireNonNull(Tasks.class.getResourceAsStream("tasks.json"))) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
