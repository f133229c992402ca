package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.Route;
import dev.loupe.diagnose.DiagnosticResult;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.Source;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The result of any diagnostic: question, answer, figures, table, definition, source. */
@Route("diagnostics/:id")
public final class DiagnosticView extends Page implements BeforeEnterObserver {
    private static final int ROWS = 40;

    private final Workbench workbench;

    DiagnosticView(Workbench workbench) {
        this.workbench = workbench;
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        DiagnosticResult r =
                workbench.diagnose().get(event.getRouteParameters().get("id").orElse(""));
        titled(r.question());
        removeAll();
        add(head(r));
        Div figures = Kit.div(r.figures().size() > 1 ? "cols even" : "");
        r.figures().forEach(f -> figures.add(DiagnosticFigures.draw(f)));
        if (!r.figures().isEmpty()) {
            add(figures);
        }
        add(table(r), about(r));
    }

    private static Section head(DiagnosticResult r) {
        Div where = Kit.div("line gap");
        String model = r.made().model();
        String store = r.made().store();
        if (model != null) {
            where.add(Kit.chip("model " + model, "", "the model that was asked"));
        }
        if (store != null) {
            where.add(Kit.chip("store " + store, "", "the activations that were read"));
        }
        r.made().saes().forEach(s -> where.add(Kit.chip("SAE " + s, "", "the SAE that was asked")));
        r.made().checkpoints().forEach(s -> where.add(Kit.chip("step " + s, "", "a step of the training")));
        where.add(Kit.text("faint", r.made().created()));
        Section head = Kit.card(
                Kit.div("line tight dim", Kit.link("/diagnostics", "all diagnostics"), Kit.text("· " + r.diagnostic())),
                Kit.title(r.question()),
                Kit.div("gap", Kit.bold(r.answer())),
                where);
        r.notes().forEach(n -> head.add(Kit.div("gap dim", Kit.text(n))));
        return head;
    }

    private Section table(DiagnosticResult r) {
        ResultTable t = workbench.diagnose().table(r.id());
        Set<Integer> right = new HashSet<>();
        for (int c = 0; c < t.columns().size(); c++) {
            if (t.columns().get(c).kind() != ResultTable.Kind.TEXT) {
                right.add(c);
            }
        }
        List<List<Component>> rows = new ArrayList<>();
        for (Object[] row : t.rows().subList(0, Math.min(ROWS, t.rows().size()))) {
            List<Component> cells = new ArrayList<>();
            for (Object value : row) {
                cells.add(Kit.text(
                        value instanceof Double d
                                ? dev.loupe.diagnose.Numbers.short3(d)
                                : value instanceof Long n && Math.abs(n) > 9999 ? Num.whole(n) : value.toString()));
            }
            rows.add(cells);
        }
        Anchor download = new Anchor("/api/diagnostics/" + r.id() + "/table", "Arrow");
        download.addClassNames("btn");
        download.getElement().setAttribute("router-ignore", true);
        download.setTitle("The whole table as an Arrow file");
        download.setAriaLabel("Download the whole table as an Arrow file");
        String shown = t.rows().size() > ROWS
                ? "the first " + ROWS + " of " + t.rows().size() + " rows"
                : t.rows().size() + " rows";
        Div meanings = Kit.div("gap dim");
        for (ResultTable.Column c : t.columns()) {
            meanings.add(Kit.div("", Kit.bold(c.name()), Kit.text(": " + c.meaning())));
        }
        return Kit.card(
                Kit.heading("Table", shown, download),
                Kit.table(t.columns().stream().map(ResultTable.Column::name).toList(), right, rows),
                meanings);
    }

    private static Section about(DiagnosticResult r) {
        Section about = Kit.card(
                Kit.heading("What is computed", ""),
                Kit.div("", Kit.text(r.definition())),
                Kit.div("gap"),
                Kit.heading("Source", ""));
        for (Source s : r.sources()) {
            about.add(Kit.div("gap", Kit.bold(s.title()), Kit.text(" (" + s.reference() + ")")));
            if (!s.differs().isEmpty()) {
                about.add(Kit.div("dim", Kit.text("Here: " + s.differs())));
            }
        }
        String text = r.made().text();
        about.add(Kit.div(
                "gap faint",
                Kit.text((text == null ? "" : "Text: " + text + ". ")
                        + Num.whole(r.made().tokens()) + " tokens and "
                        + Num.whole(r.made().rows()) + " rows read, changes tried on "
                        + Num.whole(r.made().trialTokens()) + " predictions; seed "
                        + r.made().limits().seed() + "; "
                        + Num.fixed(r.made().seconds(), 1) + " s of its own.")));
        return about;
    }
}
