package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.FakeHub;
import dev.loupe.math.Matrix;
import dev.loupe.model.hub.Hub;
import dev.loupe.model.hub.HubSettings;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.HubSae;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeFormat;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SAEs of a hub, into the workspace. */
class SaePullTest {
    @TempDir
    Path home;

    @Test
    void aReleaseComesIntoTheWorkspaceUnderANameMadeOfItsPlace() throws IOException {
        Path file = home.resolve("params.npz");
        float[][] rows = {{1, 0}, {0, 1}, {1, 1}};
        Sae made = new Sae(
                "made",
                new SaeConfig(Architecture.JUMPRELU, 0, false, "", "", Map.of()),
                new SaeWeights(
                        Matrix.copyOf(rows), Matrix.copyOf(rows), new float[3], new float[2], new float[] {.5f, 0, 1}),
                SaeProvenance.unknown());
        SaeFormat.GEMMA_SCOPE.write(made, file);
        try (FakeHub hub = new FakeHub()) {
            hub.files.put("layer_20/width_16k/average_l0_71/params.npz", Files.readAllBytes(file));
            HubSettings settings = HubSettings.of(
                    Map.of("HF_HOME", home.resolve("hf").toString(), "HF_ENDPOINT", hub.endpoint()), home);
            Workspace workspace = new Workspace(home.resolve("w"));
            SaeExchange exchange =
                    new SaeExchange(workspace, new Saes(workspace), new Hub(settings, Duration.ofMillis(1)));
            HubSae there = HubSae.parse("gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71");
            assertThat(there).isNotNull();
            SaeView view = exchange.pull(there, "", "", "", Progress.silent());
            assertThat(view.name()).isEqualTo("gemma-scope-2b-pt-res-layer_20-width_16k-average_l0_71");
            assertThat(view.hook()).isEqualTo("blocks.20.hook_resid_post");
            assertThat(view.model()).isEqualTo("google/gemma-2-2b");
            assertThat(view.dSae()).isEqualTo(3);
            assertThat(exchange.pull(there, "mine", "gemma", "blocks.1.hook_resid_post", Progress.silent())
                            .hook())
                    .isEqualTo("blocks.1.hook_resid_post");
            int asked = hub.requests.size();
            assertThatThrownBy(() -> exchange.pull(there, "mine", "", "", Progress.silent()))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("already an SAE mine");
            assertThat(hub.requests).hasSize(asked);
        }
    }
}
