package dev.loupe.base;

import java.util.Iterator;
import java.util.function.BiConsumer;

/** Does tasks in this process, one after the other. */
final class LocalTasks implements TaskExecutor {
    static final LocalTasks INSTANCE = new LocalTasks();

    private LocalTasks() {}

    @Override
    public <T extends Task<R>, R> void run(
            Iterator<T> tasks, Class<R> results, Work<T, R> here, BiConsumer<T, R> done, Progress progress) {
        long[] before = {0};
        Progress part = new OffsetProgress(progress, () -> before[0]);
        while (tasks.hasNext()) {
            T task = tasks.next();
            progress.check();
            try {
                done.accept(task, here.apply(task, part));
            } catch (Refused e) { // once more; memory or disk that damages twice is no accident
                progress.message(String.valueOf(e.getMessage()) + " It is made again.");
                try {
                    done.accept(task, here.apply(task, part));
                } catch (Refused again) {
                    throw new LoupeException(String.valueOf(again.getMessage()), again);
                }
            }
            before[0] += task.size();
            progress.advance(before[0]);
        }
    }

    @Override
    public boolean remote() {
        return false;
    }

    @Override
    public int slots() {
        return 1;
    }
}
