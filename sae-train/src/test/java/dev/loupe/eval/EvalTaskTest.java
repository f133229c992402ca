package dev.loupe.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.TaskExecutor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reports of several attempts: one of them gets the name, and only when it is whole. */
class EvalTaskTest {
    @TempDir
    Path folder;

    private List<String> files() throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.map(f -> f.getFileName().toString()).toList();
        }
    }

    @Test
    void a_report_gets_its_name_when_it_is_what_the_attempt_said_and_the_others_go() throws IOException {
        Path report = folder.resolve(SaeReport.FILE);
        EvalTask task = new EvalTask("x", null, null, 1, List.of(), report);
        Path mine = Files.writeString(AtomicFiles.temporary(report), "mine");
        Path other = Files.writeString(AtomicFiles.temporary(report), "other");
        EvalTask.Made made = new EvalTask.Made(mine, Checksums.sha256(mine));
        assertThat(task.outputs(made)).containsExactly(mine);
        Files.writeString(mine, "damaged");
        assertThatThrownBy(() -> task.publish(made))
                .isInstanceOf(TaskExecutor.Refused.class)
                .hasMessageContaining("The report of x is damaged");
        assertThat(report).doesNotExist();
        task.publish(new EvalTask.Made(other, Checksums.sha256(other)));
        assertThat(report).hasContent("other");
        assertThat(files()).containsExactly(SaeReport.FILE);
        assertThatThrownBy(() -> task.publish(made)).hasMessageContaining("is not where a machine said it had put it");
        assertThat(report).hasContent("other");
        Path again = Files.writeString(AtomicFiles.temporary(report), "again");
        task.publish(new EvalTask.Made(again, Checksums.sha256(again)));
        assertThat(report).hasContent("again");
    }
}
