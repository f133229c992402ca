package dev.loupe.cluster.spark;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * A process as others can tell whether it lives: those of the same machine by its number and when it was started.
 *
 * @param machine a name that only this machine has, and only until it is started anew
 * @param host where it runs, for people
 * @param pid its number there
 * @param started when, as the system says
 */
record ThisProcess(String machine, String host, long pid, String started) {
    /** A process of this machine. */
    static ThisProcess of(long pid) {
        return new ThisProcess(thisMachine(), thisHost(), pid, begun(pid));
    }

    /** As the content of a file. */
    String text() {
        return String.join("\n", machine, Long.toString(pid), started, "");
    }

    /** For people. */
    String sentence() {
        return "process " + pid + " on " + host + " since " + Instant.now().truncatedTo(ChronoUnit.SECONDS);
    }

    /** Whether the process that wrote a text lives; null if it is of another machine. */
    @Nullable Boolean lives(String text) {
        String[] lines = text.split("\n", -1);
        if (lines.length < 3 || !lines[0].equals(machine) || !lines[1].matches("\\d{1,18}")) {
            return null;
        }
        String now = begun(Long.parseLong(lines[1]));
        return !now.isEmpty() && now.equals(lines[2]);
    }

    private static String begun(long pid) {
        return ProcessHandle.of(pid)
                .filter(ProcessHandle::isAlive)
                .flatMap(p -> p.info().startInstant())
                .map(Instant::toString)
                .orElse("");
    }

    /** Containers may have the host's name and share its start; numbers of processes mean something in one space of them only. */
    private static String thisMachine() {
        String start = "";
        String space = "";
        try {
            start = Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
            space = Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString();
        } catch (IOException e) {
            // not Linux: the name of the machine has to do
        }
        return thisHost() + " " + start + " " + space;
    }

    private static String thisHost() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (IOException e) {
            return "an unnamed machine";
        }
    }
}
