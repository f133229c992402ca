package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.service.NeuronAlignment;
import dev.loupe.service.SaeView;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.BarRows;
import java.util.List;

/** Which neurons a latent lies along: entries of its decoder row, and on demand MLP neurons that write its direction. */
final class FeatureNeurons extends Section {
    private static final int SHOWN = 5;

    private final Workbench workbench;
    private final SaeView sae;
    private final int id;
    private final Div found = Kit.div("gap");

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
        if (workbench.alignments().writes(sae.name())) {
            NativeButton run = Kit.button("MLP neurons that write it", "small", () -> {});
            run.setId("neurons-run");
            run.setTitle("Cosine of the decoder row with the output weights of every MLP neuron up to the SAE's layer");
            run.addClickListener(e -> {
                run.setVisible(false);
                start();
            });
            add(Kit.div("gap", run), found);
        }
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
