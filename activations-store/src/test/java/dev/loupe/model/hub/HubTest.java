package dev.loupe.model.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.FakeHub;
import dev.loupe.fixtures.Python;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models of a hub, with everything that goes wrong on the way. */
class HubTest {
    private static final HubId ID = new HubId("owner/tiny-model", "main");

    @TempDir
    Path home;

    private FakeHub hub;

    @BeforeEach
    void start() throws IOException {
        hub = new FakeHub();
        hub.files.put("config.json", "{\"a\": 1}".getBytes(StandardCharsets.UTF_8));
        hub.files.put("tokenizer.json", "{}".getBytes(StandardCharsets.UTF_8));
        hub.files.put("README.md", "not needed".getBytes(StandardCharsets.UTF_8));
        hub.files.put("model.safetensors", weights());
        hub.files.put("pytorch_model.bin", new byte[10]);
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    private static byte[] weights() {
        byte[] bytes = new byte[1_000_000];
        new java.util.Random(7).nextBytes(bytes);
        return bytes;
    }

    private HubSettings settings(String... more) {
        Map<String, String> environment = new java.util.HashMap<>(
                Map.of("HF_HOME", home.resolve("hf").toString(), "HF_ENDPOINT", hub.endpoint() + "/"));
        for (int i = 0; i < more.length; i += 2) {
            environment.put(more[i], more[i + 1]);
        }
        return HubSettings.of(environment, home);
    }

    private Path fetch(String... environment) {
        return new Hub(settings(environment), Duration.ofMillis(1)).fetch(ID, Progress.silent());
    }

    private void assertWhole(Path folder) throws IOException {
        assertThat(Files.readAllBytes(folder.resolve("model.safetensors"))).isEqualTo(weights());
        assertThat(folder.resolve("config.json")).hasContent("{\"a\": 1}");
    }

    @Test
    void a_model_is_fetched_once_with_only_what_opens_it() throws IOException {
        List<String> stages = new ArrayList<>();
        Progress progress = new Progress() {
            @Override
            public void stage(String name, long total, String unit) {
                stages.add(name + " " + total + " " + unit);
            }

            @Override
            public void advance(long done) {}
        };
        Path folder = new Hub(settings(), Duration.ofMillis(1)).fetch(ID, progress);
        assertWhole(folder);
        assertThat(stages).contains("download model.safetensors 1000000 bytes");
        try (var files = Files.list(folder)) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .containsExactlyInAnyOrder("config.json", "tokenizer.json", "model.safetensors");
        }
        Path root = home.resolve("hf/hub/models--owner--tiny-model");
        assertThat(folder).isEqualTo(root.resolve("snapshots").resolve(FakeHub.COMMIT));
        assertThat(root.resolve("refs/main")).hasContent(FakeHub.COMMIT);
        assertThat(Files.readSymbolicLink(folder.resolve("config.json")).toString())
                .isEqualTo("../../blobs/" + FakeHub.gitSum(hub.files.get("config.json")));
        hub.requests.clear();
        assertThat(fetch()).isEqualTo(folder);
        assertThat(hub.requests).hasSize(1); // whether there is something newer
        hub.requests.clear();
        assertThat(new Hub(settings()).find(ID)).isEqualTo(folder);
        assertThat(fetch("HF_HUB_OFFLINE", "1")).isEqualTo(folder);
        assertThat(hub.requests).isEmpty();
    }

    @Test
    void what_breaks_off_is_continued_where_it_ended() throws IOException {
        hub.truncated = 2;
        assertWhole(fetch());
        List<String> blobs =
                hub.requests.stream().filter(r -> r.startsWith("BLOB")).toList();
        assertThat(blobs).hasSize(3);
        assertThat(blobs.get(0)).endsWith("null");
        assertThat(blobs.get(2)).contains("bytes=");
    }

    @Test
    void a_part_of_an_earlier_run_is_continued_and_one_that_cannot_be_is_begun_again() throws IOException {
        Path blobs = home.resolve("hf/hub/models--owner--tiny-model/blobs");
        Files.createDirectories(blobs);
        Path part = blobs.resolve(dev.loupe.base.Checksums.sha256(weights()) + ".incomplete");
        Files.write(part, java.util.Arrays.copyOf(weights(), 400_000));
        assertWhole(fetch());
        assertThat(hub.requests).contains("BLOB /blob/model.safetensors bytes=400000-");
        assertThat(part).doesNotExist();
        Files.delete(blobs.resolve(dev.loupe.base.Checksums.sha256(weights())));
        Files.delete(
                home.resolve("hf/hub/models--owner--tiny-model/snapshots/" + FakeHub.COMMIT + "/model.safetensors"));
        Files.write(part, java.util.Arrays.copyOf(weights(), 400_000));
        hub.wholeOnly = true;
        assertWhole(fetch());
    }

