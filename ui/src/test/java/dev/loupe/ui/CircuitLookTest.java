package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.flow.router.QueryParameters;
import dev.loupe.graph.GraphView;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CircuitLookTest {
    @Test
    void everything_comes_back_from_the_address_whatever_its_names_hold() {
        CircuitLook look = new CircuitLook();
        look.pin("a:1,b%2C");
        look.pin("plain");
        look.group(List.of("3_17_4", "x:y"), "a, b: \"c\" + 100 %");
        look.rename("plain", "<img src=x>:é,");
        look.select("x:y");
        look.influence(0.42);
        look.edges(0.1);
        CircuitLook again = new CircuitLook();
        assertThat(again.read(new QueryParameters(look.address()))).isTrue();
        assertThat(again.view()).isEqualTo(look.view());
        assertThat(again.drawn()).isEqualTo(look.drawn());
        assertThat(again.address()).isEqualTo(look.address());
        assertThat(again.chosen()).containsExactlyInAnyOrder("a:1,b%2C", "plain", "3_17_4", "x:y");
    }

    @Test
    void what_was_kept_beside_a_graph_stands_until_the_address_says_otherwise() {
        CircuitLook look = new CircuitLook();
        look.read(new GraphView(
                List.of("a"), List.of(new GraphView.Group("g", List.of("b", "c"))), Map.of("a", "one"), "a", 0.5));
        assertThat(look.read(QueryParameters.simple(Map.of("selected", "c")))).isFalse();
        assertThat(look.selected()).isEqualTo("c");
        assertThat(look.groupOf("b")).isEqualTo("g");
        assertThat(look.read(QueryParameters.simple(Map.of("pinned", "z", "influence", "7", "edges", "x"))))
                .isTrue();
        assertThat(look.chosen()).containsExactly("z");
        assertThat(look.label("a")).isEmpty();
        assertThat(look.influence()).isEqualTo(0.5); // 7 is no share
    }

    @Test
    void a_node_is_in_one_group_and_leaves_it_when_it_is_let_go() {
        CircuitLook look = new CircuitLook();
        look.group(List.of("a", "b"), "first");
        look.group(List.of("b"), "second");
        assertThat(look.groupOf("b")).isEqualTo("second");
        look.renameGroup("first", "other");
        assertThat(look.groupOf("a")).isEqualTo("other");
        look.pin("a");
        assertThat(look.isPinned("a")).isFalse();
        assertThat(look.groupNames()).containsExactly("second");
        look.group(List.of("b"), "");
        assertThat(look.groupNames()).isEmpty();
        assertThat(look.isPinned("b")).isTrue();
    }
}
