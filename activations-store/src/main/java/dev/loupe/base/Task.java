package dev.loupe.base;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.nio.file.Path;
import java.util.List;

/**
 * One independent piece of work as a small value that travels as JSON: whoever does it, wherever and however often, makes the
 * same of it. What it writes has a name of its own for every attempt, and only the one who gave it out makes that visible.
 *
 * @param <R> what it gives, again a small value that travels as JSON
 */
public interface Task<R> {
    /** The kind of work, which {@code loupe task} knows it by. */
    @JsonIgnore
    String kind();

    /** One line for people. */
    @JsonIgnore
    String title();

    /** How much there is to do, in the unit of the stage that it belongs to. */
    @JsonIgnore
    long size();

    /**
     * Folders and files of the workspace that have to be there before, for machines that share none. A folder is a finished
     * store, SAE or model; a file belongs to this task.
     */
    @JsonIgnore
    default List<Path> inputs() {
        return List.of();
    }

    /** Folders and files of the workspace that an attempt has written, for machines that share none. */
    default List<Path> outputs(R result) {
        return List.of();
    }

    /**
     * Folders and files of the workspace that only help an attempt to go on where another one on the same machine died, such as
     * checkpoints. Where machines share no folder they go once the outputs have been taken from there.
     */
    default List<Path> leftovers(R result) {
        return List.of();
    }

    /** About how much memory it takes beside the model, in bytes. */
    @JsonIgnore
    long memoryBytes();
}
