package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Json;
import dev.loupe.feature.Example;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** An index straight from a text, in a workspace without any store, against that of a store of the same text. */
class IndexTextTest {
    @TempDir
    Path folder;

    @Test
    void has_the_same_bytes_as_the_index_of_a_store_and_shows_whole_sequences() throws IOException {
        Path stored = SmallWorkspace.folder();
        Path from = stored.resolve("saes/tiny-s0");
        Path to = Files.createDirectories(folder.resolve("saes/tiny-s0"));
        try (var files = Files.list(from)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
        String text = stored.resolveSibling("text.jsonl").toString();
        Cli cli = new Cli(folder);
        String[] command = {"--json", "index", "tiny-s0", "--text", text, "--tokens", "6000", "--held-out", "0.2"};
        Cli.Result first = cli.run(command);
        assertThat(first.code()).as(first.err()).isZero();
        JsonNode expected = Json.tree(stored.resolve("features/tiny-s0/index.json"));
        JsonNode found = Json.tree(folder.resolve("features/tiny-s0/index.json"));
        assertThat(found.path("files")).isEqualTo(expected.path("files")); // sizes and checksums of all tables
        assertThat(found.path("tokens")).isEqualTo(expected.path("tokens"));
        assertThat(folder.resolve("activations")).doesNotExist();
        assertThat(cli.run(command).err()).contains("there already");
        wholeSequences(stored);
        otherWeights(stored, to.resolve("sae_weights.safetensors"));
    }

    /** The index is of other weights after somebody trained or imported anew under the SAE's name. */
    private void otherWeights(Path stored, Path weights) throws IOException {
        try (Workbench w = new Workbench(new Workspace(folder), Settings.load(Map.of(), Map.of()))) {
            assertThat(w.features().list("tiny-s0", FeatureQuery.all()).warning())
                    .isNull();
            Files.copy(
                    stored.resolve("saes/tiny-s1/sae_weights.safetensors"),
                    weights,
                    StandardCopyOption.REPLACE_EXISTING);
            Files.setLastModifiedTime(weights, FileTime.from(Instant.now().plusSeconds(5)));
            assertThat(w.features().list("tiny-s0", FeatureQuery.all()).warning())
                    .contains("other weights", "loupe index tiny-s0");
            Files.copy(
                    stored.resolve("saes/tiny-s0/sae_weights.safetensors"),
                    weights,
                    StandardCopyOption.REPLACE_EXISTING);
            Files.setLastModifiedTime(weights, FileTime.from(Instant.now().plusSeconds(9)));
            assertThat(w.features().warning("tiny-s0")).isEmpty(); // younger, but the same weights
        }
    }

    private void wholeSequences(Path stored) {
        try (Workbench a = new Workbench(new Workspace(stored), Settings.load(Map.of(), Map.of()));
                Workbench b = new Workbench(new Workspace(folder), Settings.load(Map.of(), Map.of()))) {
            FeatureDetail f = a.features().index("tiny-s0").all().stream()
                    .filter(s -> s.fired() > 5)
                    .findFirst()
                    .map(s -> a.features().detail("tiny-s0", s.id()))
                    .orElseThrow();
            int id = f.summary().id();
            List<Example> expected = a.closeUps().whole("tiny-s0", id, f.examples());
            List<Example> found = b.closeUps().whole("tiny-s0", id, f.examples());
            for (int e = 0; e < expected.size(); e++) {
                assertThat(found.get(e).tokens()).isEqualTo(expected.get(e).tokens());
                for (int t = 0; t < expected.get(e).values().length; t++) {
                    assertThat(found.get(e).values()[t])
                            .isCloseTo(expected.get(e).values()[t], within(1e-3f));
                }
            }
        }
    }

    @Test
    void a_text_and_a_store_exclude_each_other_and_tokens_need_a_text() {
        Cli cli = SmallWorkspace.cli();
        Cli.Result both = cli.run("index", "tiny-s0", "--text", "x.txt", "--store", "small");
        assertThat(both.code()).isEqualTo(2);
        assertThat(both.err()).contains("not of both");
        Cli.Result alone = cli.run("index", "tiny-s0", "--tokens", "10");
        assertThat(alone.code()).isEqualTo(2);
        assertThat(alone.err()).contains("--text");
        Cli.Result none = cli.run("index", "tiny-s0", "--text", "nowhere.txt");
        assertThat(none.code()).isNotZero();
        assertThat(none.err()).contains("nowhere.txt");
    }
}
