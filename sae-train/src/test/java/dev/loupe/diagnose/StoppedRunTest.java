package dev.loupe.diagnose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Progress;
import dev.loupe.diagnose.geometry.SignalPropagation;
import dev.loupe.diagnose.health.Dormancy;
import dev.loupe.diagnose.sparsity.NonZeroShare;
import dev.loupe.fixtures.ProjectRoot;
import dev.loupe.model.HookPoint;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that is stopped keeps what was ready, and the next one goes on from there. */
class StoppedRunTest {
    private static final int SEQUENCES = 2500; // 50,000 tokens: some want fewer
    private static final long LITTLE = 256 << 10; // of three hooks four wide: some 4,000 tokens
    private static final List<Diagnostic> ASKED = List.of(new NonZeroShare(), new SignalPropagation(), new Dormancy());

    @TempDir
    Path folder;

    private static GivenModel model() {
        GivenModel model = new GivenModel(1, 4);
        for (HookPoint hook : List.of(
                HookPoint.mlpPost(0),
                HookPoint.residPost(0),
                HookPoint.block(0, "hook_attn_out"),
                HookPoint.block(0, "hook_mlp_out"))) {
            model.with(hook, (ids, p) -> new float[] {p, 0, -1, 2 + ids[p]});
        }
        return model;
    }

    private static DiagnosticRun.Report run(GivenModel model, Path results, boolean again, Progress progress) {
        return DiagnosticRun.run(ASKED, reading(model), new SavedResults(results, again), progress);
    }

    /** With so little memory that the text is read in small parts, however many threads there are. */
    private static Subject reading(GivenModel model) {
        return Subject.of(model, GivenModel.text(SEQUENCES, 20), new Limits(200_000, 4096, 200_000, LITTLE, 0));
    }

    private List<String> saved() {
        return DiagnosticFiles.list(folder).stream()
                .map(id -> DiagnosticFiles.open(folder, id).diagnostic())
                .toList();
    }

    @Test
    void aCancelledRunKeepsWhatWasReadyAndTheNextOneComputesTheRest() {
        GivenModel first = model();
        assertThatThrownBy(() -> run(first, folder, false, Progress.until(() -> first.tokensRead() > 40_000)))
                .isInstanceOf(CancelledException.class);
        assertThat(first.tokensRead()).isLessThan(50_000);
        assertThat(saved()).containsExactly("signal-propagation"); // 16,384 tokens are enough for it

        DiagnosticRun.Report report = run(model(), folder, false, Progress.silent());
        assertThat(report.done())
                .extracting(d -> d.result().diagnostic())
                .containsExactly("non-zero-share", "signal-propagation", "dormant-neurons");
        assertThat(report.done()).extracting(DiagnosticRun.Done::kept).containsExactly(false, true, false);
        DiagnosticRun.Report whole = DiagnosticRun.run(ASKED, reading(model()), Progress.silent());
        for (Diagnostic d : ASKED) {
            assertThat(report.of(d.id()).result().numbers())
                    .isEqualTo(whole.of(d.id()).result().numbers());
            assertThat(report.of(d.id()).result().figures())
                    .usingRecursiveComparison()
                    .isEqualTo(whole.of(d.id()).result().figures());
        }

        GivenModel third = model();
        assertThat(run(third, folder, false, Progress.silent()).done()).allMatch(DiagnosticRun.Done::kept);
        assertThat(third.tokensRead()).isZero();
        assertThat(saved()).hasSize(3);
    }

    @Test
    void onlyAWholeResultOfTheSameInputsStands() throws IOException {
        run(model(), folder, false, Progress.silent());
        GivenModel again = model();
        assertThat(run(again, folder, true, Progress.silent()).done()).noneMatch(DiagnosticRun.Done::kept);
        assertThat(again.tokensRead()).isEqualTo(50_000);

        Subject otherText =
                Subject.of(model(), GivenModel.text(SEQUENCES, 19), new Limits(200_000, 4096, 200_000, LITTLE, 0));
        Subject otherSeed =
                Subject.of(model(), GivenModel.text(SEQUENCES, 20), new Limits(200_000, 4096, 200_000, LITTLE, 1));
        for (Subject other : List.of(otherText, otherSeed)) {
            assertThat(DiagnosticRun.run(ASKED, other, new SavedResults(folder, false), Progress.silent())
                            .done())
                    .noneMatch(DiagnosticRun.Done::kept);
        }

        for (String id : DiagnosticFiles.list(folder)) { // every table of one diagnostic damaged
            if (id.contains("dormant-neurons")) {
                Path table = DiagnosticFiles.tableFile(folder, id);
                byte[] bytes = Files.readAllBytes(table);
                bytes[bytes.length / 2] ^= 1;
                Files.write(table, bytes);
            }
        }
        assertThat(run(model(), folder, false, Progress.silent()).done())
                .extracting(DiagnosticRun.Done::kept)
                .containsExactly(true, true, false);
    }

    /** A process that runs the diagnostics on a text that it never comes to the end of. */
    static final class Child {
        public static void main(String[] args) {
            DiagnosticRun.run(ASKED, reading(model()), new SavedResults(Path.of(args[0]), false), Progress.until(() -> {
                if (!DiagnosticFiles.list(Path.of(args[0])).isEmpty()) {
                    System.out.println("one is kept");
                    System.out.flush();
                    while (true) {
                        java.util.concurrent.locks.LockSupport.park();
                    }
                }
                return false;
            }));
        }
    }

    @Test
    void aKilledProcessLosesNothingThatWasReady() throws Exception {
        Path log = folder.resolveSibling(folder.getFileName() + ".log");
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "@" + ProjectRoot.resolve(".jvmopts"),
                        "-Xmx300m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        folder.toString())
                .redirectError(log.toFile())
                .start();
        try (BufferedReader out = child.inputReader()) {
            assertThat(out.readLine()).as(() -> log.toString()).isEqualTo("one is kept");
        } finally {
            child.destroyForcibly();
            assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(saved()).containsExactly("signal-propagation");
        assertThat(run(model(), folder, false, Progress.silent()).done())
                .extracting(DiagnosticRun.Done::kept)
                .containsExactly(false, true, false);
        Files.deleteIfExists(log);
    }
}
