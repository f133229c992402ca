package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.HasStyle;
import com.vaadin.flow.component.HasText;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.H1;
import com.vaadin.flow.component.html.H2;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.component.html.Span;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The few shapes all pages are made of. Text is always set as text. */
final class Kit {
    private Kit() {}

    private static void classes(HasStyle component, String css) {
        for (String c : css.strip().split(" ")) {
            if (!c.isEmpty()) {
                component.addClassName(c);
            }
        }
    }

    /** A block. */
    static Div div(String css, Component... children) {
        Div d = new Div(children);
        classes(d, css);
        return d;
    }

    /** Inline text. */
    static Span text(String css, String text) {
        Span s = new Span(text);
        classes(s, css);
        return s;
    }

    /** Plain inline text. */
    static Span text(String text) {
        return new Span(text);
    }

    /** A card. */
    static Section card(Component... children) {
        Section s = new Section(children);
        s.addClassName("card");
        return s;
    }

    /** The heading of a card: what it is and, at the right end, how to read it. */
    static H2 heading(String title, String why, Component... after) {
        H2 h = new H2(title);
        h.add(after);
        if (!why.isEmpty()) {
            h.add(text("why", why));
        }
        return h;
    }

    /** The title of a page. */
    static H1 title(String text) {
        return new H1(text);
    }

    /** A row of facts. */
    static Div facts(Component... facts) {
        return div("facts", facts);
    }

    /** A number, its name below, and its definition when pointed at. */
    static Div fact(String number, String name, String definition) {
        Span label = new Span(name);
        Div d = new Div(bold(number), label);
        if (!definition.isEmpty()) {
            d.setTitle(definition);
        }
        return d;
    }

    /** Bold text. */
    static Bold bold(String text) {
        return new Bold(text);
    }

    /** A small label in a rounded frame; kind is "", good, warn or bad. */
    static Span chip(String text, String kind, String title) {
        Span s = text(("chip " + kind).strip(), text);
        if (!title.isEmpty()) {
            s.setTitle(title);
        }
        return s;
    }

    /** A link inside the workbench, followed without loading the page anew. */
    static Anchor link(String href, String text) {
        Anchor a = new Anchor(href, text);
        a.getElement().setAttribute("router-link", true);
        return a;
    }

    /** A link to a page of another program, which opens beside ours. */
    static Anchor outside(String href, String text) {
        Anchor a = new Anchor(href, text);
        a.setTarget("_blank");
        a.getElement().setAttribute("rel", "noopener noreferrer");
        a.getElement().setAttribute("router-ignore", true);
        return a;
    }

    /** A link that looks like a button. */
    static Anchor linkButton(String href, String text, String css) {
        Anchor a = link(href, text);
        classes(a, "btn " + css);
        return a;
    }

    /** A button. */
    static NativeButton button(String text, String css, Runnable click) {
        NativeButton b = new NativeButton(text, e -> click.run());
        classes(b, "btn " + css);
        b.getElement().setAttribute("type", "button");
        return b;
    }

    /** Makes a component answer to a key, and shows the key on it. */
    static <C extends Component> C key(C component, String key) {
        component.getElement().setAttribute("data-key", key);
        component.getElement().appendChild(new Kbd(key).getElement());
        return component;
    }

    /** A key as it looks on a keyboard. */
    static Kbd kbd(String key) {
        return new Kbd(key);
    }

    /** What a page is, in one line. */
    static Section head(String title, String what) {
        return card(div("line base", title(title), text("dim", what)));
    }

    /** Says what there is nothing of, and what to run. */
    static Section empty(String what, String why, String command) {
        Section s = card(heading(what, ""), new Div(why));
        if (!command.isEmpty()) {
            s.add(new Pre(command));
        }
        return s;
    }

    /** What people should know before they read on. */
    static Div notice(String sentence) {
        Div d = div("notice", text(sentence));
        d.getElement().setAttribute("role", "status");
        return d;
    }

    /** One clear sentence about what went wrong. */
    static Section failure(String sentence) {
        Section s = card(text("bad", sentence));
        s.addClassName("error");
        s.getElement().setAttribute("role", "alert");
        return s;
    }

    /** Filled and empty dots: found in so many of so many. */
    static Span dots(int on, int all) {
        Span s = text("dots", "");
        s.getElement().setAttribute("role", "img");
        s.getElement().setAttribute("aria-label", on + " of " + all);
        for (int i = 0; i < all; i++) {
            Dot dot = new Dot();
            if (i < on) {
                dot.getElement().getClassList().add("on");
            }
            s.add(dot);
        }
        return s;
    }

    /** A labelled field. */
    static Div field(String label, Component input) {
        String id = "f" + Integer.toHexString(System.identityHashCode(input));
        if (input.getId().isEmpty()) {
            input.setId(id);
        }
        com.vaadin.flow.component.html.NativeLabel l = new com.vaadin.flow.component.html.NativeLabel(label);
        l.setFor(input.getId().orElse(id));
        return div("field", l, input);
    }

    /** A labelled field that stands within something else, such as beside its number. */
    static Div field(String label, Component around, Component input) {
        com.vaadin.flow.component.html.NativeLabel l = new com.vaadin.flow.component.html.NativeLabel(label);
        l.setFor(input);
        return div("field", l, around);
    }

    /** A table with a head; cells of the columns whose number is in {@code numbers} are set to the right. */
    static Div table(List<String> head, java.util.Set<Integer> numbers, List<List<Component>> rows) {
        Element table = new Element("table", "list");
        Element tr = new Element("tr", "");
        for (int i = 0; i < head.size(); i++) {
            Element th = new Element("th", numbers.contains(i) ? "num" : "");
            th.getElement().setText(head.get(i));
            th.getElement().setAttribute("scope", "col");
            if (!Measures.column(head.get(i)).isEmpty()) {
                th.getElement().setAttribute("title", Measures.column(head.get(i)));
            }
            tr.add(th);
        }
        Element thead = new Element("thead", "");
        thead.add(tr);
        table.add(thead);
        Element body = new Element("tbody", "");
        for (List<Component> row : rows) {
            Element line = new Element("tr", "");
            for (int i = 0; i < row.size(); i++) {
                Element td = new Element("td", numbers.contains(i) ? "num" : "");
                td.add(row.get(i));
                line.add(td);
            }
            body.add(line);
        }
        table.add(body);
        return div("scroll", table);
    }

    /** Bold text. */
    @Tag("b")
    static final class Bold extends Component implements HasText, com.vaadin.flow.component.HasComponents {
        Bold(String text) {
            setText(text);
        }
    }

    /** A key cap. */
    @Tag("kbd")
    static final class Kbd extends Component implements HasText {
        Kbd(String text) {
            setText(text);
        }
    }

    /** A dot. */
    @Tag("i")
    private static final class Dot extends Component {}

    /** Preformatted text. */
    @Tag("pre")
    static final class Pre extends Component implements HasText {
        Pre(String text) {
            setText(text);
            getElement().setAttribute("tabindex", "0"); // it scrolls sideways, also for those without a pointer
        }
    }

    /** Any other element. */
    static final class Element extends Component implements com.vaadin.flow.component.HasComponents {
        Element(String tag, @Nullable String css) {
            super(new com.vaadin.flow.dom.Element(tag));
            if (css != null && !css.isEmpty()) {
                getElement().getClassList().add(css);
            }
        }
    }
}
