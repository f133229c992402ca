package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.CancelledException;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.sae.Sae;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ResumeTest {
    @TempDir
    Path dir;

    private static final List<String> SAME = List.of("sae_weights.safetensors", "metrics.arrow");

    @ParameterizedTest
    @EnumSource(Method.class)
    void aCancelledRunEndsWithTheBitsOfAnUninterruptedOne(Method a) throws IOException {
        TrainConfig config = Runs.config(a);
        Path whole = Runs.train(Runs.request(dir.resolve("whole"), config, 7L), 7, Progress.silent())
                .folder();
        TrainRequest broken = Runs.request(dir.resolve("broken"), config, 7L);
        for (int stop : new int[] {1, 53}) {
            assertThatThrownBy(() -> Runs.train(broken, 7, Runs.stoppingAfter(stop)))
                    .isInstanceOf(CancelledException.class);
            assertThat(dir.resolve("broken/tiny")).doesNotExist();
        }
        TrainResult result = Runs.train(broken, 7, Progress.silent());
        assertThat(result.resumedFrom()).isEqualTo(53);
        assertThat(result.tokens()).isEqualTo(67 * 100);
        for (String file : SAME) {
            assertThat(Files.mismatch(result.folder().resolve(file), whole.resolve(file)))
                    .as(file)
                    .isEqualTo(-1);
        }
        assertThat(Checkpoint.file(dir.resolve("broken"), "tiny")).doesNotExist();
    }

    @Test
    void aKilledProcessWithoutDjlOnItsClassPathIsTakenUpWithTheSameBits() throws Exception {
        TrainConfig config = Runs.config(Method.TOPK);
        Path whole = Runs.train(Runs.request(dir.resolve("whole"), config, 3L), 3, Progress.silent())
                .folder();
        assertThat(ChildTraining.launch(dir.resolve("killed"), 60)).isEqualTo(ChildTraining.KILLED);
        assertThat(dir.resolve("killed/tiny")).doesNotExist();
        TrainResult result = Runs.train(Runs.request(dir.resolve("killed"), config, 3L), 3, Progress.silent());
        assertThat(result.resumedFrom()).isBetween(1L, 60L);
        for (String file : SAME) {
            assertThat(Files.mismatch(result.folder().resolve(file), whole.resolve(file)))
                    .as(file)
                    .isEqualTo(-1);
        }
    }

    /** Two points by day, 60 in the nightly profile; a failing one is named by its step. */
    @Test
    void aProcessKilledAtAnyPointIsTakenUpWithTheSameBits() throws Exception {
        TrainConfig config = Runs.config(Method.TOPK);
        Path whole = Runs.train(Runs.request(dir.resolve("whole"), config, 3L), 3, Progress.silent())
                .folder();
        int points = Integer.getInteger("loupe.fuzz.cases", 0) > 10_000 ? 60 : 2;
        java.util.Random random = new java.util.Random();
        for (int i = 0; i < points; i++) {
            int step = 1 + random.nextInt((int) config.steps() - 1);
            Path saes = dir.resolve("killed-" + i);
            assertThat(ChildTraining.launch(saes, step)).isEqualTo(ChildTraining.KILLED);
            TrainResult result = Runs.train(Runs.request(saes, config, 3L), 3, Progress.silent());
            assertThat(result.resumedFrom()).as("killed after step " + step).isLessThanOrEqualTo(step);
            for (String file : SAME) {
                assertThat(Files.mismatch(result.folder().resolve(file), whole.resolve(file)))
                        .as(file + " of a run killed after step " + step)
                        .isEqualTo(-1);
            }
        }
    }

    @Test
    void trainingRunsToItsEndWithNoDjlOnTheClassPath() throws Exception {
        assertThat(ChildTraining.launch(dir, -1)).isZero();
        assertThat(Sae.open(dir.resolve("tiny")).dSae()).isEqualTo(64);
    }

    @Test
    void aDamagedCheckpointAndOneOfAnotherRunAreRefused() throws IOException {
        TrainConfig config = Runs.config(Method.JUMPRELU);
        TrainRequest request = Runs.request(dir, config, 1L);
        assertThatThrownBy(() -> Runs.train(request, 1, Runs.stoppingAfter(20))).isInstanceOf(CancelledException.class);
        Path file = Checkpoint.file(dir, "tiny");
        byte[] good = Files.readAllBytes(file);
        byte[] bad = good.clone();
        bad[bad.length - 1000] ^= 1;
        Files.write(file, bad);
        assertThatThrownBy(() -> Runs.train(request, 1, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("checkpoint")
                .hasMessageContaining("delete it");
        Files.write(file, Arrays.copyOf(good, good.length - 5));
        assertThatThrownBy(() -> Runs.train(request, 1, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("delete it");
        Files.write(file, good);
        TrainRequest other = Runs.request(dir, config.with("learning_rate", 1e-3), 1L);
        assertThatThrownBy(() -> Runs.train(other, 1, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("(step 20) is of a run with other settings (learning_rate): move it away or")
                .hasMessageContaining("another name");
        assertThat(Files.readAllBytes(file)).isEqualTo(good);
        TrainConfig often = config.with("checkpoint_minutes", 7);
        assertThat(Runs.train(Runs.request(dir, often, 1L), 1, Progress.silent())
                        .resumedFrom())
                .isEqualTo(20);
    }

    @Test
    void aResumeOnAnotherEngineSaysThatBitsWillDiffer() {
        TrainConfig config = Runs.config(Method.TOPK).with("precision", "bf16");
        TrainRequest request = Runs.request(dir, config, 1L);
        assertThatThrownBy(() -> Runs.train(request, 1, Runs.stoppingAfter(20))).isInstanceOf(CancelledException.class);
        Path file = Checkpoint.file(dir, "tiny");
        Checkpoint kept = Checkpoint.read(file, Runs.identity(config, 1)).orElseThrow();
        EngineNote note = java.util.Objects.requireNonNull(kept.engine());
        assertThat(note.engine()).contains("bf16");
        EngineNote other = new EngineNote(note.release(), note.engine(), "another processor", note.threads());
        new Checkpoint(kept.state(), kept.objective(), kept.curves(), other).write(file, Runs.identity(config, 1));
        List<String> said = new java.util.ArrayList<>();
        TrainResult result = Runs.train(request, 1, Runs.listening(said));
        assertThat(result.resumedFrom()).isEqualTo(20);
        assertThat(said).anyMatch(m -> m.contains("another processor") && m.contains("bits"));
        Sae sae = Sae.open(result.folder());
        assertThat(sae.provenance().settings()).containsEntry("precision", "bf16");
        assertThat(String.valueOf(sae.provenance().other())).contains("bf16").contains("threads");
    }

    @Test
    void aFinishedSaeIsKeptAndAnotherOneNotOverwritten() {
        TrainConfig config = Runs.config(Method.RELU);
        TrainRequest request = Runs.request(dir, config, 5L);
        assertThat(Runs.train(request, 5, Progress.silent()).kept()).isFalse();
        TrainResult again = Runs.train(request, 5, Progress.silent());
        assertThat(again.kept()).isTrue();
        assertThat(again.metrics()).containsKey("fvu");
        TrainRequest patient = Runs.request(dir, config.with("checkpoint_minutes", 7), 5L);
        assertThat(Runs.train(patient, 5, Progress.silent()).kept())
                .as("how often checkpoints are written changes no result")
                .isTrue();
        TrainRequest other = Runs.request(dir, config.with("steps", 121), 5L);
        assertThatThrownBy(() -> Runs.train(other, 5, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("already an SAE");
    }
}
