package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.flow.component.ClickEvent;
import com.vaadin.flow.component.ComponentUtil;
import com.vaadin.flow.component.html.NativeButton;
import dev.loupe.service.GroupCount;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The built-in lists with their counts, with and without a control. */
class FeatureGroupsTest extends ViewTest {
    private static final GroupCount WITH =
            new GroupCount("cross-lingual", "cross-lingual", "several labels", 120, 0.06, 9, 0.005);
    private static final GroupCount WITHOUT =
            new GroupCount("single-token", "single token", "one token", 1200, 0.6, null, null);

    @Test
    void the_controls_share_stands_beside_the_saes() {
        FeatureGroups groups = new FeatureGroups(List.of(WITH), "one", "", key -> {});

        assertThat(text(groups)).contains("120", "cross-lingual", "6.0 %", "control 0.50 % (9)");
        assertThat(text(groups)).doesNotContain("--control");
    }

    @Test
    void without_a_control_the_command_that_makes_it_is_there() {
        FeatureGroups groups = new FeatureGroups(List.of(WITHOUT), "one", "", key -> {});

        assertThat(text(groups)).contains("1,200", "loupe index one --control");
    }

    @Test
    void a_list_is_chosen_and_left_again() {
        List<String> chosen = new ArrayList<>();
        FeatureGroups groups = new FeatureGroups(List.of(WITH, WITHOUT), "one", "single-token", chosen::add);

        assertThat(pressed(groups)).isEqualTo("false true");
        click(groups, 0);
        assertThat(pressed(groups)).isEqualTo("true false");
        click(groups, 0);
        assertThat(pressed(groups)).isEqualTo("false false");
        assertThat(chosen).containsExactly("cross-lingual", "");
    }

    private static List<NativeButton> buttons(FeatureGroups groups) {
        return groups.getChildren()
                .flatMap(c -> c.getChildren())
                .filter(c -> c instanceof NativeButton)
                .map(c -> (NativeButton) c)
                .toList();
    }

    private static void click(FeatureGroups groups, int which) {
        NativeButton b = buttons(groups).get(which);
        ComponentUtil.fireEvent(b, new ClickEvent<>(b));
    }

    private static String pressed(FeatureGroups groups) {
        return buttons(groups).stream()
                .map(b -> b.getElement().getAttribute("aria-pressed"))
                .collect(Collectors.joining(" "));
    }
}
