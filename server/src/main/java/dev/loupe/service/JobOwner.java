package dev.loupe.service;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;

/**
 * Which process works on a job: its {@code owner.json}.
 *
 * @param pid the process
 * @param started when that process started, milliseconds since 1970 (pids are used again); 0 if unknown
 * @param host the machine it runs on
 * @param command what was typed, without values that may hold text of the user
 */
record JobOwner(long pid, long started, String host, String command) {
    /** A heartbeat older than this, of a process that cannot be looked at, means that it is gone. */
    private static final long SILENT_MILLIS = 60_000;

    /** What is read twice of one process's start differs by no more while nobody sets the machine's clock. */
    private static final long SAME_START_MILLIS = 2_000;

    private static final String HOST = hostName();

    static JobOwner self(String command) {
        ProcessHandle me = ProcessHandle.current();
        return new JobOwner(me.pid(), started(me), HOST, command);
    }

    /**
     * Whether the process still runs, as far as can be known from here. When a process began is told by the clock of today:
     * where that was set since, another start is no proof of another process, and the heartbeat decides. A process that was
     * given the number of a dead one is so taken for it for a minute at most.
     */
    boolean alive(Path heartbeat) {
        if (host.equals(HOST)) {
            return ProcessHandle.of(pid)
                    .filter(ProcessHandle::isAlive)
                    .map(p -> started == 0 || Math.abs(started(p) - started) < SAME_START_MILLIS || beats(heartbeat))
                    .orElse(false);
        }
        return beats(heartbeat);
    }

    private static boolean beats(Path heartbeat) {
        try {
            return System.currentTimeMillis()
                            - Files.getLastModifiedTime(heartbeat).toMillis()
                    < SILENT_MILLIS;
        } catch (IOException e) {
            return false;
        }
    }

    private static long started(ProcessHandle p) {
        return p.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    }

    private static String hostName() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException e) {
            String name = System.getenv("HOSTNAME");
            return name == null ? "localhost" : name;
        }
    }
}
