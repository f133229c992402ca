package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.dependency.JsModule;
import com.vaadin.flow.component.grid.ColumnTextAlign;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridSortOrder;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.data.provider.CallbackDataProvider;
import com.vaadin.flow.data.provider.Query;
import com.vaadin.flow.data.provider.SortDirection;
import com.vaadin.flow.data.renderer.LitRenderer;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.QueryParameters;
import com.vaadin.flow.router.Route;
import dev.loupe.eval.SaeReport;
import dev.loupe.feature.FeatureGroup;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.service.FeaturePage;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.SaeRow;
import dev.loupe.service.SeedStability;
import dev.loupe.service.Workbench;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** All features of an SAE: sorted and filtered by the service, fetched a page at a time. */
@Route("features/:sae")
@JsModule("context://js/ahead.js")
public final class FeatureListView extends Page implements BeforeEnterObserver {
    /** What there is most to find out about comes first, not what fires all the time. */
    private static final String FIRST_ORDER = "contextual";

    /** Rows fetched at a time: the script that reads ahead asks for as many pages as the movement needs. */
    private static final int PAGE = 60;

    private final Workbench workbench;
    private final Map<String, String> state = new LinkedHashMap<>();
    private final Span found = Kit.text("dim num", "");
    private final Grid<FeatureSummary> grid = new Grid<>();
    private String sae = "";
    private @Nullable SeedStability stability;
    private Consumer<String> choose = key -> {};

    FeatureListView(Workbench workbench) {
        this.workbench = workbench;
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        sae = event.getRouteParameters().get("sae").orElse("");
        QueryParameters q = event.getLocation().getQueryParameters();
        for (String key : List.of("q", "lang", "group", "seeds", "sort", "dir", "dead", "picture", "y", "colour")) {
            state.put(key, parameter(q, key));
        }
        SaeRow row = workbench.saeRow(sae);
        titled(sae);
        removeAll();
        add(head(row), new SaePictures(workbench, row, state, (key, value) -> {
            state.put(key, value);
            remember(UI.getCurrent(), "features/" + sae, state);
        }));
        if (!row.sae().indexed()) {
            add(Kit.empty(
                    "No feature index yet",
                    "The index holds examples, histograms and labels of every feature.",
                    "loupe index " + sae));
            return;
        }
        workbench.features().warning(sae).map(Kit::notice).ifPresent(this::add);
        stability = workbench
                .compare()
                .stability(sae)
                .filter(s -> s.score().length == row.sae().dSae())
                .orElse(null);
        columns();
        sorted();
        fill();
        FeatureGroups builtIn = new FeatureGroups(workbench.controls().groups(sae), sae, group(), key -> {
            choose.accept(key);
            set("group", key);
        });
        Section list = Kit.card(filters(builtIn), grid);
        list.setId("features");
        add(builtIn, list);
    }

    private Section head(SaeRow row) {
        SaeReport r = row.report();
        Section card = Kit.card(
                Kit.div(
                        "line tight dim",
                        Kit.link("/models", row.sae().model()),
                        Kit.text("faint", "›"),
                        Kit.text(row.sae().place()),
                        Kit.text("faint", "›"),
                        FeaturesView.back()),
                Kit.div(
                        "line base",
                        Kit.title(sae),
                        Kit.chip(row.sae().architecture(), "", "architecture"),
                        Kit.chip("seed " + row.sae().seed(), "", "seed of the initial weights")));
        Div facts = Kit.facts(
                Kit.fact(Num.whole(row.sae().dSae()), "d_sae", "number of latents"),
                Kit.fact(Num.whole(row.sae().dIn()), "d_in", "width of the activations it reads"));
        if (r == null) {
            card.add(Kit.div("gap", facts), Kit.div("gap dim", Kit.text("Not evaluated yet: loupe eval " + sae)));
            return card;
        }
        facts.add(
                Kit.fact(
                        Num.fixed(r.l0(), 1),
                        "L0",
                        "mean number of active latents per token, over " + Num.whole(r.tokens()) + " held-out tokens"),
                Kit.fact(Num.fixed(r.fvu(), 3), "FVU", "fraction of variance unexplained on held-out tokens"),
                Kit.fact(
                        Num.fixed(r.pcaFvu(), 3),
                        "FVU of PCA, rank " + r.pcaRank(),
                        "principal components of that rank on the same rows"),
                Kit.fact(
                        Num.percent(r.deadFraction()),
                        "dead",
                        Num.whole(r.dead()) + " latents are active on no held-out token"));
        SaeReport.Loss loss = r.loss();
        if (loss != null) {
            facts.add(
                    Kit.fact(
                            Num.signed(loss.deltaCe(), 3),
                            "ΔCE, nats",
                            "loss with the reconstruction in place, less the model's own: "
                                    + Num.fixed(loss.ceClean(), 3) + " → " + Num.fixed(loss.ceSpliced(), 3)),
                    Kit.fact(
                            Num.percent(loss.lossRecoveredZero()),
                            "loss recovered",
                            "against zero-ablation; against mean-ablation " + Num.percent(loss.lossRecoveredMean())));
        }
        card.add(Kit.div("gap", facts));
        return card;
    }

