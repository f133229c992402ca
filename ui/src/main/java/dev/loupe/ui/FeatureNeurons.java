package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.base.Progress;
import dev.loupe.diagnose.memory.NeuronCorrelation;
import dev.loupe.service.NeuronAlignment;
import dev.loupe.service.SaeView;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.BarRows;
import java.util.List;

/**
 * Which neurons belong to a latent: entries of its decoder row, and on demand MLP neurons that write its direction and those
 * that are active where it is.
 */
final class FeatureNeurons extends Section {
    private static final int SHOWN = 5;

    /** Below so many firings a correlation is a guess. */
    private static final int FEW = 20;

    private final Workbench workbench;
    private final SaeView sae;
    private final int id;
    private final Div found = Kit.div("gap");
    private final Div together = Kit.div("gap");
    private final WorkMeter meter = new WorkMeter();

    FeatureNeurons(Workbench workbench, SaeView sae, int id) {
        this.workbench = workbench;
        this.sae = sae;
        this.id = id;
        addClassName("card");
        setId("neurons");
        NeuronAlignment a = workbench.alignments().of(sae.name(), id, SHOWN, false);
        add(Kit.heading(
                a.neurons() ? "Neurons it lies along" : "Dimensions it lies along", "decoder row · share of its sum"));
        double top = a.dimensions().stream()
                .mapToDouble(d -> Math.abs(d.decoder()))
                .max()
                .orElse(0);
        List<BarRows.Row> rows = a.dimensions().stream()
                .map(d -> new BarRows.Row(
                        String.valueOf(d.dimension()),
                        null,
                        null,
                        null,
                        Num.signed(d.decoder(), 2) + " · " + Num.percent(d.share()),
                        top > 0 ? Math.abs(d.decoder()) / top : 0,
                        (a.neurons() ? "neuron " : "dimension ") + d.dimension() + " of " + a.place() + ": "
                                + Num.signed(d.decoder(), 3) + " of a decoder row of length 1"
                                + (d.encoder() == null ? "" : "; of the encoder row " + Num.signed(d.encoder(), 3))))
                .toList();
        BarRows bars = new BarRows().set(BarRows.Tone.SIGNED, false, rows, "The decoder row is zero.");
        bars.addClassName("wide");
        add(bars);
        Div buttons = Kit.div("line gap");
        if (workbench.alignments().writes(sae.name())) {
            NativeButton run = Kit.button("MLP neurons that write it", "small", () -> {});
            run.setId("neurons-run");
            run.setTitle(
                    "Cosine of the decoder row with the output weights of every MLP neuron up to the SAE's layer, multiplied"
                            + " with the gains of the norm behind the MLP where the model has one");
            run.addClickListener(e -> {
                run.setVisible(false);
                start();
            });
            buttons.add(run);
        }
        NativeButton fire = Kit.button("Neurons active with it", "small", () -> {});
        fire.setId("correlated-run");
        fire.setTitle(
                "Read text of the store and correlate the activation of every MLP neuron up to the SAE's layer with"
                        + " this feature's");
        fire.addClickListener(e -> {
            fire.setVisible(false);
            correlate(fire);
        });
        buttons.add(fire);
        add(buttons, found, meter, together);
    }

    private void correlate(NativeButton again) {
        together.removeAll();
        Progress work = meter.begin();
        Background.run(
                this,
                () -> workbench.alignments().correlated(sae.name(), id, SHOWN, 0, work),
                c -> {
                    meter.end();
                    showTogether(c);
                },
                sentence -> {
                    meter.end();
                    again.setVisible(true);
                    together.add(Kit.text("bad", sentence));
                });
    }

    private void showTogether(NeuronCorrelation c) {
        List<BarRows.Row> rows = c.neurons().stream()
                .map(n -> new BarRows.Row(
                        n.layer() + ":" + n.neuron(),
                        null,
                        Links.neuron(sae.model(), n.layer(), n.neuron()),
                        null,
                        Num.signed(n.pearson(), 2) + " \u00b7 " + Num.signed(n.cosine(), 2),
                        Math.abs(n.pearson()),
                        "neuron " + n.neuron() + " of layer " + n.layer()
                                + ": Pearson's correlation of its activation and"
                                + " the feature's " + Num.signed(n.pearson(), 3) + ", cosine "
                                + Num.signed(n.cosine(), 3)))
                .toList();
        BarRows bars = new BarRows()
                .set(BarRows.Tone.SIGNED, false, rows, "The feature fires on none of these tokens, or on all alike.");
        bars.addClassName("wide");
        together.add(
                Kit.heading("MLP neurons active with it", "layer:neuron \u00b7 Pearson \u00b7 cosine"),
                bars,
                Kit.text(
                        c.firings() < FEW ? "bad" : "faint",
                        "It fires on " + Num.whole(c.firings()) + " of " + Num.whole(c.tokens()) + " tokens ("
                                + c.text() + ")"
                                + (c.firings() < FEW ? ": too few to rely on these numbers." : ".")));
    }

    private void start() {
        found.add(Kit.text("dim", "Looking through the model\u2019s neurons…"));
        Background.run(this, () -> workbench.alignments().of(sae.name(), id, SHOWN, true), this::show, sentence -> {
            found.removeAll();
            found.add(Kit.text("bad", sentence));
        });
    }

    private void show(NeuronAlignment a) {
        found.removeAll();
        double top = a.writers().stream()
                .mapToDouble(w -> Math.abs(w.cosine()))
                .max()
                .orElse(0);
        List<BarRows.Row> rows = a.writers().stream()
                .map(w -> new BarRows.Row(
                        w.layer() + ":" + w.neuron(),
                        null,
                        Links.neuron(sae.model(), w.layer(), w.neuron()),
                        null,
                        Num.signed(w.cosine(), 2),
                        top > 0 ? Math.abs(w.cosine()) / top : 0,
                        "neuron " + w.neuron() + " of layer " + w.layer() + ": cosine of its output weights and the"
                                + " decoder row " + Num.signed(w.cosine(), 3)))
                .toList();
        BarRows bars = new BarRows().set(BarRows.Tone.SIGNED, false, rows, "No MLP writes before this place.");
        bars.addClassName("wide");
        found.add(Kit.heading("MLP neurons that write it", "layer:neuron · cosine"), bars);
    }
}
