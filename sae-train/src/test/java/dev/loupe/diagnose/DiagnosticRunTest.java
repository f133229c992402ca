package dev.loupe.diagnose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.CancelledException;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.diagnose.gallery.Diagnostics;
import dev.loupe.diagnose.health.Dormancy;
import dev.loupe.diagnose.sparsity.Locality;
import dev.loupe.diagnose.sparsity.NonZeroShare;
import dev.loupe.model.HookPoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Streams are shared, results are kept, failures stay alone. */
class DiagnosticRunTest {
    @TempDir
    Path folder;

    private static GivenModel model() {
        return new GivenModel(1, 4).with(HookPoint.mlpPost(0), (ids, p) -> new float[] {p, 0, -1, 2});
    }

    @Test
    void twoDiagnosticsOfOneStreamReadItOnce() {
        GivenModel together = model();
        DiagnosticRun.Report report = DiagnosticRun.run(
                List.of(new NonZeroShare(), new Dormancy()), together.reading(10, 20), Progress.silent());
        assertThat(together.tokensRead()).isEqualTo(200);
        assertThat(report.streams().tokens()).isEqualTo(200);
        assertThat(report.done())
                .extracting(d -> d.result().diagnostic())
                .containsExactly("non-zero-share", "dormant-neurons");
        for (Diagnostic alone : List.of(new NonZeroShare(), new Dormancy())) {
            Finding f = GivenRows.finding(alone, model().reading(10, 20));
            assertThat(f.numbers()).isEqualTo(report.of(alone.id()).result().numbers());
        }
    }

    /** Wants two rounds of a few tokens each, then is refused by its own data if asked to. */
    private record Rounds(boolean fails) implements Diagnostic {
        @Override
        public About about() {
            return About.of(
                    fails ? "fails" : "rounds", Topic.HEALTH, "?", "", Set.of(Need.MODEL), Source.paper("none", ""));
        }

        @Override
        public Study begin(Subject subject) {
            return new Study() {
                private int round;
                private long tokens;

                @Override
                public Wants wants() {
                    return round++ < 2
                            ? Wants.model(Set.of(HookPoint.mlpPost(0))).upTo(30)
                            : Wants.nothing();
                }

                @Override
                public void see(ModelPass pass) {
                    tokens += pass.tokens();
                    if (fails) {
                        throw new LoupeException("This layer has no neuron worth counting.");
                    }
                }

                @Override
                public Finding finding() {
                    ResultTable t = ResultTable.of("tokens:whole:seen", "name:text:of it", "half:number:of them");
                    t.row(tokens, "ä\n", tokens / 2.0);
                    return new Finding(
                            "Saw " + tokens + ".", java.util.Map.of("tokens", (double) tokens), t, List.of());
                }
            };
        }
    }

    @Test
    void roundsEndWhereEnoughIsSeenAndAFailureStopsNobodyElse() {
        DiagnosticRun.Report report = DiagnosticRun.run(
                List.of(new Rounds(true), new Rounds(false), new NonZeroShare()),
                Subject.of(model(), GivenModel.text(500, 20), Limits.standard()),
                Progress.silent());
        assertThat(report.refused())
                .containsOnlyKeys("fails")
                .containsValue("This layer has no neuron worth counting.");
        assertThat(report.done()).extracting(d -> d.result().diagnostic()).containsExactly("rounds", "non-zero-share");
        assertThat(report.of("non-zero-share").result().made().tokens()).isEqualTo(10_000);
        double seen = report.of("rounds").result().numbers().get("tokens");
        assertThat(seen).isGreaterThanOrEqualTo(60).isLessThan(2 * (1024 + 20));
        assertThat(report.of("rounds").result().made().rounds()).isEqualTo(2);
    }

    @Test
    void whatIsNotThereIsAskedForInASentence() {
        assertThatThrownBy(() -> DiagnosticRun.run(List.of(new Locality()), model().reading(1, 5), Progress.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("latent-locality needs");
        assertThat(DiagnosticRun.possible(Diagnostics.all(), model().reading(1, 5)))
                .allSatisfy(d -> assertThat(d.about().needs()).containsExactly(Need.MODEL));
    }

    @Test
    void aRunCanBeCancelled() {
        AtomicInteger asked = new AtomicInteger();
        assertThatThrownBy(() -> DiagnosticRun.run(
                        List.of(new NonZeroShare()),
                        model().reading(5000, 20),
                        Progress.until(() -> asked.incrementAndGet() > 3)))
                .isInstanceOf(CancelledException.class);
    }

    @Test
    void aResultIsSavedWholeAndComesBackBitForBit() throws IOException {
        DiagnosticRun.Report report =
                DiagnosticRun.run(List.of(new Rounds(false)), model().reading(2, 20), Progress.silent());
        DiagnosticRun.Done done = report.of("rounds");
        DiagnosticResult saved = DiagnosticFiles.save(folder, done.result(), done.table());
        DiagnosticResult second = DiagnosticFiles.save(folder, done.result(), done.table());
        assertThat(second.id()).isNotEqualTo(saved.id());
        assertThat(DiagnosticFiles.list(folder)).containsExactlyInAnyOrder(saved.id(), second.id());
        assertThat(DiagnosticFiles.open(folder, saved.id())).isEqualTo(saved);
        ResultTable table = DiagnosticFiles.table(folder, saved);
        assertThat(table.rows().getFirst()).isEqualTo(done.table().rows().getFirst());
        assertThat(table.text(0, "name")).isEqualTo("ä\n");
        try (var files = Files.list(folder)) {
            assertThat(files).hasSize(2); // nothing temporary is left
        }
        Path arrow = DiagnosticFiles.tableFile(folder, saved.id());
        byte[] bytes = Files.readAllBytes(arrow);
        bytes[bytes.length / 2] ^= 1;
        Files.write(arrow, bytes);
        assertThatThrownBy(() -> DiagnosticFiles.table(folder, saved)).hasMessageContaining("damaged");
    }

    @Test
    void everyDiagnosticSaysWhatItIs() {
        Set<String> ids = new HashSet<>();
        for (Diagnostic d : Diagnostics.all()) {
            About a = d.about();
            assertThat(ids.add(a.id())).as(a.id()).isTrue();
            assertThat(a.id()).matches("[a-z0-9-]+");
            assertThat(a.question()).as(a.id()).endsWith("?");
            assertThat(a.definition()).as(a.id()).endsWith(".").hasSizeGreaterThan(40);
            assertThat(a.needs()).as(a.id()).isNotEmpty();
            assertThat(a.sources()).as(a.id()).isNotEmpty();
            assertThat(Diagnostics.of(a.id())).isSameAs(d);
        }
    }
}
