package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.steer.SteerRequest;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** "Use this in code": the page's edits in a terminal, for curl, Python and Java. */
final class CodeCard extends Section {
    private final Div code = new Div();
    private String language;
    private String base = "http://localhost:7070";
    private @Nullable SteerRequest request;
    private List<String> said = List.of();

    CodeCard(Map<String, String> languages) {
        language = languages.keySet().iterator().next();
        addClassName("card");
        add(
                Kit.heading("Use this in code", ""),
                new Fields.Tabs(languages, language, key -> {
                    language = key;
                    draw();
                }),
                code);
        addAttachListener(e -> e.getUI().getPage().fetchCurrentURL(url -> {
            base = url.getProtocol() + "://" + url.getAuthority();
            draw();
        }));
    }

    /** Shows the code of a request; of a conversation if anything was said. */
    void show(SteerRequest now, List<String> conversation) {
        request = now;
        said = List.copyOf(conversation);
        draw();
    }

    private void draw() {
        code.removeAll();
        if (request == null) {
            return;
        }
        String text = CodeSnippets.of(language, base, request, said);
        code.add(
                new Kit.Pre(text),
                Kit.button(
                        "Copy",
                        "small",
                        () -> UI.getCurrent()
                                .getPage()
                                .executeJs("navigator.clipboard && navigator.clipboard.writeText($0)", text)));
    }
}
