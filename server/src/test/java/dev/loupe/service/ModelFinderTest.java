package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.hub.Hub;
import dev.loupe.model.hub.HubSettings;
import dev.loupe.model.hub.PackagePull;
import dev.loupe.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the name of a model may be, with a hub that is never asked. */
class ModelFinderTest {
    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    @TempDir
    Path home;

    private Models models() {
        HubSettings offline =
                HubSettings.of(Map.of("HF_HOME", home.resolve("hf").toString(), "HF_HUB_OFFLINE", "1"), home);
        return new Models(new Workspace(home.resolve("w")), 1, Device.CPU, new Hub(offline), new PackagePull());
    }

    /** A model as huggingface_hub keeps it. */
    private Path cached(String repository) throws IOException {
        Path builtin = LanguageModels.builtin(home.resolve("w/models"));
        Path root = home.resolve("hf/hub/models--" + repository.replace("/", "--"));
        Path snapshot = Files.createDirectories(root.resolve("snapshots").resolve(COMMIT));
        for (String file : new String[] {"config.json", "tokenizer.json", "model.safetensors"}) {
            Files.copy(builtin.resolve(file), snapshot.resolve(file));
        }
        Files.createDirectories(root.resolve("refs"));
        Files.writeString(root.resolve("refs/main"), COMMIT);
        return snapshot;
    }

    @Test
    void only_a_name_in_models_stands_for_a_folder_of_the_workspace() throws IOException {
        Path mine = Files.createDirectories(home.resolve("w/models/mine"));
        Files.createDirectories(home.resolve("w/models/builtin"));
        Files.createDirectories(home.resolve("w/models/owner/name"));
        assertThat(models().own("mine")).isEqualTo(mine);
        for (String other :
                new String[] {"", " ", "builtin", "none", "owner/name", ".", "..", home.toString(), "a\u0000b"}) {
            assertThat(models().own(other)).as("\"%s\"", other).isNull();
        }
    }

    @Test
    void a_model_that_python_has_fetched_is_opened_by_its_id_without_a_network() throws IOException {
        Path snapshot = cached("owner/model");
        try (Models models = models()) {
            assertThat(models.folder("owner/model")).isEqualTo(snapshot);
            assertThat(models.folder("owner/model@" + COMMIT)).isEqualTo(snapshot);
            models.fetch("owner/model", Progress.silent());
            assertThat(models.open("owner/model").id()).isEqualTo("owner/model");
            assertThatThrownBy(() -> models.folder("owner/other"))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessageContaining("loupe model pull owner/other");
            assertThatThrownBy(() -> models.fetch("owner/other", Progress.silent()))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessageContaining("HF_HUB_OFFLINE");
        }
    }

    @Test
    void a_pulled_model_has_a_name_and_says_when_its_files_are_gone() throws IOException {
        Path snapshot = cached("owner/model");
        try (Models models = models()) {
            assertThat(models.pull("owner/model", Progress.silent()).id()).isEqualTo("model");
            assertThat(models.pull("owner/model", Progress.silent()).id()).isEqualTo("model");
            assertThat(models.folder("model")).isEqualTo(snapshot);
            assertThat(models.list()).extracting(ModelView::id).containsExactly("builtin", "model");
            assertThat(Json.tree(home.resolve("w/models/model/source.json"))
                            .path("commit")
                            .asString())
                    .isEqualTo(COMMIT);
            Files.delete(snapshot.resolve("config.json"));
            assertThat(models.list().getLast().problem()).contains("loupe model pull owner/model");
            assertThatThrownBy(() -> models.pull("pypi:", Progress.silent())).isInstanceOf(UsageException.class);
            assertThatThrownBy(() -> models.pull("no model", Progress.silent())).isInstanceOf(UsageException.class);
        }
    }

    @Test
    void what_is_nowhere_is_answered_with_what_there_could_be() {
        try (Models models = models()) {
            assertThatThrownBy(() -> models.folder("nothing"))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessageContaining("builtin")
                    .hasMessageContaining(".gguf")
                    .hasMessageContaining("owner/name");
            assertThatThrownBy(() -> models.folder(" ")).isInstanceOf(UsageException.class);
            assertThatThrownBy(() -> models.folder("a\0b")).isInstanceOf(NotFoundException.class);
        }
    }
}
