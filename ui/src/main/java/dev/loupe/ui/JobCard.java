package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.component.html.Span;
import dev.loupe.base.Fmt;
import dev.loupe.service.Curve;
import dev.loupe.service.Job;
import dev.loupe.service.JobState;
import dev.loupe.ui.element.CurveChart;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One job: how far it is, how long is left, its curves, and a way to stop it. */
final class JobCard extends Section {
    private final Div head = Kit.div("line");
    private final Div stage = Kit.div("line gap");
    private final Span words = Kit.text("dim", "");
    private final Div charts = Kit.div("tiles gap");
    private final NativeButton cancel;
    private final Map<String, CurveChart> drawn = new LinkedHashMap<>();
    private final Map<String, Integer> sent = new LinkedHashMap<>();

    JobCard(String id, Runnable cancel) {
        addClassName("card");
        this.cancel = Kit.button("Cancel", "end", cancel);
        this.cancel.setAriaLabel("Cancel job " + id);
        add(head, stage, words, charts);
    }

    /** Shows the job as it stands now; of the curves only new points are sent. */
    void show(Job job, List<Curve> curves) {
        head.removeAll();
        head.add(
                Kit.title(job.title()),
                state(job),
                Kit.chip(job.by().equals("cli") ? "from a terminal" : "from the server", "", ""));
        if (!job.state().ended()) {
            head.add(cancel);
        }
        stage.removeAll();
        if (!job.state().ended()) {
            stage.add(
                    Kit.text(job.stage().isEmpty() ? "starting" : job.stage()),
                    meter(job),
                    Kit.text("num", progress(job)));
            if (job.page() != null) {
                stage.add(Kit.outside(job.page(), "Spark's page"));
            }
        } else {
            stage.add(Kit.text("dim", "took " + took(job)));
        }
        words.setText(job.text() == null ? "" : job.text());
        words.setVisible(job.text() != null);
        words.setClassName("bad", job.state() == JobState.FAILED);
        curves.forEach(this::draw);
    }

    private void draw(Curve curve) {
        String[] name = split(curve.name());
        CurveChart chart = drawn.get(name[0]);
        int known = sent.getOrDefault(curve.name(), 0);
        if (chart == null) {
            chart = new CurveChart();
            drawn.put(name[0], chart);
            chart.set(new CurveChart.Data(
                    List.of(),
                    "step",
                    name[0],
                    null,
                    null,
                    null,
                    null,
                    false,
                    name[0].contains("loss"),
                    150,
                    null,
                    null));
            charts.add(new Div(Kit.heading(name[0], Measures.curve(name[0])), chart));
        }
        for (int i = known; i < curve.steps().length; i++) {
            chart.append(name[1], curve.steps()[i], curve.values()[i]);
        }
        sent.put(curve.name(), curve.steps().length);
    }

    /** A curve's name is a measure, or SERIES/measure where a job trains several SAEs. */
    private static String[] split(String name) {
        int cut = name.lastIndexOf('/');
        return cut < 0 ? new String[] {name, name} : new String[] {name.substring(cut + 1), name.substring(0, cut)};
    }

    private static Component meter(Job job) {
        Kit.Element fill = new Kit.Element("i", null);
        Double fraction = job.fraction();
        Div meter = Kit.div("meter grow", fill);
        meter.getElement().setAttribute("role", "progressbar");
        if (fraction != null) {
            fill.getElement().getStyle().set("--w", String.valueOf(fraction));
            meter.getElement().setAttribute("aria-valuenow", String.valueOf(Math.round(100 * fraction)));
        }
        meter.getElement().setAttribute("aria-label", job.stage());
        return meter;
    }

    private static String progress(Job job) {
        List<String> parts = new ArrayList<>();
        if (job.total() > 0) {
            parts.add(Fmt.count(job.done()) + " of " + Fmt.count(job.total()) + " " + job.unit());
        } else if (job.done() > 0) {
            parts.add(Fmt.count(job.done()) + " " + job.unit());
        }
        if (job.etaSeconds() != null) {
            parts.add("about " + Fmt.duration(Duration.ofMillis(Math.round(1000 * job.etaSeconds()))) + " left");
        }
        return String.join(" · ", parts);
    }

    /** How a job stands, as a chip. */
    static Component state(Job job) {
        String kind = switch (job.state()) {
            case DONE -> "good";
            case FAILED -> "bad";
            case CANCELLED -> "warn";
            default -> "";
        };
        return Kit.chip(job.state().key(), kind, job.text() == null ? "" : job.text());
    }

    /** How long a job took, or has been running. */
    static String took(Job job) {
        Instant end = job.ended() == null ? Instant.now() : job.ended();
        return Fmt.duration(Duration.between(job.created(), end));
    }
}
