package dev.loupe.ui;

import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.ErrorParameter;
import com.vaadin.flow.router.HasErrorParameter;
import com.vaadin.flow.router.ParentLayout;
import dev.loupe.base.NotFoundException;

/** A page that could not be made: one sentence that says why and what helps. */
@ParentLayout(MainLayout.class)
public final class FailedView extends Page implements HasErrorParameter<Exception> {
    @Override
    public int setErrorParameter(BeforeEnterEvent event, ErrorParameter<Exception> parameter) {
        Throwable cause = parameter.getCaughtException();
        titled("Failed");
        removeAll();
        add(
                Kit.failure(Background.sentence(cause == null ? parameter.getException() : cause)),
                Kit.div("", Kit.link("/", "Back to the overview")));
        return cause instanceof NotFoundException ? 404 : 500;
    }
}
