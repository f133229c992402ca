package dev.loupe.ui;

import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.service.FeatureList;
import dev.loupe.service.Note;
import dev.loupe.service.Workbench;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What people keep about a feature: a note, the lists it is in, and the feature as a file. */
final class FeatureNotes extends Section {
    private final Workbench workbench;
    private final String sae;
    private final int id;
    private final Div said = Kit.div("faint");
    private final Div lists = Kit.div("line tight gap");
    private final Fields.Area area;
    private Note note;

    FeatureNotes(Workbench workbench, String sae, int id) {
        this.workbench = workbench;
        this.sae = sae;
        this.id = id;
        this.note = workbench.notes().note(sae, id);
        addClassName("card");
        setId("notes");
        area = new Fields.Area(note.text());
        area.setId("note");
        area.getElement().setAttribute("aria-label", "Note on this feature");
        area.getElement()
                .setAttribute("placeholder", "Write down what you think it is; kept when you leave the field.");
        area.addValueChangeListener(e -> {
            if (e.isFromClient()) {
                save(e.getValue());
            }
        });
        add(Kit.heading("Notes", ""), area, said, lists, files());
        status();
        showLists();
    }

    private void status() {
        said.removeClassName("bad");
        said.setText(note.version() == 0 ? "" : "saved " + Num.when(note.changed()));
    }

    private void save(String text) {
        try {
            note = workbench.notes().save(sae, id, text, note.version());
            status();
        } catch (LoupeException e) {
            Note theirs = workbench.notes().note(sae, id);
            said.addClassName("bad");
            if (theirs.version() == note.version()) {
                said.setText(String.valueOf(e.getMessage()));
                return;
            }
            note = theirs; // the next save is made knowing theirs
            said.setText("Somebody else changed this note meanwhile; nothing of yours was written. Theirs: “"
                    + theirs.text() + "”. Merge the two here, or ");
            said.add(
                    Kit.button("write mine over it", "small", () -> save(area.getValue())),
                    Kit.text(" "),
                    Kit.button("take theirs", "small", this::takeTheirs));
        }
    }

    private void takeTheirs() {
        area.setValue(note.text());
        status();
    }

    private void showLists() {
        lists.removeAll();
        Map<String, String> others = new LinkedHashMap<>();
        others.put("", "add to a list…");
        for (String name : workbench.notes().lists()) {
            FeatureList list = workbench.notes().list(name);
            if (holds(list)) {
                Anchor open = Kit.link(Links.list(name), name);
                open.addClassName("chip");
                open.setTitle("This feature is in the list " + name);
                lists.add(open);
            } else {
                others.put(name, name);
            }
        }
        others.put("*", "a new list…");
        Fields.Choice choice = new Fields.Choice(others, "", this::chosen);
        choice.getElement().setAttribute("aria-label", "Add to a list");
        lists.add(Kit.div("scope", choice));
    }

    private boolean holds(FeatureList list) {
        return list.features().stream().anyMatch(f -> f.sae().equals(sae) && f.id() == id);
    }

    private void chosen(String name) {
        if (name.equals("*")) {
            var field = Fields.line("");
            field.setId("new-list");
            field.setPlaceholder("name of the list, Enter makes it");
            field.addValueChangeListener(e -> put(e.getValue().strip()));
            lists.removeAll();
            lists.add(field);
            field.focus();
        } else if (!name.isEmpty()) {
            put(name);
        }
    }

    private void put(String name) {
        try {
            Names.check(name);
            FeatureList list = workbench.notes().lists().contains(name)
                    ? workbench.notes().list(name)
                    : new FeatureList(name, "", List.of(), 0, Instant.EPOCH);
            List<FeatureList.Item> items = new ArrayList<>(list.features());
            if (!holds(list)) {
                items.add(new FeatureList.Item(
                        sae, id, note.text().lines().findFirst().orElse("")));
            }
            workbench.notes().save(new FeatureList(name, list.description(), items, list.version(), list.changed()));
            showLists();
        } catch (LoupeException e) {
            showLists();
            lists.add(Kit.text("bad", String.valueOf(e.getMessage())));
        }
    }

    private Div files() {
        String all = "/api/features/" + sae + "/export?ids=" + id;
        return Kit.div(
                "line tight gap",
                Kit.text("faint", "as a file"),
                file(all + "&format=html", "HTML", "this feature as one page that needs no server"),
                file(all, "JSONL", "this feature in Neuronpedia's JSON lines"));
    }

    private static Anchor file(String href, String name, String title) {
        Anchor a = new Anchor(href, name);
        a.addClassNames("btn", "small");
        a.getElement().setAttribute("router-ignore", true);
        a.getElement().setAttribute("title", title);
        return a;
    }
}
