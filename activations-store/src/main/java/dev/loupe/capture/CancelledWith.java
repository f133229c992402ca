package dev.loupe.capture;

import dev.loupe.base.Progress;

/** Is cancelled with another progress and tells it nothing: what goes on is counted elsewhere, as steps of a training. */
record CancelledWith(Progress progress) implements Progress {
    @Override
    public void stage(String name, long total, String unit) {}

    @Override
    public void advance(long done) {}

    @Override
    public boolean cancelled() {
        return progress.cancelled();
    }
}
