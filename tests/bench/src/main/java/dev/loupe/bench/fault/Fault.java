package dev.loupe.bench.fault;

import dev.loupe.base.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The kinds of faults: each does a stage once, disturbed. */
enum Fault {
    /** {@code kill -9} at a random point of the work. */
    KILL("kill -9") {
        @Override
        Child.End meet(Trial t) throws Exception {
            Child child = t.start(List.of());
            Thread.sleep(t.point());
            child.process().destroyForcibly();
            return child.await();
        }
    },
    /** A file system that has room for a random part of what the stage writes. */
    DISK_FULL("disk full") {
        @Override
        Child.End meet(Trial t) throws Exception {
            return t.start(List.of()).await();
        }
    },
    /** A Java heap of a random size, from far too small. */
    LITTLE_MEMORY("little memory") {
        @Override
        Child.End meet(Trial t) throws Exception {
            return t.start(List.of("-Xms8m", "-Xmx" + t.random().nextInt(16, 120) + "m"))
                    .await();
        }
    },
    /**
     * The clock jumps while the work is done; or (each second time, and wherever clocks cannot be set) the work is killed, and
     * every file then has a time far in the future or the past.
     */
    CLOCK("clock jumps") {
        @Override
        Child.End meet(Trial t) throws Exception {
            boolean future = t.random().nextBoolean();
            FakeClock clock = t.random().nextBoolean()
                    ? FakeClock.of(
                            Objects.requireNonNull(t.output().toAbsolutePath().getParent()))
                    : null;
            if (clock != null) {
                Child child = t.start(List.of(), clock.environment());
                Thread.sleep(t.point());
                clock.jump((future ? "+" + DAYS_AHEAD : "-" + DAYS_BACK) + "d");
                return child.await();
            }
            Child.End end = KILL.meet(t);
            Instant time = Instant.now().plus(Duration.ofDays(future ? DAYS_AHEAD : -DAYS_BACK));
            try (Stream<Path> all = Files.walk(t.workspace())) {
                for (Path p : all.toList()) {
                    Files.setLastModifiedTime(p, FileTime.from(time));
                }
            }
            return end;
        }
    },
    /** The workspace is moved away at a random point, and back when the command has ended. */
    VANISHED("workspace vanishes") {
        @Override
        Child.End meet(Trial t) throws Exception {
            Path aside = t.workspace().resolveSibling("aside");
            Child child = t.start(List.of());
            Thread.sleep(t.point());
            Files.move(t.workspace(), aside);
            Child.End end = child.await();
            AtomicFiles.deleteTree(t.workspace()); // what was made anew in its place
            Files.move(aside, t.workspace());
            return end;
        }
    },
    /** The process ends as one does whose native code reads where nothing is, or (each second time) gives up by itself. */
    CRASH("native crash") {
        @Override
        Child.End meet(Trial t) throws Exception {
            Child child = t.start(List.of("-XX:ErrorFile=" + t.workspace().resolveSibling("hs_err.log")));
            Thread.sleep(t.point());
            signal(child.process().pid(), t.random().nextBoolean() ? "SEGV" : "ABRT");
            return child.await();
        }
    };

    private static final int KILLED = 128 + 9;
    private static final int ABORTED = 128 + 6;

    private static final int DAYS_AHEAD = 800;
    private static final int DAYS_BACK = 15_000;

    private final String words;

    Fault(String words) {
        this.words = words;
    }

    String words() {
        return words;
    }

    /** Whether a command may end with this code and say nothing: if it was killed. */
    boolean silences(int code) {
        return switch (this) {
            case KILL, CLOCK -> code == KILLED;
            case CRASH -> code == ABORTED;
            default -> false;
        };
    }

    /**
     * A stage that is to be disturbed once.
     *
     * @param jvm what its process runs on
     * @param workspace the workspace
     * @param output where the command's words go
     * @param seconds how long the work takes undisturbed
     */
    record Trial(Stage stage, ChildJvm jvm, Path workspace, Path output, double seconds, Random random) {
        Child start(List<String> flags) throws IOException, InterruptedException {
            return start(flags, Map.of());
        }

        Child start(List<String> flags, Map<String, String> environment) throws IOException, InterruptedException {
            return Child.start(jvm.command(stage, flags, Child.class), environment, workspace, output, stage.command());
        }

        /** A random point of the work, in milliseconds from its beginning. */
        long point() {
            return Math.round(random.nextDouble() * 1000 * seconds);
        }
    }

    /** Does the stage, disturbed. */
    abstract Child.End meet(Trial trial) throws Exception;

    private static void signal(long pid, String name) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + name, Long.toString(pid))
                .inheritIO()
                .start()
                .waitFor(10, TimeUnit.SECONDS);
    }
}
