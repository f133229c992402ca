package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.flow.router.QueryParameters;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.DiagnosticFiles;
import dev.loupe.diagnose.DiagnosticResult;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Limits;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.gallery.Diagnostics;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DiagnosticPagesTest extends ViewTest {
    private DiagnosticResult saved(String diagnostic, Figure... figures) {
        About about = Diagnostics.of(diagnostic).about();
        ResultTable table = ResultTable.of("layer:whole:block", "share:number:of neurons", "name:text:of it");
        for (int i = 0; i < 120; i++) {
            table.row(i, i / 1000.0, "row-" + i);
        }
        DiagnosticResult r = new DiagnosticResult(
                DiagnosticResult.FORMAT,
                "",
                about.id(),
                about.topic(),
                about.question(),
                "On average 31 % are <b>not</b> zero.",
                Map.of("non_zero", 0.31),
                List.of(figures),
                List.of("A note for the reader."),
                about.definition(),
                about.sources(),
                table.columns(),
                120,
                "",
                new DiagnosticResult.Made(
                        "2026-11-25T20:00:00Z",
                        null,
                        "toy",
                        "0",
                        null,
                        null,
                        List.of(),
                        List.of(),
                        List.of(),
                        "a text",
                        Limits.standard(),
                        12_345,
                        0,
                        0,
                        1,
                        0.5));
        return DiagnosticFiles.save(workbench.workspace().diagnostics(), r, table);
    }

    @Test
    void theGalleryShowsEveryQuestionAndTheNewestAnswer() {
        assertThat(text(open("diagnostics", QueryParameters.empty(), DiagnosticsView.class)))
                .contains(
                        "not asked yet: loupe diagnose cett",
                        "0 of " + Diagnostics.all().size() + " answered");
        saved("non-zero-share");
        String gallery = text(open("diagnostics", QueryParameters.empty(), DiagnosticsView.class));
        assertThat(gallery).contains("On average 31 % are <b>not</b> zero.", "1 of ");
        Diagnostics.all().forEach(d -> assertThat(gallery).contains(d.about().question()));
    }

    @Test
    void onePageShowsAnyResultWithEveryKindOfFigure() {
        DiagnosticResult r = saved(
                "non-zero-share",
                Figure.curve("Shares", "layer", "share", List.of(Figure.Series.byIndex("neurons", 0.1, 0.4)))
                        .withLogY(),
                Figure.histogram("Sizes", "size", new double[] {1, 2, 2, Double.NaN}, 4),
                Figure.heat("Heads", "entropy", List.of("0"), List.of("a", "b"), new double[][] {{0.5, 1}}));
        DiagnosticView view = open("diagnostics/" + r.id(), QueryParameters.empty(), DiagnosticView.class);
        assertThat(text(view))
                .contains(
                        r.question(),
                        r.answer(),
                        "A note for the reader.",
                        "the first 40 of 120 rows",
                        "row-39",
                        "The Lazy Neuron Phenomenon",
                        "12,345 tokens")
                .doesNotContain("row-40");
        assertThat(drawn(view, "loupe-curve")).contains("neurons");
        assertThat(drawn(view, "loupe-histogram")).contains("Sizes");
        assertThat(drawn(view, "loupe-heat")).contains("entropy");
        DiagnosticResult path = saved(
                "depth-profile",
                Figure.scatter(
                        "Path",
                        "x",
                        "y",
                        List.of(new Figure.Series(
                                "mean", new double[] {1, 2}, new double[] {3, 4}, List.of("start", "end")))));
        DiagnosticView second = open("diagnostics/" + path.id(), QueryParameters.empty(), DiagnosticView.class);
        assertThat(drawn(second, "loupe-scatter")).contains("start", "end");
    }

    @Test
    void aNeuronsPageSaysWhatItAnswersToAndPromotes() {
        NeuronView view = open("neurons/2/7", QueryParameters.empty(), NeuronView.class);
        await("the neuron", () -> text(view).contains("tokens that it promotes"));
        assertThat(text(view)).contains("Neuron 2:7", "SwiGLU", "where it is strongest", "tokens that it lowers");
        NeuronView none = open("neurons/2/999999", QueryParameters.empty(), NeuronView.class);
        await("the refusal", () -> text(none).contains("There is no neuron 999999"));
    }
}
