package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.router.Route;
import dev.loupe.service.FeatureList;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The lists of features that people put together. */
@Route("lists")
public final class ListsView extends Page {
    ListsView(Workbench workbench) {
        titled("Lists");
        List<String> names = workbench.notes().lists();
        if (names.isEmpty()) {
            add(Kit.card(
                    Kit.heading("No lists yet", ""),
                    Kit.text("A list keeps features together, of one SAE or several. Open a feature and choose"
                            + " “a new list…” under Notes."),
                    Kit.div("gap", Kit.linkButton("/features", "Features", ""))));
            return;
        }
        List<List<Component>> rows = new ArrayList<>();
        for (String name : names) {
            FeatureList list = workbench.notes().list(name);
            rows.add(List.of(
                    Kit.link(Links.list(name), name),
                    Kit.text(Num.whole(list.features().size())),
                    Kit.text("wrap", list.description()),
                    Kit.text("dim", Num.when(list.changed()))));
        }
        add(Kit.card(
                Kit.title("Lists"),
                Kit.div(
                        "gap",
                        Kit.table(
                                List.of("list", "features", "what they have in common", "changed"), Set.of(1), rows))));
    }
}
