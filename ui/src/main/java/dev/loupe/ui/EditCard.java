package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.base.LoupeException;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.service.Workbench;
import dev.loupe.steer.Edit;
import dev.loupe.steer.EditOp;
import dev.loupe.steer.Unit;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One edit: what is changed, how, how much and where. */
final class EditCard extends Section {
    private final @Nullable FeatureSummary feature;
    private final Runnable changed;
    private final Div words = Kit.div("words");
    private final Input slider = new Input();
    private final Input exact;
    private final Div strength;
    private Edit edit;

    EditCard(Workbench workbench, Edit edit, Runnable changed, Consumer<EditCard> removed) {
        this.edit = edit;
        this.changed = changed;
        this.feature = summary(workbench, edit);
        addClassName("card");
        exact = Fields.number(plain(edit.strength()), "-1000", "1000", "0.05");
        exact.setAriaLabel("Strength");
        exact.addValueChangeListener(e -> {
            if (e.isFromClient()) { // showing a value is not changing it: the slider ends somewhere
                strength(e.getValue());
            }
        });
        slider.setType("range");
        slider.setAriaLabel("Strength in multiples of the feature's largest activation");
        slider.getElement().setAttribute("min", "-1");
        slider.getElement().setAttribute("max", "1");
        slider.getElement().setAttribute("step", "0.005");
        slider.addValueChangeListener(e -> {
            if (e.isFromClient()) { // showing a value is not changing it: the slider ends somewhere
                slid(e.getValue());
            }
        });
        strength = Kit.div("strength", Kit.text("dim", "−16"), slider, Kit.text("dim", "+16"), exact);
        NativeButton remove = Kit.button("×", "small end", () -> removed.accept(this));
        remove.setAriaLabel("Remove this edit");
        add(title(remove), strength, words, Kit.div("edit-how gap", ops(), positions(), units()));
        show();
    }

    Edit edit() {
        return edit;
    }

    /** The language that the feature fires in, if it is nearly its own; else null. */
    @Nullable String language() {
        FeatureSummary f = feature;
        return f != null && f.topLabel().length() == 2 && f.topLabelShare() >= 0.5 ? f.topLabel() : null;
    }

    /** An edit as the command line and the address write it. */
    static String text(Edit e) {
        String target = e.feature() != null
                ? e.feature()
                : e.neuron() != null ? "neuron:" + e.neuron() : "vector:" + e.vector();
        StringBuilder s = new StringBuilder(target).append(':').append(e.op());
        boolean elsewhere = !e.positions().equals("all");
        if (e.strength() != null || e.unit() != null || elsewhere) {
            s.append(':').append(plain(e.strength()));
        }
        if (e.unit() != null || elsewhere) {
            s.append(':').append(e.unit() == null ? "" : e.unit());
        }
        if (elsewhere) {
            s.append(':').append(e.positions());
        }
        return s.toString();
    }

    private static String plain(@Nullable Double v) {
        if (v == null) {
            return "";
        }
        return v == Math.rint(v) && Math.abs(v) < 1e9
                ? String.format(Locale.ROOT, "%.0f", v)
                : String.valueOf(v.doubleValue());
    }

    private static @Nullable FeatureSummary summary(Workbench workbench, Edit edit) {
        String target = edit.feature();
        if (target == null) {
            return null;
        }
        try {
            int cut = target.lastIndexOf(':');
            return workbench
                    .features()
                    .index(target.substring(0, cut))
                    .summary(Integer.parseInt(target.substring(cut + 1)));
        } catch (LoupeException | NumberFormatException e) {
            return null;
        }
    }

    private com.vaadin.flow.component.html.H2 title(NativeButton remove) {
        String target = edit.feature();
        if (target == null) {
            String name = edit.neuron() != null ? "neuron " + edit.neuron() : "vector " + edit.vector();
            return Kit.heading(name, "", remove);
        }
        int cut = target.lastIndexOf(':');
        String sae = target.substring(0, cut);
        String id = target.substring(cut + 1);
        com.vaadin.flow.component.html.H2 h = new com.vaadin.flow.component.html.H2();
        h.add(
                Kit.link("/features/" + sae + "/" + id, id),
                Kit.text("ink", feature == null ? "" : feature.label()),
                Kit.text("why", sae),
                remove);
        return h;
    }

