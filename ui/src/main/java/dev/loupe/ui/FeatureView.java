package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.QueryParameters;
import com.vaadin.flow.router.Route;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.feature.LabelScore;
import dev.loupe.feature.Moments;
import dev.loupe.service.Counterpart;
import dev.loupe.service.SaeView;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.Histogram;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/** One latent: what it fires on, how strongly, where, what it promotes, and its relatives. */
@Route("features/:sae/:id([0-9]+)")
public final class FeatureView extends Page implements BeforeEnterObserver {
    /** What the address keeps. */
    private static final List<String> KEPT = List.of("band", "context", "breaks", "text");

    private final Workbench workbench;
    private final Map<String, String> state = new LinkedHashMap<>();

    FeatureView(Workbench workbench) {
        this.workbench = workbench;
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        String name = event.getRouteParameters().get("sae").orElse("");
        int id = Integer.parseInt(
                event.getRouteParameters().get("id").map(FeatureView::small).orElse("0"));
        QueryParameters query = event.getLocation().getQueryParameters();
        SaeView sae = workbench.saes().get(name);
        FeatureDetail f = workbench.closeUps().detail(name, id);
        workbench.closeUps().ahead(name, id + 1, id - 1, id + 2);
        List<Counterpart> counterparts = workbench.counterparts().everywhere(name, id);
        titled(id + " · " + name);
        removeAll();
        KEPT.forEach(k -> state.put(k, parameter(query, k)));
        Histogram histogram = new Histogram();
        FeatureExamples examples = new FeatureExamples(workbench, name, f, state, histogram, this::remember);
        FeatureAblation ablation = new FeatureAblation(workbench, name, f, () -> state.getOrDefault("text", ""));
        FeatureTest test =
                new FeatureTest(workbench, sae, f.summary(), parameter(query, "text"), text -> remember("text", text));
        Div side = Kit.div(
                "stack",
                test,
                new FeatureLabels(workbench, name, f),
                new FeatureLogits(workbench, name, f),
                FeatureParts.labels(f),
                FeatureParts.tokens(f),
                FeatureParts.positions(f),
                new FeatureNotes(workbench, name, id));
        Div relatives = Kit.div("relatives", FeatureParts.neighbours(name, f));
        FeatureParts.coactive(name, f).ifPresent(relatives::add);
        relatives.add(
                FeatureCounterparts.of(workbench, name, id, counterparts), new FeatureNeurons(workbench, sae, id));
        workbench.features().warning(name).map(Kit::notice).ifPresent(this::add);
        add(
                head(sae, f, counterparts),
                Kit.div("cols", Kit.div("stack", strength(f, histogram), examples, ablation, relatives), side));
    }

    /** Numbers too long for any SAE stay within int. */
    private static String small(String digits) {
        return digits.length() > 9 ? "999999999" : digits;
    }

    private void remember(String key, String value) {
        state.put(key, value);
        UI ui = UI.getCurrent();
        remember(ui, ui.getActiveViewLocation().getPath(), state);
    }

    private Section head(SaeView sae, FeatureDetail f, List<Counterpart> counterparts) {
        FeatureSummary s = f.summary();
        Div way = Kit.div(
                "line tight dim",
                Kit.link("/models", sae.model()),
                Kit.text("faint", "›"),
                Kit.text(sae.place()),
                Kit.text("faint", "›"),
                Kit.link(Links.features(sae.name()), sae.name()));
        Div name = Kit.div("line base", Kit.title(s.id() + " · " + s.label()));
        name.getStyle().set("margin", "8px 0 4px");
        LabelScore score = f.score();
        if (score != null) {
            double accuracy = score.balancedAccuracy();
            name.add(Kit.chip(
                    "label " + Num.fixed(accuracy, 2) + " held out",
                    accuracy >= 0.8 ? "good" : accuracy < 0.65 ? "warn" : "",
                    "balanced accuracy of the label's rule on " + Num.whole(score.tokens()) + " held-out tokens, "
                            + Num.whole(score.firings()) + " of which fire; 0.5 is chance. It covers "
                            + Num.percent(score.coverage()) + " of these firings."));
        }
        name.add(Kit.chip(
                s.rule().meaning(),
                "",
                "how this label was made: by a rule, from token statistics of training documents"));
        if (s.dead()) {
            name.add(Kit.chip("dead", "bad", "active on no token of the store"));
        }
        Div facts = Kit.facts(
                Kit.fact(
                        Num.percent(s.density()),
                        "of tokens",
                        "share of all tokens of the store on which it is active: " + Num.whole(s.fired())),
                Kit.fact(Num.activation(s.max()), "strongest", "largest activation in the store"),
                Kit.fact(
                        Num.activation(s.mean()),
                        "mean when active",
                        "mean activation over the tokens on which it is active"),
                Kit.fact(
                        Num.fixed(s.encDecCosine(), 2),
                        "encoder · decoder cosine",
                        "cosine of its encoder row and its decoder row"),
                Kit.fact(
                        Num.fixed(s.tokenR2(), 2),
                        "token R²",
                        "held-out share of its variance that the current token alone predicts: near 1 the token says"
                                + " it all, near 0 the context does"),
                Kit.fact(
                        s.labelEntropy() == null ? "–" : Num.fixed(Math.exp(s.labelEntropy()), 1),
                        "languages, effective",
                        "exp of the entropy of its firing rates by document label: 1 where it fires under one label"
                                + " only"),
                Kit.fact(
                        Num.whole(f.documents()),
                        f.documents() == 1 ? "document" : "documents",
                        "documents in which it fires"));
        FeatureCounterparts.foundIn(counterparts).ifPresent(facts::add);
        facts.add(Kit.div(
                "end", Kit.key(Kit.linkButton(Links.steer(sae.name(), s.id()), "Steer with this", "main"), "s")));
        return Kit.card(
                Kit.div(
                        "line",
                        way,
                        Kit.div("end line", FeatureSeeds.of(workbench, sae, counterparts), pager(sae, s.id()))),
                name,
                Kit.div("gap", facts));
    }

