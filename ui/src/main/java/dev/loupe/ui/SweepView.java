package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.Route;
import dev.loupe.service.LiveSpec;
import dev.loupe.service.Models;
import dev.loupe.service.SweepResult;
import dev.loupe.service.SweepSpec;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A sweep: what each SAE came to, and which are best for their sparsity. */
@Route("sweeps/:name")
public final class SweepView extends Page implements BeforeEnterObserver {
    private final Workbench workbench;

    SweepView(Workbench workbench) {
        this.workbench = workbench;
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        String name = event.getRouteParameters().get("name").orElse("");
        SweepResult r = workbench.sweeps().get(name);
        titled(name);
        removeAll();
        Div title = Kit.div("line", Kit.title(name));
        title.add(
                Kit.chip(r.rows().size() + " SAEs", "", "every combination of the sweep"),
                Kit.chip(rowsOf(r.spec()), "", "the activations that all were trained on, read once a pass"));
        if (r.failed() > 0) {
            title.add(Kit.chip(r.failed() + " failed", "bad", "why stands in the table"));
        }
        add(Kit.card(title, Kit.div("line gap dim", Kit.text(String.join(" ", r.notes())))));
        Map<String, List<SweepResult.Row>> places = r.byPlace();
        places.forEach((place, rows) -> {
            if (places.size() > 1) {
                add(Kit.card(Kit.heading(place, rows.size() + " SAEs")));
            }
            shown(rows);
        });
    }

    /** What a sweep was trained on, for people. */
    static String rowsOf(SweepSpec spec) {
        LiveSpec live = spec.live();
        return live == null
                ? "store " + spec.store()
                : "straight from " + (live.model() == null ? Models.BUILTIN : live.model());
    }

    /** The SAEs of one hook point: those of others have other errors. */
    private void shown(List<SweepResult.Row> rows) {
        List<SaePlots.Point> points = new ArrayList<>();
        for (SweepResult.Row row : rows) {
            Double l0 = row.l0();
            Double fvu = row.fvu();
            if (l0 != null && fvu != null) {
                points.add(new SaePlots.Point(row.sae(), l0, fvu, row.deltaCe()));
            }
        }
        if (points.size() > 1) {
            add(SaePlots.draw(points));
        }
        add(Kit.card(Kit.heading("Every SAE", "● no other has a lower L0 and a lower value"), table(rows)));
    }

    private static Component table(List<SweepResult.Row> all) {
        List<List<Component>> rows = new ArrayList<>();
        for (SweepResult.Row row : all) {
            rows.add(List.of(
                    row.failure() == null ? Kit.link(Links.report(row.sae()), row.sae()) : Kit.text(row.sae()),
                    Kit.text(number(row.l0(), 1)),
                    Kit.text((row.bestFvu() ? "● " : "") + number(row.fvu(), 4)),
                    Kit.text((row.bestDeltaCe() ? "● " : "") + number(row.deltaCe(), 4)),
                    Kit.text(share(row.lossRecovered())),
                    Kit.text(share(row.deadFraction())),
                    Kit.text("bad", row.failure() == null ? "" : row.failure())));
        }
        return Kit.table(
                List.of("SAE", "L0", "FVU", "ΔCE, nats", "loss recovered", "dead", ""), Set.of(1, 2, 3, 4, 5), rows);
    }

    private static String number(@Nullable Double v, int decimals) {
        return v == null ? "–" : Num.fixed(v, decimals);
    }

    private static String share(@Nullable Double v) {
        return v == null ? "–" : Num.percent(v);
    }
}
