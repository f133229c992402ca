package dev.loupe.base;

import java.util.function.LongSupplier;

/**
 * The progress of a part of a stage: what it does counts behind what was done before. It begins no stage of its own.
 *
 * @param whole the progress of the stage
 * @param before how much was done before the part, which may grow meanwhile
 */
public record OffsetProgress(Progress whole, LongSupplier before) implements Progress {
    @Override
    public void stage(String name, long total, String unit) {}

    @Override
    public void advance(long done) {
        whole.advance(before.getAsLong() + done);
    }

    @Override
    public void metric(String name, long step, double value) {
        whole.metric(name, before.getAsLong() + step, value);
    }

    @Override
    public void message(String text) {
        whole.message(text);
    }

    @Override
    public void page(String address) {
        whole.page(address);
    }

    @Override
    public boolean cancelled() {
        return whole.cancelled();
    }
}