    /** Previous, next, a field to go to any number, and a feature by chance. */
    private Component pager(SaeView sae, int id) {
        Div d = Kit.div("line tight dim");
        if (id > 0) {
            d.add(step(sae, id - 1, "k", true));
        }
        Input go = Fields.number(String.valueOf(id), "0", String.valueOf(sae.dSae() - 1), "1");
        go.setAriaLabel("Go to feature");
        go.getElement().setAttribute("title", "Go to a feature by its number (g)");
        go.addClassName("goto");
        go.getElement().setAttribute("data-key", "g");
        go.getElement()
                .addEventListener("keydown", e -> {
                    String wanted =
                            e.getEventData().path("element.value").asString("").strip();
                    if (wanted.matches("[0-9]{1,9}") && Integer.parseInt(wanted) < sae.dSae()) {
                        UI.getCurrent().navigate("features/" + sae.name() + "/" + Integer.parseInt(wanted));
                    }
                })
                .setFilter("event.key === 'Enter'")
                .addEventData("element.value");
        d.add(go);
        if (id + 1 < sae.dSae()) {
            d.add(step(sae, id + 1, "j", false));
        }
        Anchor any = Kit.link(Links.feature(sae.name(), any(sae)), "");
        any.addClassNames("dim", "only-wide");
        any.setAriaLabel("A feature by chance");
        any.setTitle("A feature by chance, of those that ever fire");
        any.add(Kit.text("any "), Kit.kbd("r"));
        any.getElement().setAttribute("data-key", "r");
        d.add(any);
        return d;
    }

    /** A feature that fires, by chance; after a few tries any. */
    private int any(SaeView sae) {
        FeatureIndex index = workbench.features().index(sae.name());
        int id = ThreadLocalRandom.current().nextInt(index.size());
        for (int tries = 0; tries < 20 && index.summary(id).dead(); tries++) {
            id = ThreadLocalRandom.current().nextInt(index.size());
        }
        return id;
    }

    private static Anchor step(SaeView sae, int id, String key, boolean keyFirst) {
        Anchor a = Kit.link(Links.feature(sae.name(), id), "");
        a.addClassName("dim");
        a.setAriaLabel((keyFirst ? "Previous feature " : "Next feature ") + id);
        a.add(keyFirst ? Kit.kbd(key) : Kit.text(id + " "), keyFirst ? Kit.text(" " + id) : Kit.kbd(key));
        a.getElement().setAttribute("data-key", key);
        return a;
    }

    private static Section strength(FeatureDetail f, Histogram h) {
        long[] counts = f.histogram().counts();
        double[] edges = f.histogram().edges();
        Section card = Kit.card(Kit.heading(
                "How strongly it fires",
                "log count · " + Num.whole(f.histogram().tokens())
                        + " tokens · point at a bar or at an example's token to find the other"));
        if (counts.length == 0) {
            card.add(Kit.text("dim", "It fires on no token of the store."));
            return card;
        }
        h.set(new Histogram.Data(
                counts,
                Math.log10(edges[0]),
                Math.log10(edges[counts.length]),
                true,
                true,
                "tokens",
                "act",
                150,
                null,
                true));
        card.add(h);
        Moments m = f.moments();
        if (m != null) {
            card.add(Kit.facts(
                    moment(m.std(), "std when active", "standard deviation over the tokens on which it is active"),
                    moment(m.skewness(), "skewness", "over the tokens on which it is active; 0 for a symmetric law"),
                    moment(m.kurtosis(), "kurtosis", "over the tokens on which it is active; 3 for a normal law"),
                    moment(m.meanAll(), "mean of all tokens", "E[a], tokens on which it is not active count 0"),
                    moment(m.meanSquareAll(), "mean square", "E[a²] over all tokens")));
        }
        return card;
    }

    private static Div moment(double value, String name, String definition) {
        Div fact = Kit.fact(Num.activation(value), name, definition);
        fact.addClassName("small");
        return fact;
    }
}
