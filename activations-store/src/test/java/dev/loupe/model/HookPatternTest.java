package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import java.util.List;
import org.junit.jupiter.api.Test;

class HookPatternTest {
    private static final List<String> KNOWN = List.of(
            "blocks.10.hook_mlp_in",
            "blocks.2.hook_mlp_in",
            "blocks.2.hook_mlp_out",
            "blocks.x.hook_mlp_in",
            "hook_embed");

    @Test
    void aStarIsTheNumberOfALayer() {
        assertThat(HookPattern.all(List.of("hook_embed", "blocks.*.hook_mlp_in"), KNOWN))
                .containsExactly("hook_embed", "blocks.2.hook_mlp_in", "blocks.10.hook_mlp_in");
        assertThatThrownBy(() -> HookPattern.all(List.of("blocks.*.hook_z"), KNOWN))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("blocks.*.hook_z")
                .hasMessageContaining("hook_embed");
    }
}
