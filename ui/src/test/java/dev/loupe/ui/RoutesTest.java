package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.flow.component.page.AppShellConfigurator;
import com.vaadin.flow.router.HasErrorParameter;
import com.vaadin.flow.router.Layout;
import com.vaadin.flow.router.Route;
import com.vaadin.flow.router.RouteAlias;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Nothing scans the class path at run time, so a forgotten view would silently be a page that is not there. */
class RoutesTest {
    private static List<Class<?>> all() throws IOException, URISyntaxException {
        Path root = Path.of(VaadinUi.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        List<Class<?>> found = new ArrayList<>();
        try (Stream<Path> files = Files.walk(root.resolve("dev/loupe/ui"))) {
            for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
                String name = root.relativize(file).toString().replace('/', '.').replaceAll("\\.class$", "");
                try {
                    found.add(Class.forName(name, false, VaadinUi.class.getClassLoader()));
                } catch (ClassNotFoundException e) {
                    throw new IllegalStateException(e);
                }
            }
        }
        return found;
    }

    @Test
    void every_view_layout_and_shell_is_registered() throws Exception {
        List<Class<?>> routes = all().stream()
                .filter(c -> c.isAnnotationPresent(Route.class)
                        || c.isAnnotationPresent(RouteAlias.class)
                        || c.isAnnotationPresent(Layout.class)
                        || AppShellConfigurator.class.isAssignableFrom(c))
                .toList();

        assertThat(routes).hasSizeGreaterThan(10);
        assertThat(VaadinUi.ROUTES).containsExactlyInAnyOrderElementsOf(routes);
    }

    @Test
    void every_error_page_is_registered() throws Exception {
        List<Class<?>> pages =
                all().stream().filter(HasErrorParameter.class::isAssignableFrom).toList();

        assertThat(VaadinUi.ERROR_PAGES)
                .containsExactlyInAnyOrderElementsOf(pages)
                .hasSize(2);
    }
}
