package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.Route;
import dev.loupe.eval.ReportCard;
import dev.loupe.eval.SaeReport;
import dev.loupe.service.SaeRow;
import dev.loupe.service.SeedStability;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.Histogram;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The report card of an SAE: every figure with its definition and source, none of them joined into one score. */
@Route("saes/:name")
public final class ReportView extends Page implements BeforeEnterObserver {
    private final Workbench workbench;

    ReportView(Workbench workbench) {
        this.workbench = workbench;
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        String name = event.getRouteParameters().get("name").orElse("");
        SaeRow row = workbench.saeRow(name);
        SaeReport r = row.report();
        titled(name + ", report card");
        removeAll();
        if (row.reportProblem() != null) {
            add(Kit.notice(row.reportProblem()));
            return;
        }
        if (r == null) {
            add(Kit.empty(
                    "No report yet", "Figures of " + name + " on text that no training saw.", "loupe eval " + name));
            return;
        }
        SaeReport control = workbench.control().report(name).orElse(null);
        String beside = control == null
                ? "; the same recipe on a random model stands beside it after loupe eval " + name + " --random-control"
                : "";
        add(
                head(row, r),
                Kit.card(
                        Kit.heading("Figures", "of " + Num.whole(r.tokens()) + " held-out tokens" + beside),
                        figures(r, control, workbench.compare().stability(name).orElse(null))));
        add(density(r));
        ReportCard card = r.card();
        if (card != null) {
            add(probes(card), absorption(card));
        }
    }

    private static Section head(SaeRow row, SaeReport r) {
        Div title = Kit.div("line", Kit.title(row.sae().name()));
        title.add(
                Kit.chip(r.architecture(), "", "what its latents do"),
                Kit.chip(Num.whole(r.dSae()) + " latents", "", "d_sae"),
                Kit.chip("store " + r.store(), "", "the held-out documents are those of this store"));
        if (row.sae().indexed()) {
            title.add(Kit.link(Links.features(row.sae().name()), "features"));
        }
        return Kit.card(title, Kit.div("line gap dim", Kit.text(row.sae().place() + " of " + r.model())));
    }

    /** The figures, and the same of the control on a random model where it was made. */
    private static Component figures(SaeReport r, @Nullable SaeReport control, @Nullable SeedStability seeds) {
        List<List<Component>> rows = new ArrayList<>();
        figure(rows, r, control, "L0", x -> Num.fixed(x.l0(), 2), "mean number of active latents per token");
        figure(
                rows,
                r,
                control,
                "FVU",
                x -> Num.fixed(x.fvu(), 4),
                "Σ‖x − x̂‖² / Σ‖x − x̄‖² over all tokens at once, one mean for all");
        figure(
                rows,
                r,
                control,
                "FVU of PCA",
                x -> Num.fixed(x.pcaFvu(), 4),
                "as many principal axes as L0, rounded, fitted on training tokens: what an SAE has to beat");
        figure(
                rows,
                r,
                control,
                "FVU, mean of tokens",
                x -> x.card() == null ? null : Num.fixed(x.card().fvuOfTokens(), 4),
                "mean of ‖x − x̂‖² / ‖x − x̄‖² (\"legacy\" of SAELens and SAEBench)");
        figure(
                rows,
                r,
                control,
                "explained variance",
                x -> Num.fixed(x.explainedVariance(), 4),
                "1 − Σ Var(e) / Σ Var(x), which forgives a constant error (dictionary_learning)");
        figure(rows, r, control, "cosine", x -> Num.fixed(x.cosine(), 4), "mean cosine of x and x̂");
        figure(
                rows,
                r,
                control,
                "shrinkage γ",
                x -> Num.fixed(x.shrinkage(), 4),
                "E‖x̂‖² / E[x·x̂]: 1 is unbiased, below 1 is shrinkage (arXiv 2404.16014)");
        losses(rows, r, control);
        figure(
                rows,
                r,
                control,
                "dead",
                x -> Num.percent(x.deadFraction()),
                "latents that are active on none of these tokens");
        figure(
                rows,
                r,
                control,
                "dormant",
                x -> x.card() == null ? null : Num.percent(x.card().dormant()),
                "mean activation at most 0.025 of the mean of all latents (arXiv 2302.12902)");
        figure(
                rows,
                r,
                control,
                "above 10 % of tokens",
                x -> Num.percent((double) x.dense() / x.dSae()),
                "latents that are active on more than a tenth of the tokens (arXiv 2407.14435)");
        if (seeds != null) {
            rows.add(stability(seeds));
        }
        Div table = Kit.table(List.of("figure", "here", "random model", "what it is"), Set.of(1, 2), rows);
        table.addClassName("defined");
        return table;
    }

    /** How well other seeds have the same latents. */
    private static List<Component> stability(SeedStability s) {
        double sum = 0;
        int everywhere = 0;
        for (int i = 0; i < s.score().length; i++) {
            sum += s.score()[i];
            everywhere += s.found()[i] == s.others() ? 1 : 0;
        }
        int n = Math.max(1, s.score().length);
        return List.of(
                Kit.text("seed stability"),
                Kit.text(Num.fixed(sum / n, 3)),
                Kit.text("faint", "–"),
                Kit.text(
                        "dim wrap",
                        "mean of the smaller of decoder and encoder cosine with a latent's counterpart in "
                                + (s.others() == 1 ? "the other seed" : "each of " + s.others() + " other seeds")
                                + " it was compared with; " + Num.percent((double) everywhere / n)
                                + " of the latents are in all of them (arXiv 2501.16615)"));
    }