    private Div filters(FeatureGroups builtIn) {
        Input text = Fields.line(state.getOrDefault("q", ""));
        text.setPlaceholder("Filter by label, token or number");
        text.setAriaLabel("Filter");
        text.setId("filter");
        text.getElement()
                .addEventListener(
                        "input",
                        e -> set("q", e.getEventData().path("element.value").asString("")))
                .addEventData("element.value")
                .debounce(250);
        Map<String, String> languages = new LinkedHashMap<>();
        languages.put("", "all languages");
        workbench.features().topLabels(sae).forEach(l -> languages.put(l, Num.language(l)));
        Fields.Choice language = new Fields.Choice(languages, state.getOrDefault("lang", ""), v -> set("lang", v));
        language.getElement().setAttribute("aria-label", "Language it fires on most");
        language.setId("language");
        Map<String, String> groups = new LinkedHashMap<>();
        groups.put("", "all kinds");
        for (FeatureGroup g : FeatureGroup.values()) {
            groups.put(g.key(), g.title());
        }
        Fields.Choice group = new Fields.Choice(groups, group(), v -> {
            builtIn.press(v);
            set("group", v);
        });
        choose = group::choose;
        group.getElement().setAttribute("aria-label", "Kind of feature");
        group.getElement()
                .setAttribute(
                        "title",
                        Stream.of(FeatureGroup.values())
                                .map(g -> g.title() + ": " + g.meaning())
                                .collect(Collectors.joining("\n")));
        group.setId("group");
        Fields.Toggles dead = new Fields.Toggles(
                Map.of("1", "show dead"),
                List.of(state.getOrDefault("dead", "")),
                v -> set("dead", v.isEmpty() ? "" : "1"));
        Div choices = Kit.div("filters", text, language, group);
        if (stability != null) {
            Map<String, String> names = new LinkedHashMap<>();
            names.put("", "any seeds");
            names.put("all", "in all " + (stability.others() + 1) + " seeds");
            if (stability.others() > 1) {
                names.put("some", "in some seeds");
            }
            names.put("none", "in this seed only");
            Fields.Choice seeds = new Fields.Choice(names, seeds(), v -> set("seeds", v));
            seeds.getElement().setAttribute("aria-label", "Found in other seeds");
            seeds.setId("seeds");
            choices.add(seeds);
        }
        choices.add(dead, found);
        choices.getStyle().set("margin-bottom", "8px");
        return choices;
    }

    private void set(String key, String value) {
        state.put(key, value);
        remember(UI.getCurrent(), "features/" + sae, state);
        grid.getDataProvider().refreshAll();
        count();
    }

