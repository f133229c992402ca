package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.browserless.BrowserlessTest;
import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.dom.Element;
import com.vaadin.flow.router.QueryParameters;
import com.vaadin.flow.server.VaadinService;
import com.vaadin.flow.server.VaadinSession;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A view without a browser, over a workspace of its own. */
@com.vaadin.browserless.ViewPackages(packages = "dev.loupe.ui")
abstract class ViewTest extends BrowserlessTest {
    private static volatile Workbench current;

    @TempDir
    Path folder;

    Workbench workbench;

    /** Hands the test's workbench to the views. */
    public static final class FromTest extends WorkbenchInstantiators {
        @Override
        Workbench workbench(VaadinService service) {
            return current;
        }
    }

    @Override
    protected Set<Class<?>> lookupServices() {
        return Set.of(FromTest.class);
    }

    @BeforeEach
    @Override
    protected void initVaadinEnvironment() {
        workbench = new Workbench(Workspace.create(folder), Settings.load(Map.of(), Map.of()));
        current = workbench;
        super.initVaadinEnvironment();
    }

    @AfterEach
    void closeWorkbench() throws InterruptedException {
        for (int i = 0; i < 6000 && Background.running() > 0; i++) { // what still reads would make files in the folder
            Thread.sleep(20);
        }
        workbench.close();
    }

    /** All text of a view, blanks collapsed. */
    static String text(Component view) {
        return view.getElement().getTextRecursively().replaceAll("\\s+", " ");
    }

    /** What a drawn element was given, the first of its tag below a view. */
    static String drawn(Component view, String tag) {
        Element e = find(view.getElement(), tag);
        return String.valueOf(
                Objects.requireNonNull(e, "an element " + tag + " in the view").getPropertyRaw("data"));
    }

    private static @Nullable Element find(Element from, String tag) {
        if (from.isTextNode()) {
            return null;
        }
        if (from.getTag().equals(tag)) {
            return from;
        }
        return from.getChildren()
                .map(c -> find(c, tag))
                .filter(f -> f != null)
                .findFirst()
                .orElse(null);
    }

    /** Whether there is an element of this tag. */
    static boolean has(Component view, String tag) {
        return find(view.getElement(), tag) != null;
    }

    /** Opens an address with a query, as a shared link does. */
    <T extends Component> T open(String path, QueryParameters query, Class<T> view) {
        UI.getCurrent().navigate(path, query);
        return view.cast(getCurrentView());
    }

    /** Lets background work come back until a condition holds. */
    void await(String what, BooleanSupplier condition) {
        Instant end = Instant.now().plus(Duration.ofSeconds(120));
        while (!condition.getAsBoolean()) {
            assertThat(Instant.now())
                    .as("still waiting for: %s; the page says: %s", what, text((Component) getCurrentView()))
                    .isBefore(end);
            // the test's thread holds the page's lock; results of other threads come in when it lets go
            VaadinSession session = VaadinSession.getCurrent();
            session.unlock();
            try {
                Thread.sleep(30);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            } finally {
                session.lock();
            }
            roundTrip();
        }
    }
}
