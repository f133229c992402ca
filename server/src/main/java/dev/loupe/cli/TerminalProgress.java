package dev.loupe.cli;

import dev.loupe.base.Fmt;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Progress for people: on a terminal one line that is written over and over, elsewhere a plain line every few seconds.
 * Says what is happening, how far it is, how fast, and how long it will still take.
 */
final class TerminalProgress implements ShownProgress {
    private static final long LINE_NANOS = 100_000_000L;
    private static final long LOG_NANOS = 5_000_000_000L;
    private static final int BAR = 24;
    /** Told by the launcher where stderr is a terminal, because behind its filter it is none. */
    private static final int COLUMNS = Integer.getInteger("loupe.columns", 0);

    private static final int WIDTH = COLUMNS > 20 ? COLUMNS - 1 : 118;

    private final PrintStream err;
    private final boolean terminal;
    private final Map<String, Double> metrics = new LinkedHashMap<>();
    private Supplier<String> prefix = () -> "";
    private String stage = "";
    private String unit = "";
    private long total = -1;
    private long done;
    private long started;
    private long firstDone = -1;
    private long firstAt;
    private long shownAt;
    private boolean open;

    TerminalProgress(PrintStream err, boolean terminal) {
        this.err = err;
        this.terminal = terminal;
    }

    /** A progress on this process's stderr, whatever that is. */
    static TerminalProgress on(PrintStream err) {
        return new TerminalProgress(err, isTerminal());
    }

    /** What stands in front of every line ("[2/8] "), for work of several parts. */
    synchronized void prefix(Supplier<String> text) {
        prefix = text;
    }

    @Override
    public synchronized void stage(String name, long newTotal, String newUnit) {
        closeStage();
        stage = name;
        total = newTotal;
        unit = newUnit;
        done = 0;
        firstDone = -1;
        metrics.clear();
        started = System.nanoTime();
        open = true;
        show(started);
    }

    @Override
    public synchronized void advance(long newDone) {
        done = newDone;
        long now = System.nanoTime();
        if (firstDone < 0) { // what a resumed run finds done already says nothing about its speed
            firstDone = newDone;
            firstAt = now;
        }
        if (now - shownAt > (terminal ? LINE_NANOS : LOG_NANOS)) {
            show(now);
        }
    }

    @Override
    public synchronized void metric(String name, long step, double value) {
        if (metrics.size() < 4 || metrics.containsKey(name)) {
            metrics.put(name, value);
        }
    }

    @Override
    public synchronized void message(String text) {
        clear();
        err.println(prefix.get() + text);
        if (open && terminal) {
            show(System.nanoTime());
        }
    }

    /** Share of the stage that is done; NaN if its length is unknown. */
    synchronized double share() {
        return open && total > 0 ? Math.clamp((double) done / total, 0, 1) : Double.NaN;
    }

    @Override
    public synchronized void end() {
        closeStage();
    }

    private void closeStage() {
        if (!open) {
            return;
        }
        open = false;
        clear();
        Duration took = Duration.ofNanos(System.nanoTime() - started);
        if (took.toMillis() >= 1_000 || !terminal) {
            err.println(prefix.get() + stage + ": " + (done > 0 ? Fmt.count(done) + " " + unit + " in " : "")
                    + Fmt.duration(took));
        }
        err.flush();
    }

    private void clear() {
        if (terminal) {
            err.print("\r\u001b[K");
        }
    }

    private void show(long now) {
        shownAt = now;
        String line = prefix.get() + line(now);
        if (terminal) {
            err.print("\r\u001b[K" + (line.length() > WIDTH ? line.substring(0, WIDTH) : line));
            err.flush();
        } else {
            err.println(line);
        }
    }

    private String line(long now) {
        StringBuilder line = new StringBuilder(stage);
        if (total > 0) {
            double share = Math.clamp((double) done / total, 0, 1);
            if (terminal) {
                int full = (int) (share * BAR);
                line.append(" [")
                        .append("#".repeat(full))
                        .append(".".repeat(BAR - full))
                        .append(']');
            }
            line.append(String.format(Locale.ROOT, " %.0f %%", 100 * share));
        }
        if (done > 0) {
            line.append(", ").append(Fmt.count(done));
            if (total > 0) {
                line.append(" of ").append(Fmt.count(total));
            }
            line.append(' ').append(unit);
        }
        double seconds = (now - firstAt) / 1e9;
        if (firstDone >= 0 && done > firstDone && seconds > 0.5) {
            double rate = (done - firstDone) / seconds;
            line.append(", ").append(Fmt.count(rate)).append("/s");
            if (total > done) {
                line.append(", ")
                        .append(Fmt.duration(Duration.ofMillis((long) (1000 * (total - done) / rate))))
                        .append(" left");
            }
        }
        metrics.forEach(
                (name, value) -> line.append(", ").append(name).append(' ').append(Fmt.figure(value)));
        return line.toString();
    }

    private static boolean isTerminal() {
        if (COLUMNS > 0) {
            return true;
        }
        try {
            String target = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
        } catch (IOException | UnsupportedOperationException e) {
            return System.console() != null && System.console().isTerminal();
        }
    }
}
