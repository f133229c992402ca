package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.Route;
import dev.loupe.base.Fmt;
import dev.loupe.compare.Matching;
import dev.loupe.model.ModelConfig;
import dev.loupe.service.Job;
import dev.loupe.service.ModelView;
import dev.loupe.service.Overview;
import dev.loupe.service.RandomControl;
import dev.loupe.service.SaeRow;
import dev.loupe.service.StoreView;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/** Everything in the workspace at a glance. */
@Route("")
public final class OverviewView extends Page {
    private static final int JOBS_SHOWN = 6;
    private static final int SAES_SHOWN = 12;
    private static final int PAIRS_SHOWN = 6;

    OverviewView(Workbench workbench) {
        titled("Overview");
        Overview all = workbench.overview();
        Section start = Kit.card(
                Kit.title("What does the model represent, and what does it do with it?"),
                Kit.div(
                        "line gap",
                        Kit.linkButton("/features", "Browse features", "main"),
                        Kit.linkButton("/steer", "Steer the model", ""),
                        Kit.linkButton("/patch", "Find what causes an answer", ""),
                        Kit.linkButton("/compare", "Compare seeds", "")),
                Kit.div(
                        "line gap dim",
                        Kit.text("Workspace " + workbench.workspace().root())));
        start.setId("start");
        add(
                start,
                saes(all),
                Kit.div("cols even", comparisons(workbench), jobs(all.jobs())),
                Kit.div("cols even", stores(all.stores()), models(all.models())));
        if (!all.sweeps().isEmpty()) {
            Div sweeps = Kit.div("line gap");
            all.sweeps().forEach(s -> sweeps.add(Kit.link(Links.sweep(s), s)));
            add(Kit.card(
                    Kit.heading(
                            "Sweeps",
                            "",
                            Kit.div(
                                    "end",
                                    Kit.link("/sweeps", "all " + all.sweeps().size()))),
                    sweeps));
        }
    }

    private static Component saes(Overview all) {
        if (all.saes().isEmpty()) {
            return Kit.empty(
                    "No SAEs yet",
                    "This captures activations of the embedded model on a real text, trains eight SAEs on them and indexes their features:",
                    "loupe demo");
        }
        List<SaeRow> shown = all.saes().stream()
                .sorted(Comparator.comparing((SaeRow r) -> !r.sae().indexed()) // those to look at first
                        .thenComparing(r -> RandomControl.is(r.sae().name())))
                .limit(SAES_SHOWN)
                .toList();
        Section card = Kit.card(Kit.heading("SAEs", "figures of held-out tokens"), SaeTable.of(shown));
        if (shown.size() < all.saes().size()) {
            card.add(Kit.div(
                    "gap", Kit.link("/features", "all " + Num.whole(all.saes().size()) + " SAEs")));
        }
        return card;
    }

    private static Component comparisons(Workbench workbench) {
        List<Matching> all = CompareListView.all(workbench);
        if (all.isEmpty()) {
            return Kit.empty("No comparison yet", "Which features do two seeds share?", "loupe compare SAE-s0 SAE-s1");
        }
        List<List<Component>> rows = new ArrayList<>();
        for (Matching m : all.stream().limit(PAIRS_SHOWN).toList()) {
            rows.add(List.of(
                    Kit.link(Links.compare(m.a(), m.b()), m.a() + " · " + m.b()),
                    Kit.text(Num.whole(m.shared())),
                    Kit.text(Num.percent(CompareListView.share(m, m.shared())))));
        }
        Section card = Kit.card(
                Kit.heading("Comparisons", "shared features"),
                Kit.table(List.of("pair", "shared", "share"), Set.of(1, 2), rows));
        if (rows.size() < all.size()) {
            card.add(Kit.div("gap", Kit.link("/compare", "all " + Num.whole(all.size()) + " pairs")));
        }
        return card;
    }

    private static Component stores(List<StoreView> stores) {
        if (stores.isEmpty()) {
            return Kit.empty(
                    "No activation stores yet",
                    "A store holds a model's activations on a text.",
                    "loupe capture --model builtin --text FILE --hook blocks.3.hook_resid_post --tokens 500000 --name NAME");
        }
        List<List<Component>> rows = new ArrayList<>();
        for (StoreView s : stores) {
            rows.add(List.of(
                    Kit.link("/stores", s.name()),
                    Kit.text("dim", s.problem() == null ? s.model() : s.problem()),
                    Kit.text(Num.whole(s.tokens())),
                    Kit.text(Num.whole(s.hooks().size())),
                    Kit.text(Fmt.bytes(s.bytes()))));
        }
        return Kit.card(
                Kit.heading("Activation stores", ""),
                Kit.table(List.of("store", "model", "tokens", "hooks", "size"), Set.of(2, 3, 4), rows));
    }

    private static Component models(List<ModelView> models) {
        List<List<Component>> rows = new ArrayList<>();
        for (ModelView m : models) {
            ModelConfig c = m.config();
            rows.add(List.of(
                    Kit.link("/models", m.id()),
                    Kit.text("dim", c == null ? String.valueOf(m.problem()) : c.family()),
                    Kit.text(c == null ? "–" : Num.whole(c.nLayers())),
                    Kit.text(c == null ? "–" : Num.whole(c.dModel())),
                    Kit.text(c == null ? "–" : Fmt.count(c.parameters()))));
        }
        return Kit.card(
                Kit.heading("Models", ""),
                Kit.table(List.of("model", "architecture", "layers", "d_model", "parameters"), Set.of(2, 3, 4), rows));
    }

    private static Component jobs(List<Job> jobs) {
        if (jobs.isEmpty()) {
            return Kit.empty(
                    "No jobs yet", "Captures, trainings and indexing appear here while they run.", "loupe demo");
        }
        List<List<Component>> rows = new ArrayList<>();
        jobs.stream()
                .limit(JOBS_SHOWN)
                .forEach(j -> rows.add(List.of(
                        wrapping(Kit.link("/jobs?job=" + j.id(), j.title())),
                        JobCard.state(j),
                        Kit.text(Num.when(j.created())),
                        Kit.text(JobCard.took(j)))));
        Div all = Kit.div("end", Kit.link("/jobs", "all " + jobs.size()));
        return Kit.card(
                Kit.heading("Jobs", "", all), Kit.table(List.of("what", "state", "when", "took"), Set.of(3), rows));
    }

    private static Component wrapping(Anchor link) {
        link.addClassName("wrap");
        return link;
    }
}
