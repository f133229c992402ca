package dev.loupe.ui;

import com.vaadin.flow.component.dependency.StyleSheet;
import com.vaadin.flow.component.page.AppShellConfigurator;
import com.vaadin.flow.component.page.Inline;
import com.vaadin.flow.component.page.Push;
import com.vaadin.flow.server.AppShellSettings;

/** The page around all views: style sheet, push, and the remembered theme before anything is drawn. */
@Push
@StyleSheet("context://css/loupe.css")
public final class Shell implements AppShellConfigurator {
    private static final String THEME = """
            try {
              const t = localStorage.getItem('loupe-theme');
              if (t === 'light' || t === 'dark') document.documentElement.dataset.theme = t;
            } catch (e) { /* no storage: follow the system */ }
            document.documentElement.lang = 'en';
            """;

    /** The magnifier, as a data URL so that no request is spent on it. */
    private static final String ICON =
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20'%3E"
                    + "%3Ccircle cx='8.5' cy='8.5' r='6' fill='none' stroke='%233451d1' stroke-width='2'/%3E"
                    + "%3Ccircle cx='8.5' cy='8.5' r='2.4' fill='%23f58c14'/%3E"
                    + "%3Cpath d='M13 13l5 5' stroke='%233451d1' stroke-width='2.4' stroke-linecap='round'/%3E%3C/svg%3E";

    @Override
    public void configurePage(AppShellSettings settings) {
        settings.addInlineWithContents(Inline.Position.PREPEND, THEME, Inline.Wrapping.JAVASCRIPT);
        settings.addLink("icon", ICON);
    }
}