    private Fields.Choice ops() {
        Map<String, String> all = new LinkedHashMap<>();
        for (EditOp op : EditOp.values()) {
            all.put(op.key(), op.key());
        }
        Fields.Choice c = new Fields.Choice(all, edit.op(), v -> {
            EditOp op = EditOp.of(v);
            Double s = op.needsStrength() ? (edit.strength() == null ? 1.0 : edit.strength()) : null;
            replace(new Edit(
                    edit.feature(),
                    edit.neuron(),
                    edit.vector(),
                    v,
                    s,
                    op.hasUnit() ? edit.unit() : null,
                    edit.positions(),
                    edit.specials()));
        });
        c.getElement().setAttribute("aria-label", "Operation");
        return c;
    }

    private Fields.Choice positions() {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("all", "all tokens");
        all.put("prompt", "prompt only");
        all.put("generated", "generated only");
        all.putIfAbsent(edit.positions(), edit.positions());
        Fields.Choice c = new Fields.Choice(all, edit.positions(), v -> replace(edit.withPositions(v)));
        c.getElement().setAttribute("aria-label", "Positions");
        return c;
    }

    private Fields.Choice units() {
        Map<String, String> all = new LinkedHashMap<>();
        if (edit.feature() != null) {
            all.put("max", "× its maximum");
        }
        all.put("norm", "× ‖h‖");
        all.put("absolute", "absolute");
        String now = edit.unit() != null ? edit.unit() : edit.feature() != null ? "max" : "absolute";
        Fields.Choice c = new Fields.Choice(all, now, v -> {
            if (EditOp.of(edit.op()).hasUnit()) {
                replace(edit.withUnit(Unit.of(v)));
            }
        });
        c.getElement().setAttribute("aria-label", "Unit");
        return c;
    }

    private void slid(String text) {
        try {
            strength(String.valueOf(SymLog.strength(Double.parseDouble(text))));
        } catch (NumberFormatException e) {
            show();
        }
    }

    private void strength(String text) {
        double v;
        try {
            v = Double.parseDouble(text);
        } catch (NumberFormatException e) {
            return;
        }
        if (EditOp.of(edit.op()).needsStrength()
                && Double.isFinite(v)
                && (edit.strength() == null || edit.strength() != v)) {
            replace(edit.withStrength(v));
        }
    }

    private void replace(Edit now) {
        edit = now;
        show();
        changed.run();
    }

    private void show() {
        boolean numbered = EditOp.of(edit.op()).needsStrength();
        strength.setVisible(numbered);
        if (numbered && edit.strength() != null) {
            exact.setValue(plain(edit.strength()));
            slider.setValue(String.valueOf(SymLog.place(edit.strength())));
            slider.setAriaLabel("Strength, " + sentence());
        }
        words.removeAll();
        words.add(Kit.bold(sentence()));
        if (numbered
                && counted().equals("max")
                && feature != null
                && edit.strength() != null
                && EditOp.of(edit.op()).hasUnit()) {
            words.add(Kit.text("faint", " = " + Num.activation(edit.strength() * feature.max())));
        }
    }

    private String counted() {
        return edit.unit() != null ? edit.unit() : edit.feature() != null ? "max" : "absolute";
    }

    private String sentence() {
        String n = edit.strength() == null ? "" : Num.fixed(edit.strength(), 2);
        if (edit.op().equals("scale")) {
            return "scale by " + n;
        }
        if (!EditOp.of(edit.op()).needsStrength()) {
            return edit.op().equals("project") ? "project out" : edit.op();
        }
        String to = edit.op().equals("set") ? "set to " : edit.op().equals("cap") ? "cap at " : "add ";
        return to
                + n
                + switch (counted()) {
                    case "max" -> " × its maximum";
                    case "norm" -> " × ‖h‖";
                    default -> "";
                };
    }
}
