package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.component.html.Span;
import dev.loupe.service.Workbench;
import dev.loupe.steer.Dose;
import dev.loupe.steer.DoseResponse;
import dev.loupe.steer.LanguageSteering;
import dev.loupe.steer.SteerRequest;
import dev.loupe.ui.element.CurveChart;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Dose and response: the page's edits at several strengths, what they do and what they break. */
final class DoseCard extends Section {
    private static final List<Double> STRENGTHS = List.of(0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0);
    private static final int TOKENS = 24;
    private static final int PROMPTS = 8;

    private final Workbench workbench;
    private final Supplier<SteerRequest> request;
    private final Supplier<@Nullable String> target;
    private final CurveChart chart = new CurveChart();
    private final Span words = Kit.text("faint", "");
    private final Div failure = new Div();
    private final NativeButton measure = Kit.button("Measure", "small", this::start);
    private UiProgress running = new UiProgress();

    /** @param target language that the edits are meant to bring about; null if there is none */
    DoseCard(Workbench workbench, Supplier<SteerRequest> request, Supplier<@Nullable String> target) {
        this.workbench = workbench;
        this.request = request;
        this.target = target;
        addClassName("card");
        chart.setVisible(false);
        chart.setId("dose");
        measure.setId("measure-dose");
        add(Kit.heading("Dose and response", PROMPTS + " prompts", measure), chart, words, failure);
        addDetachListener(e -> running.stop());
    }

    private void start() {
        running.stop();
        UiProgress mine = new UiProgress();
        running = mine;
        failure.removeAll();
        SteerRequest now;
        try {
            now = request.get();
        } catch (NumberFormatException e) {
            failure.add(Kit.failure("Temperature, tokens and seed are numbers."));
            return;
        }
        List<String> prompts = new ArrayList<>(List.of(now.prompt()));
        prompts.addAll(LanguageSteering.PROMPTS.subList(0, PROMPTS - 1));
        String wanted = target.get();
        Dose dose = new Dose(
                now.model(),
                now.variant(),
                STRENGTHS,
                prompts,
                LanguageSteering.CHOICE_PROMPTS,
                wanted,
                TOKENS,
                now.temperature() == null ? 0 : now.temperature(),
                now.seed());
        measure.setEnabled(false);
        words.setText("measuring " + STRENGTHS.size() + " strengths …");
        Background.run(
                this,
                () -> workbench.steer().sweep(dose, mine),
                r -> {
                    measure.setEnabled(true);
                    if (running == mine) {
                        show(r, wanted);
                    }
                },
                sentence -> {
                    measure.setEnabled(true);
                    words.setText("");
                    failure.add(Kit.failure(sentence));
                });
    }

    private void show(DoseResponse r, @Nullable String wanted) {
        int n = r.points().size();
        double[] x = new double[n];
        double[] kl = new double[n];
        double[] varied = new double[n];
        double[] rate = new double[n];
        double most = 1e-9;
        for (DoseResponse.Point p : r.points()) {
            Double v = p.klNeutral();
            most = Math.max(most, v == null ? 0 : v);
        }
        for (int i = 0; i < n; i++) {
            DoseResponse.Point p = r.points().get(i);
            Double v = p.klNeutral();
            Double hit = p.targetRate();
            x[i] = p.strength();
            kl[i] = v == null ? 0 : v / most;
            varied[i] = p.distinct2();
            rate[i] = hit == null ? 0 : hit;
        }
        List<CurveChart.Series> series = new ArrayList<>();
        if (wanted != null) {
            series.add(new CurveChart.Series("in " + Num.language(wanted), x, rate));
        }
        series.add(new CurveChart.Series("KL on other text", x, kl));
        series.add(new CurveChart.Series("distinct-2", x, varied));
        chart.set(new CurveChart.Data(
                series, "× the strength above", "share", null, null, 0.0, 1.0, false, false, 170, 1.0, "now"));
        chart.setVisible(true);
        words.setText(
                (wanted == null ? "" : "share of texts in " + Num.language(wanted) + " · ") + "KL on other text, 1 = "
                        + Num.fixed(most, 2) + " nats a token · distinct-2 falls where texts repeat themselves");
    }
}
