package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.Route;
import dev.loupe.service.SaeRow;
import dev.loupe.service.Workbench;
import java.util.List;

/** The SAEs whose features can be looked at. */
@Route("features")
public final class FeaturesView extends Page {
    FeaturesView(Workbench workbench) {
        titled("Features");
        List<SaeRow> saes = workbench.saeRows();
        if (saes.isEmpty()) {
            add(
                    Kit.empty(
                            "No SAEs yet",
                            "The demo trains eight of them on a real text and a real model. With an activation store of your own, train one:",
                            "loupe train --store STORE --hook blocks.3.hook_resid_post --arch topk --d-sae 2048 --k 24 --name NAME"));
            return;
        }
        Section card = Kit.card(
                Kit.div(
                        "line base",
                        Kit.title("Features"),
                        Kit.text("dim", "Choose an SAE."),
                        Kit.div("end line", Kit.link("/search", "search"), Kit.link("/lists", "lists"))),
                SaeTable.of(saes));
        add(card);
        SaePareto.of(saes).ifPresent(this::add);
    }

    /** A way back to the list of SAEs. */
    static Component back() {
        return Kit.link("/features", "all SAEs");
    }
}
