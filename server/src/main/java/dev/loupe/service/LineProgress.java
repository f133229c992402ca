package dev.loupe.service;

import dev.loupe.base.Progress;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/** A progress that writes a job's events as lines, few enough for a network. */
final class LineProgress implements Progress {
    private static final long PAUSE_NANOS = 500_000_000L;

    private final Consumer<String> out;
    private final Map<String, Long> metricAt = new HashMap<>();
    private long progressAt = System.nanoTime() - PAUSE_NANOS;

    LineProgress(Consumer<String> out) {
        this.out = out;
    }

    @Override
    public void stage(String name, long total, String unit) {
        out.accept(Views.line(JobEvent.stage(name, total, unit)));
    }

    @Override
    public synchronized void advance(long done) {
        long now = System.nanoTime();
        if (now - progressAt >= PAUSE_NANOS) {
            progressAt = now;
            out.accept(Views.line(JobEvent.progress(done)));
        }
    }

    @Override
    public synchronized void metric(String name, long step, double value) {
        long now = System.nanoTime();
        Long last = metricAt.get(name);
        if (Double.isFinite(value) && (last == null || now - last >= PAUSE_NANOS)) {
            metricAt.put(name, now);
            out.accept(Views.line(JobEvent.metric(name, step, value)));
        }
    }

    @Override
    public void message(String text) {
        out.accept(Views.line(JobEvent.message(text)));
    }

    @Override
    public void page(String address) {
        out.accept(Views.line(JobEvent.page(address)));
    }
}
