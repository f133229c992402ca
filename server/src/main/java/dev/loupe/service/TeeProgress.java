package dev.loupe.service;

import dev.loupe.base.Progress;
import java.util.List;

/** Tells several listeners; one of them is enough to cancel. */
public record TeeProgress(List<Progress> all) implements Progress {
    /** Tells all of these. */
    public static Progress of(Progress... all) {
        return new TeeProgress(List.of(all));
    }

    @Override
    public void stage(String name, long total, String unit) {
        all.forEach(p -> p.stage(name, total, unit));
    }

    @Override
    public void advance(long done) {
        all.forEach(p -> p.advance(done));
    }

    @Override
    public void metric(String name, long step, double value) {
        all.forEach(p -> p.metric(name, step, value));
    }

    @Override
    public void message(String text) {
        all.forEach(p -> p.message(text));
    }

    @Override
    public void page(String address) {
        all.forEach(p -> p.page(address));
    }

    @Override
    public boolean cancelled() {
        return all.stream().anyMatch(Progress::cancelled);
    }
}
