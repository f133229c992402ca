package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Progress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The progress of many tasks as one. */
class TaskEventsTest {
    private final List<Long> bar = new ArrayList<>();
    private final List<String> said = new ArrayList<>();
    private final TaskEvents events = new TaskEvents(new Progress() {
        @Override
        public void stage(String name, long total, String unit) {
            said.add(name);
        }

        @Override
        public void advance(long done) {
            bar.add(done);
        }

        @Override
        public void message(String text) {
            said.add(text);
        }
    });

    private static String stage(long total) {
        return "{\"type\":\"stage\",\"stage\":\"x\",\"total\":" + total + ",\"unit\":\"y\"}";
    }

    private static String done(long done) {
        return "{\"type\":\"progress\",\"done\":" + done + "}";
    }

    private void take(long task, int attempt, String... all) {
        events.take(task, 100, attempt + " [" + String.join(",", all) + "]");
    }

    @Test
    void what_tasks_have_done_is_added_up() {
        take(1, 0, done(10));
        take(2, 0, stage(100), done(30));
        take(1, 0, done(20));
        events.done(2, 100);
        events.done(1, 100);
        assertThat(bar).containsExactly(10L, 40L, 50L, 120L, 200L);
    }

    @Test
    void a_stage_inside_of_a_task_moves_nothing() {
        take(1, 0, stage(5_000_000), done(4_000_000));
        take(1, 0, done(5_000_000), "{\"type\":\"message\",\"text\":\"the model is here\"}");
        take(1, 0, stage(100), done(10));
        take(1, 0, stage(-1), done(70));
        take(1, 0, stage(100), done(60));
        assertThat(bar).containsExactly(10L, 60L);
        assertThat(said).containsExactly("the model is here");
    }

    @Test
    void of_two_attempts_at_once_the_further_one_counts_and_each_has_its_own_stages() {
        take(1, 0, stage(100), done(60));
        take(1, 1, stage(5_000_000), done(99));
        take(1, 0, done(70));
        take(1, 1, stage(100), done(5));
        assertThat(bar).containsExactly(60L, 70L, 70L);
        take(1, 1, done(500));
        assertThat(bar.getLast()).as("never more than the task is").isEqualTo(100);
    }

    @Test
    void what_was_cut_off_on_its_way_moves_nothing() {
        events.take(1, 100, "0 [{\"type\":\"progress\",\"do");
        events.take(1, 100, "");
        assertThat(bar).isEmpty();
    }
}