    @Test
    void a_wrong_checksum_keeps_nothing() throws IOException {
        hub.wrongSum = "0".repeat(64);
        assertThatThrownBy(this::fetch)
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("model.safetensors")
                .hasMessageContaining("damaged");
        assertThat(new Hub(settings()).find(ID)).isNull();
        try (var files = Files.list(home.resolve("hf/hub/models--owner--tiny-model/blobs"))) {
            assertThat(files.map(f -> f.getFileName().toString())).allMatch(n -> n.length() == 40);
        }
        hub.wrongSum = "";
        assertWhole(fetch());
    }

    @Test
    void the_token_goes_to_the_hub_and_nowhere_else() throws IOException {
        fetch("HF_TOKEN", " secret \n");
        assertThat(hub.requests)
                .filteredOn(r -> !r.startsWith("BLOB"))
                .isNotEmpty()
                .allMatch(r -> r.endsWith("Bearer secret"));
        assertThat(hub.tokensElsewhere).isEmpty();
        Files.createDirectories(home.resolve("hf"));
        Files.writeString(home.resolve("hf/token"), "from-file\n");
        assertThat(settings().token()).isEqualTo("from-file");
        assertThat(settings().toString()).doesNotContain("from-file");
        assertThat(HubSettings.of(Map.of(), home))
                .isEqualTo(
                        new HubSettings("https://huggingface.co", home.resolve(".cache/huggingface/hub"), null, false));
        assertThat(HubSettings.of(Map.of("HF_HUB_CACHE", "/c", "HF_HUB_OFFLINE", "true"), home))
                .isEqualTo(new HubSettings("https://huggingface.co", Path.of("/c"), null, true));
    }

    @Test
    void refusals_say_what_to_do() {
        hub.status = 401;
        hub.errorCode = "GatedRepo";
        assertThatThrownBy(this::fetch)
                .hasMessageContaining("owner/tiny-model is gated")
                .hasMessageContaining("HF_TOKEN");
        hub.errorCode = "RepoNotFound";
        assertThatThrownBy(this::fetch)
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("no model owner/tiny-model");
        hub.status = 403;
        hub.errorCode = "";
        assertThatThrownBy(() -> fetch("HF_TOKEN", "x")).hasMessageContaining("use a token that may read it");
        hub.status = 404;
        assertThatThrownBy(this::fetch).isInstanceOf(NotFoundException.class);
        hub.status = 503;
        assertThatThrownBy(this::fetch)
                .hasMessageContaining("cannot be reached")
                .hasMessageContaining("503");
        hub.close();
        assertThatThrownBy(this::fetch)
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("cannot be reached")
                .hasMessageContaining("copy the model's folder");
        assertThatThrownBy(() -> fetch("HF_HUB_OFFLINE", "1"))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("HF_HUB_OFFLINE");
    }

    @Test
    void without_a_network_the_copy_in_the_cache_is_used() throws IOException {
        Path folder = fetch();
        hub.close();
        assertThat(fetch()).isEqualTo(folder);
        Files.delete(folder.resolve("tokenizer.json"));
        assertThatThrownBy(this::fetch).hasMessageContaining("cannot be reached");
        assertThatThrownBy(() -> fetch("HF_HUB_OFFLINE", "1"))
                .hasMessageContaining("not whole")
                .hasMessageContaining("tokenizer.json");
    }

    @Test
    void shards_of_an_index_are_fetched_and_strange_names_are_not() throws IOException {
        hub.files.remove("model.safetensors");
        hub.files.put("model-00001-of-00002.safetensors", weights());
        hub.files.put("model-00002-of-00002.safetensors", weights());
        String index = "{\"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\", \"b\": \"%s\"}}";
        hub.files.put(
                "model.safetensors.index.json",
                index.formatted("../../evil.safetensors").getBytes(StandardCharsets.UTF_8));
        assertThatThrownBy(this::fetch).isInstanceOf(LoupeException.class).hasMessageContaining("evil");
        assertThat(home.resolve("evil.safetensors")).doesNotExist();
        Files.walk(home)
                .filter(f -> f.toString().contains("index.json"))
                .forEach(f -> f.toFile().delete());
        hub.files.put(
                "model.safetensors.index.json",
                index.formatted("model-00002-of-00002.safetensors").getBytes(StandardCharsets.UTF_8));
        Path folder = fetch();
        assertThat(folder.resolve("model-00002-of-00002.safetensors")).hasBinaryContent(weights());
    }