    private static void losses(List<List<Component>> rows, SaeReport r, @Nullable SaeReport control) {
        figure(
                rows,
                r,
                control,
                "ΔCE, nats",
                x -> x.loss() == null ? null : Num.signed(x.loss().deltaCe(), 4),
                "rise of the model's loss with x̂ in place of x"
                        + (r.loss() == null ? "" : over(r.loss().tokens())));
        figure(
                rows,
                r,
                control,
                "loss recovered",
                x -> x.loss() == null ? null : Num.percent(x.loss().lossRecoveredZero()),
                "(CE_zero − CE) / (CE_zero − CE_clean), zeros in place of x, the same predictions (SAEBench)");
        figure(
                rows,
                r,
                control,
                "loss recovered, mean",
                x -> x.loss() == null ? null : Num.percent(x.loss().lossRecoveredMean()),
                "the same with the mean of x in place of x, which is the harder baseline");
        figure(
                rows,
                r,
                control,
                "KL score",
                x -> x.card() == null || x.card().kl() == null
                        ? null
                        : Num.percent(x.card().kl().score()),
                "(KL_zero − KL) / KL_zero, KL(clean ‖ spliced) per predicted token (SAEBench)"
                        + (r.card() == null || r.card().kl() == null
                                ? ""
                                : over(r.card().kl().tokens())));
    }

    private static String over(long predictions) {
        return ", over " + Num.whole(predictions) + " predictions";
    }

    private static void figure(
            List<List<Component>> rows,
            SaeReport r,
            @Nullable SaeReport control,
            String name,
            Function<SaeReport, @Nullable String> value,
            String definition) {
        String here = value.apply(r);
        if (here != null) {
            String there = control == null ? null : value.apply(control);
            rows.add(List.of(
                    Kit.text(name),
                    Kit.text(here),
                    Kit.text("faint", there == null ? "–" : there),
                    Kit.text("dim wrap", definition)));
        }
    }

    private static Section density(SaeReport r) {
        SaeReport.Density d = r.density();
        Histogram histogram = new Histogram();
        histogram.set(new Histogram.Data(
                Arrays.stream(d.counts()).asLongStream().toArray(),
                d.edges()[0],
                d.edges()[d.edges().length - 1],
                false,
                true,
                "latents",
                "accent",
                150,
                "Latents by the share of tokens on which they are active",
                false));
        return Kit.card(
                Kit.heading(
                        "Density",
                        "latents by the share of tokens on which they fire; " + Num.whole(d.never()) + " never"),
                histogram);
    }

    private static Section probes(ReportCard card) {
        if (card.probes().isEmpty()) {
            return Kit.card(Kit.heading("Probes on labels", "not measured: " + card.probesMissing()));
        }
        List<List<Component>> rows = new ArrayList<>();
        for (ReportCard.Probe p : card.probes()) {
            List<Component> row = new ArrayList<>();
            row.add(Kit.text(p.label()));
            for (double[] a : List.of(p.latents(), p.residual(), p.neurons())) {
                row.add(Kit.text(share(a, 0)));
                row.add(Kit.text(share(a, 2)));
            }
            row.add(Kit.text(Num.percent(p.full())));
            row.add(Kit.text("dim", "#" + p.best()[0]));
            rows.add(row);
        }
        return Kit.card(
                Kit.heading(
                        "k-sparse probes on the labels of documents",
                        "balanced accuracy on " + card.probes().getFirst().test()
                                + " held-out documents; chance is 50 % (arXiv 2305.01610, SAEBench)"),
                Kit.table(
                        List.of(
                                "label",
                                "1 latent",
                                "5 latents",
                                "1 coordinate",
                                "5 coordinates",
                                "1 neuron",
                                "5 neurons",
                                "whole activation",
                                "best latent"),
                        Set.of(1, 2, 3, 4, 5, 6, 7),
                        rows));
    }

    private static String share(double @Nullable [] values, int at) {
        return values == null || values.length <= at ? "–" : Num.percent(values[at]);
    }

    private static Section absorption(ReportCard card) {
        String what =
                "share of a probe's projection that latents other than the main ones supply on tokens that the probe gets"
                        + " right (arXiv 2409.14507; SAEBench's table 8)";
        if (card.absorption().isEmpty()) {
            return Kit.card(
                    Kit.heading("Feature absorption", String.valueOf(card.absorptionMissing())), Kit.text("dim", what));
        }
        List<List<Component>> rows = new ArrayList<>();
        for (ReportCard.Absorbed a : card.absorption()) {
            rows.add(List.of(
                    Kit.text(a.task()),
                    Kit.text(Num.fixed(a.f1(), 3)),
                    Kit.text(Arrays.toString(a.main()).replaceAll("[\\[\\]]", "")),
                    Kit.text(Num.percent(a.score())),
                    Kit.text(Num.whole(a.absorbed()) + " of " + Num.whole(a.tokens()))));
        }
        return Kit.card(
                Kit.heading("Feature absorption", what),
                Kit.table(
                        List.of("task", "F1 of the probe", "main latents", "absorbed", "tokens"),
                        Set.of(1, 3, 4),
                        rows));
    }
}
