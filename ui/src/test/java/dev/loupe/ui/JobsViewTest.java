package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.vaadin.flow.router.QueryParameters;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.service.Job;
import dev.loupe.service.TrainSpec;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class JobsViewTest extends ViewTest {
    private static TrainSpec spec(String name) {
        return TrainSpec.of(name, "tiny", "topk", 128)
                .k(8)
                .seeds(List.of(0L))
                .steps(200L)
                .build();
    }

    @Test
    void a_job_of_another_thread_of_the_workspace_appears_with_its_stage_and_curves_and_ends() throws Exception {
        CountDownLatch shown = new CountDownLatch(1);
        Thread work = Thread.ofVirtual()
                .start(() -> workbench.jobs().run("train", spec("tiny"), "loupe train", Progress.silent(), p -> {
                    p.stage("train tiny", 200, "steps");
                    p.metric("loss", 1, 0.75);
                    p.metric("loss", 2, 0.5);
                    p.advance(50);
                    p.page("javascript:alert(1)"); // no link of ours
                    p.page("http://head:4040");
                    try {
                        shown.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    return Map.of("ok", true);
                }));
        JobsView view = navigate(JobsView.class);

        await("the running job", () -> text(view).contains("train tiny") && has(view, "loupe-curve"));
        assertThat(text(view)).contains("running", "of 200 steps", "from a terminal", "Cancel", "Spark's page");
        assertThat(workbench.jobs().list().getFirst().page()).isEqualTo("http://head:4040");
        assertThat(view.getElement().getOuterHTML())
                .contains("href=\"http://head:4040\"")
                .doesNotContain("javascript:");

        shown.countDown();
        work.join();
        await("its end", () -> text(view).contains("done") && !text(view).contains("Cancel"));
        assertThat(text(view)).doesNotContain("Spark's page"); // it went with the work
    }

    @Test
    void a_failed_job_says_why() {
        assertThatThrownBy(() -> workbench.jobs().run("train", spec("bad"), "loupe train", Progress.silent(), p -> {
                    throw new LoupeException("The disk is full.");
                }))
                .isInstanceOf(LoupeException.class);
        Job job = workbench.jobs().list().getFirst();

        JobsView view = open("jobs", QueryParameters.of("job", job.id()), JobsView.class);

        assertThat(text(view)).contains("failed", "The disk is full.");
    }
}
