package dev.loupe.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.FakeHub;
import dev.loupe.math.Matrix;
import dev.loupe.model.hub.Hub;
import dev.loupe.model.hub.HubSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SAEs of a hub, by their place and by the names of releases. */
class HubSaeTest {
    private static final String GEMMA = "gemma-scope-2b-pt-res/layer_20/width_16k/";

    @TempDir
    Path home;

    private FakeHub hub;

    @BeforeEach
    void start() throws IOException {
        hub = new FakeHub();
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    private Hub hub(String... more) {
        Map<String, String> environment =
                new HashMap<>(Map.of("HF_HOME", home.resolve("hf").toString(), "HF_ENDPOINT", hub.endpoint()));
        for (int i = 0; i < more.length; i += 2) {
            environment.put(more[i], more[i + 1]);
        }
        return new Hub(HubSettings.of(environment, home), Duration.ofMillis(1));
    }

    private static Sae sae(Architecture architecture) {
        Cases.Random r = Cases.Random.of(5);
        return new Sae(
                "made",
                new SaeConfig(architecture, 0, false, "gpt2-small", "blocks.8.hook_resid_pre", Map.of()),
                new SaeWeights(
                        Matrix.copyOf(r.matrix(6, 4)),
                        Matrix.copyOf(r.matrix(6, 4)),
                        r.floats(6),
                        r.floats(4),
                        architecture == Architecture.JUMPRELU ? new float[6] : new float[0]),
                SaeProvenance.unknown());
    }

    /** Puts the files of an SAE on the hub, under a folder. */
    private void publish(SaeFormat format, Sae sae, String folder) throws IOException {
        Path made = home.resolve("made-" + hub.files.size());
        if (format == SaeFormat.GEMMA_SCOPE) {
            Files.createDirectories(made);
            format.write(sae, made.resolve("params.npz"));
        } else {
            format.write(sae, made);
        }
        try (Stream<Path> all = Files.list(made)) {
            for (Path file : all.toList()) {
                hub.files.put((folder.isEmpty() ? "" : folder + "/") + file.getFileName(), Files.readAllBytes(file));
            }
        }
    }

    private static HubSae parsed(String text) {
        HubSae there = HubSae.parse(text);
        assertThat(there).as(text).isNotNull();
        return java.util.Objects.requireNonNull(there);
    }

    private static Sae read(HubSae.Fetched f) {
        return f.format().read(f.source(), "here", f.model(), f.hook());
    }

    private static void same(Sae read, Sae made) {
        for (int i = 0; i < made.dSae(); i++) {
            assertThat(read.encoderRows().row(i)).isEqualTo(made.encoderRows().row(i));
            assertThat(read.decoderRows().row(i)).isEqualTo(made.decoderRows().row(i));
        }
        float[] x = {0.3f, -0.7f, 1.1f, 0.2f};
        for (int i = 0; i < made.dSae(); i++) { // formats differ in whether b_dec is subtracted
            assertThat((double) read.preActivation(x, i)).isCloseTo(made.preActivation(x, i), within(1e-5));
        }
    }

    @Test
    void aReleaseOfSaeLensResolvesIsFetchedOnceAndReadOffline() throws IOException {
        Sae made = sae(Architecture.RELU);
        publish(SaeFormat.SAELENS, made, "blocks.8.hook_resid_pre");
        publish(SaeFormat.SAELENS, made, "blocks.9.hook_resid_pre");
        HubSae there = parsed("gpt2-small-res-jb/blocks.8.hook_resid_pre");
        assertThat(there).isEqualTo(parsed("hf:jbloom/GPT2-Small-SAEs-Reformatted/blocks.8.hook_resid_pre/"));
        hub.truncated = 1;
        HubSae.Fetched fetched = there.fetch(hub(), Progress.silent());
        Sae read = read(fetched);
        same(read, made);
        assertThat(read.hookName()).isEqualTo("blocks.8.hook_resid_pre");
        assertThat(read.modelId()).isEqualTo("gpt2-small");
        assertThat(fetched.source())
                .startsWith(home.resolve("hf/hub/models--jbloom--GPT2-Small-SAEs-Reformatted/snapshots"));
        assertThat(hub.requests).anyMatch(q -> q.contains("bytes=")).noneMatch(q -> q.contains("blocks.9"));
        hub.close();
        same(read(there.fetch(hub("HF_HUB_OFFLINE", "1"), Progress.silent())), made);
        assertThatThrownBy(() -> parsed("gpt2-small-res-jb/blocks.9.hook_resid_pre")
                        .fetch(hub("HF_HUB_OFFLINE", "1"), Progress.silent()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("HF_HUB_OFFLINE");
    }

    @Test
    void gemmaScopeSaysWhereItBelongsAndCanonicalIsTheOneNearestTo100() throws IOException {
        Sae made = sae(Architecture.JUMPRELU);
        for (String l0 : List.of("18", "64", "71", "136", "408")) {
            publish(SaeFormat.GEMMA_SCOPE, made, "layer_20/width_16k/average_l0_" + l0);
        }
        HubSae.Fetched fetched = parsed(GEMMA + "average_l0_71").fetch(hub(), Progress.silent());
        Sae read = read(fetched);
        same(read, made);
        assertThat(read.hookName()).isEqualTo("blocks.20.hook_resid_post");
        assertThat(read.modelId()).isEqualTo("google/gemma-2-2b");
        assertThat(canonical()).endsWith("average_l0_71/params.npz");
        hub.files.keySet().removeIf(f -> f.contains("_71/"));
        assertThat(canonical()).endsWith("average_l0_64/params.npz"); // 136 is as near
        assertThat(parsed("gemma-scope-9b-it-res/layer_9/width_16k/average_l0_88")
                        .id()
                        .repository())
                .isEqualTo("google/gemma-scope-9b-it-res");
    }

    /** Their files do not say which side of the norm they read, and a wrong guess would give wrong figures in silence. */
    @Test
    void transcodersOfGemmaScopeAreNotTakenForSaes() {
        assertThatThrownBy(() -> parsed("hf:google/gemma-scope-2b-pt-transcoders/layer_5/width_16k/average_l0_91")
                        .fetch(hub(), Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("transcoders")
                .hasMessageContaining("--hook-out");
        assertThat(hub.requests).isEmpty();
    }

    private String canonical() {
        return parsed("gemma-scope-2b-pt-res-canonical/layer_20/width_16k/canonical")
                .fetch(hub(), Progress.silent())
                .source()
                .toString();
    }

    @Test
    void otherFormatsAreToldFromTheirFilesAndARootWillDo() throws IOException {
        Sae made = sae(Architecture.RELU);
        publish(SaeFormat.DICTIONARY_LEARNING, made, "resid_post_layer_3/trainer_1");
        HubSae.Fetched fetched = parsed("llama-3.1-8b-instruct-andyrdt/resid_post_layer_3_trainer_1")
                .fetch(hub(), Progress.silent());
        assertThat(fetched.format()).isEqualTo(SaeFormat.DICTIONARY_LEARNING);
        same(read(fetched), made);
        publish(SaeFormat.SAELENS, made, "");
        fetched = parsed("hf:owner/one@main").fetch(hub(), Progress.silent());
        assertThat(fetched.format()).isEqualTo(SaeFormat.SAELENS);
        same(read(fetched), made);
    }

    @Test
    void whatIsNotThereIsSaidWithWhatIs() throws IOException {
        publish(SaeFormat.SAELENS, sae(Architecture.RELU), "blocks.8.hook_resid_pre");
        assertThat(HubSae.parse("some/folder")).isNull();
        assertThatThrownBy(() -> HubSae.parse("hf:owner")).isInstanceOf(UsageException.class);
        for (String bad : List.of("hf:owner/name/../x", "hf:owner/name//x", "hf:owner/name/.hidden")) {
            assertThatThrownBy(() -> HubSae.parse(bad)).as(bad).isInstanceOf(UsageException.class);
        }
        assertThatThrownBy(() -> HubSae.parse("gemma-2b-it-res-jb/blocks.x"))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("gemma-2b-it-res-jb");
        assertThatThrownBy(() ->
                        parsed("gpt2-small-res-jb/blocks.88.hook_resid_pre").fetch(hub(), Progress.silent()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("did you mean blocks.8.hook_resid_pre?");
        hub.status = 404;
        assertThatThrownBy(() -> parsed("hf:owner/nothing/x").fetch(hub(), Progress.silent()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("no repository of SAEs owner/nothing");
        hub.close();
        assertThatThrownBy(() -> parsed("hf:owner/other/x").fetch(hub(), Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("cannot be reached")
                .hasMessageContaining("copy the SAE's folder");
    }

    @Test
    void everyRuleOfTheTableGivesAPlace() {
        assertThat(SaeReleases.names())
                .hasSize(52)
                .contains("gemma-scope-2b-pt-res", "gpt2-small-res-jb")
                .noneMatch(r -> r.contains("-v5-"));
        assertThat(parsed("pythia-70m-deduped-res-sm/blocks.0.hook_resid_pre").path())
                .isEqualTo("e-res-sm");
        assertThat(parsed("gemma-2b-res-jb/blocks.6.hook_resid_post").path())
                .isEqualTo("gemma_2b_blocks.6.hook_resid_post_16384_anthropic_fast_lr");
        assertThat(parsed(
                                "sae_bench_gemma-2-2b_topk_width-2pow12_date-1109/blocks.12.hook_resid_post__trainer_3_step_308")
                        .path())
                .isEqualTo("gemma-2-2b_topk_width-2pow12_date-1109/resid_post_layer_12_checkpoints/trainer_3_step_308");
    }
}
