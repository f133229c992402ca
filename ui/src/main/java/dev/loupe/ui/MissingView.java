package dev.loupe.ui;

import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.ErrorParameter;
import com.vaadin.flow.router.HasErrorParameter;
import com.vaadin.flow.router.NotFoundException;
import com.vaadin.flow.router.ParentLayout;

/** An address that leads nowhere. */
@ParentLayout(MainLayout.class)
public final class MissingView extends Page implements HasErrorParameter<NotFoundException> {
    @Override
    public int setErrorParameter(BeforeEnterEvent event, ErrorParameter<NotFoundException> parameter) {
        titled("No such page");
        Section card = Kit.card(
                Kit.title("There is no page here"),
                Kit.text("dim", "Nothing answers to /" + event.getLocation().getPath() + "."),
                Kit.div("gap", Kit.link("/", "Back to the overview")));
        removeAll();
        add(card);
        return 404;
    }
}
