package dev.loupe.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class TeamTest {
    private static final long MILLI = 1_000_000;

    @Test
    void everyTaskRunsOnceAndIsDoneWhenRunReturns() {
        for (int round = 0; round < 2000; round++) {
            int count = 1 + round % 9;
            AtomicIntegerArray runs = new AtomicIntegerArray(count);
            Team.run(count, runs::incrementAndGet);
            for (int i = 0; i < count; i++) {
                assertThat(runs.get(i)).isEqualTo(1);
            }
        }
    }

    @Test
    void slowHelpersAreWaitedForAndTheRunsAfterThemAreWhole() {
        Thread caller = Thread.currentThread();
        for (int round = 0; round < 20; round++) {
            AtomicIntegerArray runs = new AtomicIntegerArray(50);
            Team.run(50, i -> {
                if (Thread.currentThread() != caller) {
                    sleep(4);
                }
                runs.incrementAndGet(i);
            });
            for (int i = 0; i < 50; i++) {
                assertThat(runs.get(i)).isEqualTo(1);
            }
        }
    }

    @Test
    void aFailureIsThrownOnceAllTasksHaveEnded() {
        assertThatThrownBy(() -> Team.run(100, i -> {
                    if (i == 3) {
                        throw new IllegalStateException("task 3");
                    }
                }))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("task 3");
    }

    @Test
    void aStallIsAWaitThatTasksDoNotExplain() {
        assertThat(Team.stalled(3 * MILLI, MILLI, 10)).isTrue();
        assertThat(Team.stalled(MILLI / 2, MILLI / 100, 10)).isFalse(); // short
        assertThat(Team.stalled(30 * MILLI, 10 * MILLI, 1)).isFalse(); // tasks are that long
        assertThat(Team.stalled(30 * MILLI, 0, 0)).isFalse(); // nothing to compare with
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
