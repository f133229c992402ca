package dev.loupe.service;

import dev.loupe.base.Progress;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * A progress that writes a job's events as lines, few enough for a network: a line is a JSON array of events. Curves of many
 * SAEs go together, since each line wakes up three processes on its way, which a training on all cores feels.
 */
final class LineProgress implements Progress {
    private static final long PAUSE_NANOS = 500_000_000L;

    private static final String DONE = "";

    private final Consumer<String> out;
    private final Map<String, JobEvent> latest = new LinkedHashMap<>();
    private long saidAt = System.nanoTime() - PAUSE_NANOS;

    LineProgress(Consumer<String> out) {
        this.out = out;
    }

    @Override
    public void stage(String name, long total, String unit) {
        say(JobEvent.stage(name, total, unit));
    }

    @Override
    public void advance(long done) {
        keep(DONE, JobEvent.progress(done));
    }

    @Override
    public void metric(String name, long step, double value) {
        if (Double.isFinite(value)) {
            keep(name, JobEvent.metric(name, step, value));
        }
    }

    @Override
    public void message(String text) {
        say(JobEvent.message(text));
    }

    @Override
    public void page(String address) {
        say(JobEvent.page(address));
    }

    /** Says what is the latest of everything, if anything was not said yet. */
    synchronized void flush() {
        saidAt = System.nanoTime();
        if (!latest.isEmpty()) {
            out.accept(latest.values().stream().map(Views::line).collect(Collectors.joining(",", "[", "]")));
            latest.clear();
        }
    }

    private synchronized void say(JobEvent event) {
        flush();
        out.accept("[" + Views.line(event) + "]");
    }

    private synchronized void keep(String name, JobEvent event) {
        latest.put(name, event);
        if (System.nanoTime() - saidAt >= PAUSE_NANOS) {
            flush();
        }
    }
}
