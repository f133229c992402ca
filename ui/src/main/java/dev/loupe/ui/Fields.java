package dev.loupe.ui;

import com.vaadin.flow.component.AbstractSinglePropertyField;
import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.HasStyle;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.NativeButton;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/** The browser's own fields, dressed by the style sheet. */
final class Fields {
    private Fields() {}

    /** A text of one line. */
    static Input line(String value) {
        Input i = new Input();
        i.setType("text");
        i.setValue(value);
        i.getElement().setAttribute("autocomplete", "off");
        return i;
    }

    /** A number as text; read it with {@link #number}. */
    static Input number(String value, String min, String max, String step) {
        Input i = new Input();
        i.setType("number");
        i.getElement().setAttribute("min", min);
        i.getElement().setAttribute("max", max);
        i.getElement().setAttribute("step", step);
        i.setValue(value);
        return i;
    }

    /** The number in a field, or a default if there is none. */
    static double number(Input field, double otherwise) {
        try {
            return Double.parseDouble(field.getValue().strip());
        } catch (NumberFormatException e) {
            return otherwise;
        }
    }

    /** A text of several lines. */
    @Tag("textarea")
    static final class Area extends AbstractSinglePropertyField<Area, String> implements HasStyle {
        Area(String value) {
            super("value", "", false);
            setSynchronizedEvent("change");
            setValue(value);
            setRows(1);
        }

        /** Least height in lines; the field grows with its text. */
        void setRows(int rows) {
            getElement().getStyle().set("min-height", (19 + 20 * rows) + "px");
        }
    }

    /** One of several. */
    @Tag("select")
    static final class Choice extends Component implements HasStyle {
        private String value;
        private final Map<String, com.vaadin.flow.dom.Element> options = new LinkedHashMap<>();

        Choice(Map<String, String> all, String chosen, Consumer<String> changed) {
            value = chosen;
            all.forEach((key, text) -> {
                com.vaadin.flow.dom.Element option = new com.vaadin.flow.dom.Element("option");
                option.setAttribute("value", key);
                option.setText(text);
                if (key.equals(chosen)) {
                    option.setAttribute("selected", true);
                }
                options.put(key, option);
                getElement().appendChild(option);
            });
            getElement().addPropertyChangeListener("value", "change", e -> {
                String now = String.valueOf(e.getValue());
                if (options.containsKey(now) && !now.equals(value)) {
                    value = now;
                    changed.accept(now);
                }
            });
        }

        /** One of several names. */
        static Choice of(Collection<String> names, String chosen, Consumer<String> changed) {
            Map<String, String> all = new LinkedHashMap<>();
            names.forEach(n -> all.put(n, n));
            return new Choice(all, chosen, changed);
        }

        String value() {
            return value;
        }

        /** Chooses without telling anyone. */
        void choose(String key) {
            value = key;
            getElement().setProperty("value", key);
        }
    }

    /** Any of several, as chips that stay pressed. */
    @Tag("div")
    static final class Toggles extends Component implements com.vaadin.flow.component.HasComponents, HasStyle {
        private final Set<String> on = new TreeSet<>();
        private final List<String> order = new ArrayList<>();

        Toggles(Map<String, String> all, Collection<String> pressed, Consumer<List<String>> changed) {
            addClassNames("line", "tight");
            order.addAll(all.keySet());
            all.forEach((key, text) -> {
                NativeButton b = new NativeButton(text);
                b.addClassName("chip");
                b.getElement().setAttribute("type", "button");
                if (pressed.contains(key)) {
                    on.add(key);
                }
                b.getElement().setAttribute("aria-pressed", String.valueOf(on.contains(key)));
                b.addClickListener(e -> {
                    if (!on.remove(key)) {
                        on.add(key);
                    }
                    b.getElement().setAttribute("aria-pressed", String.valueOf(on.contains(key)));
                    changed.accept(value());
                });
                add(b);
            });
        }

        /** What is pressed, in the order shown. */
        List<String> value() {
            return order.stream().filter(on::contains).toList();
        }
    }

    /** A few choices as words in a line; the chosen one is bold. */
    @Tag("div")
    static final class Segments extends Component implements com.vaadin.flow.component.HasComponents, HasStyle {
        Segments(String label, Map<String, String> all, String chosen, Consumer<String> changed) {
            addClassName("seg");
            getElement().setAttribute("role", "group");
            getElement().setAttribute("aria-label", label);
            Map<String, NativeButton> buttons = new LinkedHashMap<>();
            all.forEach((key, text) -> {
                NativeButton b = new NativeButton(text, e -> {
                    buttons.forEach((k, other) -> press(other, k.equals(key)));
                    changed.accept(key);
                });
                b.getElement().setAttribute("type", "button");
                press(b, key.equals(chosen));
                buttons.put(key, b);
                add(b);
            });
        }

        private static void press(NativeButton b, boolean on) {
            b.getElement().setAttribute("aria-pressed", String.valueOf(on));
        }
    }

    /** Tabs; the chosen one is underlined. */
    @Tag("div")
    static final class Tabs extends Component implements com.vaadin.flow.component.HasComponents, HasStyle {
        private final Map<String, NativeButton> buttons = new LinkedHashMap<>();

        Tabs(Map<String, String> all, String chosen, Consumer<String> changed) {
            addClassName("tabs");
            getElement().setAttribute("role", "tablist");
            all.forEach((key, text) -> {
                NativeButton b = new NativeButton(text, e -> {
                    choose(key);
                    changed.accept(key);
                });
                b.getElement().setAttribute("type", "button");
                b.getElement().setAttribute("role", "tab");
                buttons.put(key, b);
                add(b);
            });
            choose(chosen);
        }

        private void choose(String key) {
            buttons.forEach((k, b) -> b.getElement().setAttribute("aria-selected", String.valueOf(k.equals(key))));
        }
    }
}
