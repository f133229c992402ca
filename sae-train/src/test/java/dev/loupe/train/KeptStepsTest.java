package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.CancelledException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.sae.Sae;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The series of checkpoints that a training keeps. */
class KeptStepsTest {
    @TempDir
    Path dir;

    private static final List<String> WEIGHTS = List.of("sae_weights.safetensors");

    private static List<Long> steps(Path folder) {
        return KeptSteps.of(folder).stream().map(s -> s.provenance().steps()).toList();
    }

    @Test
    void keepingChangesNoBitAndEveryStepIsTheSaeThatAShorterRunWouldHave() throws Exception {
        TrainConfig plain = Runs.config(Method.TOPK).with("learning_rate_decay", 0);
        Path without = Runs.train(Runs.request(dir.resolve("a"), plain, 7L), 7, Progress.silent())
                .folder();
        Path kept = Runs.train(
                        Runs.request(dir.resolve("b"), plain.with("keep_every", "50 steps"), 7L), 7, Progress.silent())
                .folder();
        for (String file : WEIGHTS) {
            assertThat(Files.mismatch(kept.resolve(file), without.resolve(file)))
                    .isEqualTo(-1);
        }
        assertThat(steps(without)).containsExactly(120L);
        assertThat(steps(kept)).containsExactly(50L, 100L, 120L);
        // a run of 50 steps whose warm-ups take as many steps has those weights
        TrainConfig half = plain.with(java.util.Map.of(
                "steps", 50,
                "learning_rate_warmup", plain.learningRateWarmup().steps(120, 100) + " steps",
                "sparsity_warmup", plain.sparsityWarmup().steps(120, 100) + " steps",
                "dead_window", plain.deadAfter() + " steps"));
        Path shorter = Runs.train(Runs.request(dir.resolve("c"), half, 7L), 7, Progress.silent())
                .folder();
        assertThat(Files.mismatch(
                        kept.resolve("steps/step-50/sae_weights.safetensors"),
                        shorter.resolve("sae_weights.safetensors")))
                .isEqualTo(-1);
    }

    @Test
    void aStoppedRunGoesOnWithTheSameSeriesAndAnotherRunsSeriesGoes() throws Exception {
        TrainConfig config = Runs.config(Method.BATCHTOPK).with("keep_every", "25%");
        TrainRequest request = Runs.request(dir, config, 7L);
        assertThatThrownBy(() -> Runs.train(request, 7, Runs.stoppingAfter(70))).isInstanceOf(CancelledException.class);
        assertThat(dir.resolve(".tiny.steps/step-60")).isDirectory();
        Path done = Runs.train(request, 7, Progress.silent()).folder();
        assertThat(steps(done)).containsExactly(30L, 60L, 90L, 120L);
        assertThat(dir.resolve(".tiny.steps")).doesNotExist();
        assertThat(KeptSteps.of(done)).allSatisfy(s -> assertThat(s.dSae()).isEqualTo(64));
        Sae half = KeptSteps.of(done).get(1);
        assertThat(half.name()).isEqualTo("step-60");
        assertThat(Runs.train(request, 7, Progress.silent()).kept()).isTrue();
        assertThat(Runs.train(Runs.request(dir, config.with("keep_every", 0), 7L), 7, Progress.silent())
                        .kept())
                .as("what is kept on the way changes no result")
                .isTrue();

        TrainRequest other = Runs.request(dir.resolve("x"), config, 7L);
        assertThatThrownBy(() -> Runs.train(other, 7, Runs.stoppingAfter(70))).isInstanceOf(CancelledException.class);
        TrainConfig changed = config.with(java.util.Map.of("learning_rate", 1e-3, "keep_every", "50%"));
        Files.delete(Checkpoint.file(dir.resolve("x"), "tiny")); // as the refusal of another run's checkpoint asks
        assertThat(steps(Runs.train(Runs.request(dir.resolve("x"), changed, 7L), 7, Progress.silent())
                        .folder()))
                .containsExactly(60L, 120L);
    }

    @Test
    void whatAKilledRunHadHalfWrittenGoesWithTheNextOne() throws Exception {
        TrainConfig config = Runs.config(Method.TOPK).with("keep_every", "25%");
        TrainRequest request = Runs.request(dir, config, 7L);
        assertThatThrownBy(() -> Runs.train(request, 7, Runs.stoppingAfter(70))).isInstanceOf(CancelledException.class);
        Path checkpoint = Checkpoint.file(dir, "tiny");
        byte[] last = Files.readAllBytes(checkpoint);
        Path step = Files.createDirectories(AtomicFiles.temporary(dir.resolve(".tiny.steps/step-90")));
        Path sae = Files.createDirectories(AtomicFiles.temporary(dir.resolve("tiny")));
        Path half = Files.createFile(AtomicFiles.temporary(checkpoint));
        Path done = Runs.train(request, 7, Progress.silent()).folder();
        assertThat(List.of(step, sae, half)).noneMatch(Files::exists);
        try (Stream<Path> kept = Files.list(done.resolve("steps"))) {
            assertThat(kept.map(p -> p.getFileName().toString()))
                    .containsExactlyInAnyOrder("step-30", "step-60", "step-90");
        }
        Files.write(checkpoint, last); // as a run leaves it that is killed right after its SAE is there
        assertThat(Runs.train(request, 7, Progress.silent()).kept()).isTrue();
        assertThat(checkpoint).doesNotExist();
    }

    @Test
    void aSeriesThatMakesNoSenseIsRefused() {
        assertThatThrownBy(() -> Runs.config(Method.RELU).with("keep_every", 2)).isInstanceOf(UsageException.class);
    }
}