    private void columns() {
        grid.removeAllColumns();
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        grid.setHeight("640px");
        grid.setPageSize(PAGE);
        grid.getElement().executeJs("window.loupeAhead(this)");
        grid.addColumn(LitRenderer.<FeatureSummary>of("<a href=\"${item.href}\" router-link>${item.id}</a>")
                        .withProperty("href", f -> Links.feature(sae, f.id()))
                        .withProperty("id", FeatureSummary::id))
                .setHeader("feature")
                .setKey("id")
                .setSortProperty("id")
                .setFlexGrow(0)
                .setWidth("84px");
        grid.addColumn(LitRenderer.<FeatureSummary>of(
                                "<a href=\"${item.href}\" router-link class=\"ink\">${item.label}</a>")
                        .withProperty("href", f -> Links.feature(sae, f.id()))
                        .withProperty("label", FeatureSummary::label))
                .setHeader("label")
                .setKey("label")
                .setSortProperty("label")
                .setFlexGrow(4)
                .setWidth("200px");
        number("density", "of tokens", f -> Num.percent(f.density()));
        number("max", "strongest", f -> Num.activation(f.max()));
        number("mean", "mean", f -> Num.activation(f.mean()));
        grid.addColumn(FeatureSummary::topToken)
                .setHeader("top token")
                .setKey("top_token")
                .setSortProperty("top_token")
                .setFlexGrow(1)
                .setWidth("100px")
                .setPartNameGenerator(f -> "mono");
        grid.addColumn(f -> f.dead() ? "" : Num.language(f.topLabel()) + " " + Num.percent(f.topLabelShare()))
                .setHeader("fires most on")
                .setKey("top_label_share")
                .setSortProperty("top_label_share")
                .setFlexGrow(1)
                .setWidth("136px");
        number("label_score", "score", f -> Num.fixed(f.labelScore(), 2));
        number("token_r2", "token R²", f -> Num.fixed(f.tokenR2(), 2));
        number("contextual", "context", f -> Num.fixed(f.contextual(), 2));
        if (stability != null) {
            SeedStability s = stability;
            number(
                    "stability",
                    "seeds",
                    f -> s.found()[f.id()] + "/" + s.others() + " · " + Num.fixed(s.score()[f.id()], 2));
        }
        if (stability == null) { // one column less than would not fit a small screen
            number("enc_dec_cosine", "enc · dec", f -> Num.fixed(f.encDecCosine(), 2));
        }
        grid.addItemClickListener(e -> e.getSource()
                .getUI()
                .ifPresent(
                        ui -> ui.navigate("features/" + sae + "/" + e.getItem().id())));
    }

    private void number(String key, String name, com.vaadin.flow.function.ValueProvider<FeatureSummary, String> value) {
        grid.addColumn(value)
                .setHeader(name)
                .setKey(key)
                .setSortProperty(key)
                .setTextAlign(ColumnTextAlign.END)
                .setFlexGrow(0)
                .setWidth("97px");
    }

    /** Takes the order from the address; most contextual first if it says nothing. */
    private void sorted() {
        String by = FeatureQuery.SORTS.contains(state.getOrDefault("sort", ""))
                ? state.getOrDefault("sort", "")
                : FIRST_ORDER;
        boolean up = "asc".equals(state.get("dir"));
        Grid.Column<FeatureSummary> column = grid.getColumnByKey(by);
        if (column != null) {
            grid.sort(List.of(new GridSortOrder<>(column, up ? SortDirection.ASCENDING : SortDirection.DESCENDING)));
        }
        grid.addSortListener(e -> {
            if (e.isFromClient()) {
                boolean any = !e.getSortOrder().isEmpty();
                state.put("sort", any ? e.getSortOrder().getFirst().getSorted().getKey() : "");
                state.put(
                        "dir",
                        any && e.getSortOrder().getFirst().getDirection() == SortDirection.ASCENDING ? "asc" : "");
                remember(UI.getCurrent(), "features/" + sae, state);
            }
        });
    }

    private void fill() {
        CallbackDataProvider<FeatureSummary, Void> data =
                new CallbackDataProvider<>(this::fetch, q -> page(q, 0, 1).total());
        grid.setDataProvider(data);
        count();
    }

    private Stream<FeatureSummary> fetch(Query<FeatureSummary, Void> q) {
        return page(q, q.getOffset(), q.getLimit()).features().stream();
    }

    private FeaturePage page(Query<FeatureSummary, Void> q, int offset, int limit) {
        String sort = q.getSortOrders().isEmpty()
                ? FIRST_ORDER
                : q.getSortOrders().getFirst().getSorted();
        boolean down =
                q.getSortOrders().isEmpty() || q.getSortOrders().getFirst().getDirection() == SortDirection.DESCENDING;
        return workbench.features().list(sae, query().sortedBy(sort, down).page(offset, limit));
    }

    private FeatureQuery query() {
        return FeatureQuery.all()
                .filtered(state.getOrDefault("q", ""), state.getOrDefault("lang", ""))
                .grouped(group())
                .inSeeds(stability == null ? "" : seeds())
                .withDead("1".equals(state.get("dead")));
    }

    private void count() {
        FeaturePage p = workbench.features().list(sae, query().page(0, 1));
        found.setText(Num.whole(p.total()) + " of " + Num.whole(p.dSae()) + " features");
    }

    private String seeds() {
        String wanted = state.getOrDefault("seeds", "");
        return FeatureQuery.SEEDS.contains(wanted) ? wanted : "";
    }

    /** The kind that the address asks for; an unknown one is no reason to show nothing. */
    private String group() {
        String key = state.getOrDefault("group", "");
        return Stream.of(FeatureGroup.values()).anyMatch(g -> g.key().equals(key)) ? key : "";
    }
}
