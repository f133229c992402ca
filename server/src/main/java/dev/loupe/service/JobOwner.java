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

    private static final String HOST = hostName();

    static JobOwner self(String command) {
        ProcessHandle me = ProcessHandle.current();
        return new JobOwner(me.pid(), started(me), HOST, command);
    }

    /** Whether the process still runs, as far as can be known from here. */
    boolean alive(Path heartbeat) {
        if (host.equals(HOST)) {
            return ProcessHandle.of(pid)
                    .filter(ProcessHandle::isAlive)
                    .map(p -> started == 0 || Math.abs(started(p) - started) < 2_000)
                    .orElse(false);
        }
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
