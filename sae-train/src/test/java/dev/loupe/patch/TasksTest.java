package dev.loupe.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.patch.task.PatchPair;
import dev.loupe.patch.task.Task;
import dev.loupe.patch.task.TaskPairs;
import dev.loupe.patch.task.TaskScore;
import dev.loupe.patch.task.Tasks;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library of tasks, and how the embedded model does them. */
class TasksTest {
    @TempDir
    static Path cache;

    private static LanguageModel model;

    @BeforeAll
    static void open() {
        model = LanguageModels.open(LanguageModels.builtin(cache), ModelOptions.defaults());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void pairsAreDifferentFollowTheirSeedAndDifferBetweenTheTwoPrompts() {
        for (Task task : Tasks.all()) {
            for (boolean heldOut : new boolean[] {false, true}) {
                List<PatchPair> pairs = task.pairs(40, 7, heldOut, w -> true);
                assertThat(pairs).as(task.name()).hasSizeGreaterThan(20).doesNotHaveDuplicates();
                assertThat(task.pairs(40, 7, heldOut, w -> true)).isEqualTo(pairs);
                assertThat(task.pairs(40, 8, heldOut, w -> true)).isNotEqualTo(pairs);
                for (PatchPair p : pairs) {
                    assertThat(p.clean()).isNotEqualTo(p.corrupt());
                    assertThat(p.clean() + p.corrupt() + p.answers() + p.wrongs())
                            .doesNotContain("{", "}");
                    assertThat(p.answers()).isNotEmpty().doesNotContainAnyElementsOf(p.wrongs());
                }
            }
            Set<String> dev = new HashSet<>();
            task.templates().stream().filter(t -> !t.heldOut()).forEach(t -> dev.add(t.clean()));
            assertThat(task.templates().stream().filter(Task.Template::heldOut).map(Task.Template::clean))
                    .as("held-out templates of " + task.name())
                    .isNotEmpty()
                    .doesNotContainAnyElementsOf(dev);
        }
    }

    @Test
    void pairsForAModelAlignAndHaveAnswersOfOneToken() {
        for (String name : List.of("person", "agreement", "closing", "language", "determiner")) {
            List<PatchPair> texts = new TaskPairs(model, true).of(Tasks.of(name), 50, 3);
            assertThat(texts).as(name).hasSizeGreaterThanOrEqualTo(name.equals("language") ? 40 : 50);
            List<PromptPair> pairs =
                    texts.stream().map(p -> PromptPair.of(model, p, true)).toList();
            PromptPair.checkLengths(pairs);
        }
    }

    @Test
    void theEmbeddedModelSolvesAtLeastFourTasksOnHeldOutTemplates() {
        int usable = 0;
        for (Task task : Tasks.all()) {
            TaskScore s = new TaskPairs(model, true).score(task, Progress.silent());
            System.out.printf(
                    Locale.ROOT,
                    "%-22s %2d pairs, accuracy %.3f, mean difference %5.2f %s%n",
                    s.name(),
                    s.pairs(),
                    s.accuracy(),
                    s.meanDifference(),
                    s.reason());
            usable += s.usable() ? 1 : 0;
            boolean good = s.pairs() >= 50 && s.accuracy() >= 0.8 && s.meanDifference() >= 1;
            assertThat(s.usable()).isEqualTo(good);
            assertThat(s.reason().isEmpty()).isEqualTo(good);
        }
        assertThat(usable).isGreaterThanOrEqualTo(4);
        assertThat(new TaskPairs(model, true)
                        .score(Tasks.of("capital"), Progress.silent())
                        .usable())
                .isFalse();
    }

    @Test
    void aTaskIsARequestOfItsPairs() {
        PatchRequest request = PatchRequest.of("", "", "", "")
                .withTask("person", 12)
                .withSites("resid_pre", "attn_out")
                .withVerify(10);
        PatchResult r = Patching.run(
                model,
                request,
                n -> {
                    throw new NotFoundException("none");
                },
                Progress.silent());
        assertThat(r.pairs()).hasSize(12);
        assertThat(r.cleanDifference()).isGreaterThan(1);
        assertThat(r.agreement().get("all").pearson()).isGreaterThan(0.8);
        assertThatThrownBy(() -> Tasks.of("sudoku")).hasMessageContaining("person");
        assertThatThrownBy(() -> PatchRequest.of("", "", "", "").check()).isInstanceOf(UsageException.class);
    }
}
