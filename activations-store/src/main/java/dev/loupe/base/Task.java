package dev.loupe.base;

import com.fasterxml.jackson.annotation.JsonIgnore;

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

    /** About how much memory it takes beside the model, in bytes. */
    @JsonIgnore
    long memoryBytes();
}
