package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import dev.loupe.eval.SaeReport;
import dev.loupe.service.RandomControl;
import dev.loupe.service.SaeRow;
import dev.loupe.service.SaeView;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** SAEs with the figures a person would quote, all of held-out tokens. */
final class SaeTable {
    private SaeTable() {}

    static Component of(List<SaeRow> saes) {
        List<List<Component>> rows = new ArrayList<>();
        saes.forEach(s -> rows.add(row(s)));
        return Kit.table(
                List.of(
                        "SAE",
                        "hook",
                        "architecture",
                        "d_sae",
                        "L0",
                        "FVU",
                        "PCA of that rank",
                        "ΔCE, nats",
                        "loss recovered",
                        "dead",
                        "",
                        ""),
                Set.of(3, 4, 5, 6, 7, 8, 9),
                rows);
    }

    private static List<Component> row(SaeRow row) {
        SaeView s = row.sae();
        if (s.problem() != null) {
            Component why = Kit.text("bad", s.problem());
            return List.of(Kit.text(s.name()), why);
        }
        SaeReport r = row.report();
        SaeReport.Loss loss = r == null ? null : r.loss();
        return List.of(
                s.indexed() ? Kit.link(Links.features(s.name()), s.name()) : Kit.text(s.name()),
                Kit.text("dim", s.place()),
                Kit.text("dim", s.architecture()),
                Kit.text(Num.whole(s.dSae())),
                Kit.text(r == null ? "–" : Num.fixed(r.l0(), 1)),
                Kit.text(r == null ? "–" : Num.fixed(r.fvu(), 3)),
                Kit.text("faint", r == null ? "–" : Num.fixed(r.pcaFvu(), 3)),
                Kit.text(loss == null ? "–" : Num.signed(loss.deltaCe(), 3)),
                Kit.text(loss == null ? "–" : Num.percent(loss.lossRecoveredZero())),
                Kit.text(r == null ? "–" : Num.percent(r.deadFraction())),
                RandomControl.is(s.name())
                        ? Kit.chip("control", "", "the same recipe on a copy of the model with random weights")
                        : s.indexed()
                                ? Kit.chip("indexed", "good", "has a feature index")
                                : Kit.chip("no index", "warn", "run: loupe index " + s.name()),
                Kit.link(Links.report(s.name()), "report"));
    }
}
