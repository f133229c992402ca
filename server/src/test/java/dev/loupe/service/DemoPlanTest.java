package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.capture.CaptureRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoPlanTest {
    @Test
    void the_demo_of_smollm2_first_gets_the_model_and_ends_within_forty_minutes(@TempDir Path folder) {
        Settings settings = Settings.load(Map.of(Settings.Key.WORKSPACE, folder.toString()), Map.of());
        try (Workbench bench = new Workbench(Workspace.create(folder), settings)) {
            List<Demo.Part> parts = new Demo(bench, DemoPlan.of("smollm2")).parts();
            assertThat(parts.getFirst().title()).isEqualTo("pull smollm2");
            assertThat(parts.get(1).title()).isEqualTo("capture");
            assertThat(parts.subList(0, 4)).noneMatch(p -> p.finished().getAsBoolean());
            for (Demo.Part part : parts) { // each is a kind of job with a request of that kind
                assertThat(Tasks.title(part.kind(), Views.JSON.valueToTree(part.request())))
                        .as(part.title())
                        .isNotBlank();
            }
            assertThat(parts.stream().mapToDouble(Demo.Part::seconds).sum()).isBetween(600.0, 40 * 60.0);
            assertThat(parts).noneMatch(p -> p.title().contains("control"));
            List<Demo.Part> builtin = new Demo(bench, DemoPlan.of("builtin")).parts();
            assertThat(builtin.getFirst().title()).isEqualTo("capture");
            Demo.Part control = builtin.stream()
                    .filter(p -> p.title().equals("random-model control of topk-2048-s0"))
                    .findFirst()
                    .orElseThrow();
            assertThat(control.finished().getAsBoolean()).isFalse();
            assertThat(Tasks.title(control.kind(), Views.JSON.valueToTree(control.request())))
                    .contains("topk-2048-s0");
        }
        assertThatThrownBy(() -> DemoPlan.of("gpt2"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("builtin and smollm2");
    }

    @Test
    void the_demo_of_circuits_adds_transcoders_and_graphs_within_ten_minutes(@TempDir Path folder) {
        Settings settings = Settings.load(Map.of(Settings.Key.WORKSPACE, folder.toString()), Map.of());
        try (Workbench bench = new Workbench(Workspace.create(folder), settings)) {
            int plain = new Demo(bench, DemoPlan.of("builtin")).parts().size();
            List<Demo.Part> parts = new Demo(bench, DemoPlan.of("builtin"), true).parts();
            List<Demo.Part> more = parts.subList(plain, parts.size());
            assertThat(more.getFirst().title()).contains("transcoders");
            assertThat(more.getLast().title()).startsWith("graph ");
            assertThat(more).noneMatch(p -> p.finished().getAsBoolean());
            for (Demo.Part part : more) { // each is a kind of job with a request of that kind
                assertThat(Tasks.title(part.kind(), Views.JSON.valueToTree(part.request())))
                        .as(part.title())
                        .isNotBlank();
            }
            assertThat(more.stream().mapToDouble(Demo.Part::seconds).sum()).isBetween(60.0, 600.0);
            assertThatThrownBy(() -> new Demo(bench, DemoPlan.of("smollm2"), true))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("embedded model");
        }
    }

    @Test
    void fewer_tokens_make_a_shorter_demo_and_one_that_begins_with_others_is_refused(@TempDir Path folder)
            throws IOException {
        Settings settings = Settings.load(Map.of(Settings.Key.WORKSPACE, folder.toString()), Map.of());
        DemoPlan small = DemoPlan.of("builtin").withTokens(57_000);
        assertThat(small.tokens()).isEqualTo(57_000);
        assertThat(small.families()).allSatisfy(f -> assertThat(f.steps()).isEqualTo(200));
        assertThat(DemoPlan.of("builtin").families())
                .allSatisfy(f -> assertThat(f.steps()).isNull());
        assertThat(small.families()).hasSameSizeAs(DemoPlan.of("builtin").families());
        assertThatThrownBy(() -> DemoPlan.of("builtin").withTokens(9_999)).hasMessageContaining("at least 10000");
        try (Workbench bench = new Workbench(Workspace.create(folder), settings)) {
            double whole = seconds(new Demo(bench, DemoPlan.of("builtin")));
            // the matching takes as long as ever
            assertThat(seconds(new Demo(bench, small))).isBetween(whole / 10, whole / 9);
            Path text = Files.writeString(
                    folder.resolve("text.jsonl"),
                    "{\"text\": \"I would like to thank the rapporteur for his report.\"}\n".repeat(100));
            bench.stores()
                    .capture(
                            CaptureRequest.of(
                                    small.store(),
                                    bench.workspace().activations(),
                                    small.model(),
                                    text.toString(),
                                    List.of(small.hook()),
                                    300),
                            Progress.silent());
            Demo.Part capture = new Demo(bench, small).parts().getFirst();
            assertThatThrownBy(() -> capture.finished().getAsBoolean())
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("--tokens 300");
        }
    }

    private static double seconds(Demo demo) {
        return demo.parts().stream().mapToDouble(Demo.Part::seconds).sum();
    }
}
