package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.Route;
import com.vaadin.flow.router.RouteAlias;
import dev.loupe.compare.Matching;
import dev.loupe.service.Comparisons;
import dev.loupe.service.SeedExperiment;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The pairs of SAEs that were compared. */
@Route("compare")
@RouteAlias("seeds")
public final class CompareListView extends Page {
    CompareListView(Workbench workbench) {
        titled("Compare");
        List<String> experiments = workbench.seeds().list();
        if (!experiments.isEmpty()) {
            List<List<Component>> rows = new ArrayList<>();
            for (String name : experiments) {
                SeedExperiment r = workbench.seeds().get(name);
                rows.add(List.of(
                        Kit.link(Links.seeds(name), name),
                        Kit.text(String.join(", ", r.spec().arch())),
                        Kit.text(Num.whole(r.cells().size())),
                        Kit.text(Num.whole(r.spec().seeds().size())),
                        Kit.text(Num.percent(r.cells().getFirst().shared().mean()))));
            }
            add(Kit.card(
                    Kit.heading("Experiments on seeds", "one command: loupe seeds"),
                    Kit.table(
                            List.of("experiment", "architectures", "settings", "seeds", "shared at the base"),
                            Set.of(2, 3, 4),
                            rows)));
        }
        List<Matching> all = all(workbench);
        if (all.isEmpty()) {
            add(Kit.empty(
                    "No comparison yet",
                    "Two SAEs trained alike but from other seeds share only some of their features. Which ones is found by an optimal one-to-one matching.",
                    "loupe compare SAE-s0 SAE-s1"));
            return;
        }
        Section card = Kit.card(
                Kit.div(
                        "line base",
                        Kit.title("Compared SAEs"),
                        Kit.text("dim", "Which features of one are found again in the other.")),
                Kit.div("gap"),
                table(all));
        addComponentAsFirst(card);
    }

    /** Every saved comparison. */
    static List<Matching> all(Workbench workbench) {
        List<Matching> all = new ArrayList<>();
        for (Comparisons.Pair p : workbench.compare().list()) {
            all.add(workbench.compare().get(p.a(), p.b()));
        }
        return all;
    }

    /** Pairs with their figures at their own threshold. */
    static Component table(List<Matching> all) {
        List<List<Component>> rows = new ArrayList<>();
        for (Matching m : all) {
            rows.add(List.of(
                    Kit.link(Links.compare(m.a(), m.b()), pair(m)),
                    Kit.text(Num.whole(m.widthA()) + (m.widthA() == m.widthB() ? "" : " / " + Num.whole(m.widthB()))),
                    Kit.text(Num.whole(m.shared())),
                    Kit.text(Num.percent(share(m, m.shared()))),
                    Kit.text(Num.fixed(m.threshold(), 2)),
                    Kit.text(Num.fixed(m.pwMcc(), 3)),
                    Kit.text(Num.percent(m.agreement()))));
        }
        return Kit.table(
                List.of(
                        "pair",
                        "latents",
                        "shared",
                        "of the smaller",
                        "at threshold",
                        "mean matched cosine",
                        "same partner both ways"),
                Set.of(1, 2, 3, 4, 5, 6),
                rows);
    }

    /** The same with the figures that fit beside something else. */
    static Component briefTable(List<Matching> all) {
        List<List<Component>> rows = new ArrayList<>();
        for (Matching m : all) {
            rows.add(List.of(
                    Kit.link(Links.compare(m.a(), m.b()), pair(m)),
                    Kit.text(Num.whole(m.shared())),
                    Kit.text(Num.percent(share(m, m.shared()))),
                    Kit.text(Num.fixed(m.threshold(), 2)),
                    Kit.text(Num.fixed(m.pwMcc(), 3))));
        }
        return Kit.table(List.of("pair", "shared", "share", "threshold", "mean cosine"), Set.of(1, 2, 3, 4), rows);
    }

    private static String pair(Matching m) {
        return m.a() + " · " + m.b();
    }

    /** A number of shared pairs as a share of the narrower SAE. */
    static double share(Matching m, int shared) {
        int width = Math.min(m.widthA(), m.widthB());
        return width == 0 ? 0 : (double) shared / width;
    }
}
