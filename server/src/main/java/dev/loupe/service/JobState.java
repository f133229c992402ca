package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** How a job stands. */
public enum JobState {
    /** Written down, its process is starting. */
    QUEUED,
    /** Its process is alive. */
    RUNNING,
    /** Ended well. */
    DONE,
    /** Ended with an error, or its process is gone. */
    FAILED,
    /** Stopped because somebody asked for it. */
    CANCELLED,
    /** A later Loupe wrote it down in a way that this one cannot read. */
    UNKNOWN;

    /** Whether nothing more will be heard of it. */
    public boolean ended() {
        return this != QUEUED && this != RUNNING;
    }

    /** The name in JSON: lower case. */
    @JsonValue
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
