package dev.loupe.base;

import java.util.function.BooleanSupplier;

/** A progress that nobody watches: all it adds is a way to stop. */
record StoppableProgress(BooleanSupplier stopped) implements Progress {
    @Override
    public void stage(String name, long total, String unit) {}

    @Override
    public void advance(long done) {}

    @Override
    public boolean cancelled() {
        return stopped.getAsBoolean();
    }
}