    @Test
    void models_in_other_formats_are_named() {
        hub.files.remove("model.safetensors");
        assertThatThrownBy(this::fetch)
                .hasMessageContaining("no weights in the safetensors format")
                .hasMessageContaining("pytorch_model.bin");
        hub.files.put("a.Q4_0.gguf", weights());
        assertThat(fetch().resolve("a.Q4_0.gguf")).hasBinaryContent(weights());
        hub.files.put("b.gguf", weights());
        assertThatThrownBy(this::fetch)
                .hasMessageContaining("several GGUF files")
                .hasMessageContaining("a.Q4_0.gguf, b.gguf");
    }

    @Test
    void a_description_alone_needs_no_weights() {
        Path folder = new Hub(settings(), Duration.ofMillis(1)).describe(ID, Progress.silent());
        assertThat(folder.resolve("config.json")).exists();
        assertThat(folder.resolve("model.safetensors")).doesNotExist();
        assertThat(new Hub(settings()).find(ID)).isNull();
    }

    @Test
    void some_files_of_a_repository_are_fetched_and_found_again_without_a_network() throws IOException {
        byte[] content = "{}".getBytes(StandardCharsets.UTF_8);
        hub.files.put("a/b/cfg.json", content);
        hub.files.put("a/b/x.safetensors", weights());
        hub.files.put("../evil.json", content);
        HubId id = ID.as(HubId.Kind.SAE);
        Hub here = new Hub(settings(), Duration.ofMillis(1));
        List<String> wanted = List.of("a/b/cfg.json", "a/b/x.safetensors");
        java.util.function.UnaryOperator<List<String>> choose = all -> {
            if (!all.containsAll(wanted)) {
                throw new NotFoundException("not whole");
            }
            return wanted;
        };
        hub.truncated = 1;
        Path folder = here.files(id, choose, Progress.silent());
        assertThat(folder.resolve("a/b/x.safetensors")).hasBinaryContent(weights());
        assertThat(Files.readSymbolicLink(folder.resolve("a/b/cfg.json")).toString())
                .isEqualTo("../../../../blobs/" + FakeHub.gitSum(content));
        assertThat(folder.resolve("config.json")).doesNotExist();
        assertThatThrownBy(() -> here.files(id, all -> List.of("../evil.json"), Progress.silent()))
                .hasMessageContaining("no usable name");
        hub.close();
        assertThat(here.files(id, choose, Progress.silent())).isEqualTo(folder);
        assertThat(new Hub(settings("HF_HUB_OFFLINE", "1")).files(id, choose, Progress.silent()))
                .isEqualTo(folder);
        Files.delete(folder.resolve("a/b/cfg.json"));
        assertThatThrownBy(() -> new Hub(settings("HF_HUB_OFFLINE", "1")).files(id, choose, Progress.silent()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("HF_HUB_OFFLINE");
        assertThatThrownBy(() -> here.files(id, choose, Progress.silent()))
                .hasMessageContaining("cannot be reached")
                .hasMessageContaining("copy the SAE's folder");
    }

    @Test
    void ids_are_told_from_paths() {
        assertThat(HubId.parse("HuggingFaceTB/SmolLM2-135M"))
                .isEqualTo(new HubId("HuggingFaceTB/SmolLM2-135M", "main"));
        assertThat(HubId.parse("a/b@refs/pr/1")).isEqualTo(new HubId("a/b", "refs/pr/1"));
        for (String no :
                List.of("gpt2", "/a/b", "a/b/c", "../b", "a/..", "a/b@", "a/b@../x", "a--b/c", "a/b c", "~/b")) {
            assertThat(HubId.parse(no)).as(no).isNull();
        }
    }

    /** Python's own library finds what Loupe fetched, where this machine has one. */
    @Test
    void python_reads_the_same_cache() throws IOException {
        Path python = Python.require("That huggingface_hub reads the cache is not checked.");
        fetch();
        String program = """
                import sys
                from huggingface_hub import scan_cache_dir, snapshot_download
                info = scan_cache_dir(sys.argv[1])
                assert not info.warnings, info.warnings
                print(sorted((r.repo_id, r.size_on_disk, sorted(x.commit_hash for x in r.revisions), sorted(r.refs)) for r in info.repos))
                print(snapshot_download("owner/tiny-model", cache_dir=sys.argv[1], local_files_only=True))
                """;
        String said = Python.run(python, program, home.resolve("hf/hub"));
        assertThat(said.lines())
                .containsExactly(
                        "[('owner/tiny-model', 1000010, ['" + FakeHub.COMMIT + "'], ['main'])]",
                        home.resolve("hf/hub/models--owner--tiny-model/snapshots/" + FakeHub.COMMIT)
                                .toString());
    }
}
