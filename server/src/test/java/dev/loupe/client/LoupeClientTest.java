package dev.loupe.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.loupe.cli.SmallWorkspace;
import dev.loupe.http.LoupeServer;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The client against a running server. */
class LoupeClientTest {
    private static final Edit STRONG = Edit.add("tiny-s0", 3, 3000).in("absolute");

    private static Workbench bench;
    private static LoupeServer server;
    private static LoupeClient client;

    @BeforeAll
    static void start() {
        bench = new Workbench(
                Workspace.create(SmallWorkspace.folder()),
                Settings.load(
                        Map.of(Settings.Key.WORKSPACE, SmallWorkspace.folder().toString()), Map.of()));
        server = LoupeServer.start(bench, new LoupeServer.Options("127.0.0.1", 0, null));
        client = LoupeClient.of(server.url() + "/");
    }

    @AfterAll
    static void stop() {
        client.close();
        server.close();
        bench.close();
    }

    @Test
    void textsAreWrittenWholeAndAsAStreamWithAndWithoutEdits() {
        assertThat(client.models()).contains("builtin");
        Writing w = Writing.of("builtin", "I would like to thank").tokens(8);
        Completion plain = client.complete(w);
        assertThat(plain.text()).isNotBlank();
        assertThat(plain.completionTokens()).isBetween(1, 8);
        List<String> pieces = new ArrayList<>();
        assertThat(client.stream(w, pieces::add)).isEqualTo(plain.text());
        assertThat(String.join("", pieces)).isEqualTo(plain.text());
        assertThat(client.stream(w, p -> false)).isNotEqualTo(plain.text());
        Steered s = client.steer(w.with(STRONG));
        assertThat(s.plain()).isEqualTo(plain.text());
        assertThat(s.steered()).isNotEqualTo(s.plain());
        assertThat(s.kl()).isPositive();
        assertThat(s.edits()).singleElement().asString().contains("tiny-s0:3");
        assertThat(client.complete(w.with(STRONG)).text()).isEqualTo(s.steered());
        assertThat(client.complete(w.with(STRONG).when("feature tiny-s0:3 > 1e9"))
                        .text())
                .isEqualTo(plain.text());
        assertThat(client.complete(w.sampled(1, 5)).text())
                .isEqualTo(client.complete(w.sampled(1, 5)).text());
        assertThat(client.complete(w.stop(" ")).text()).doesNotContain(" ");
    }

    @Test
    void variantsAreModelsAndFeaturesAreFound() {
        client.saveVariant("clienttest", List.of(STRONG));
        assertThat(client.variants()).contains("clienttest");
        String prompt = "We must vote";
        assertThat(client.complete(Writing.of("builtin@clienttest", prompt).tokens(6))
                        .text())
                .isEqualTo(
                        client.complete(Writing.of("builtin", prompt).tokens(6).with(STRONG))
                                .text());
        client.deleteVariant("clienttest");
        assertThat(client.variants()).doesNotContain("clienttest");
        Feature f = client.feature("tiny-s0", 3);
        assertThat(f.id()).isEqualTo(3);
        List<Feature> found = client.search("3", 5);
        assertThat(found).isNotEmpty();
        assertThat(found.getFirst().sae()).startsWith("tiny");
    }

    @Test
    void activationsLatentsAndJobsAreTyped() throws Exception {
        String text = "I would like to thank";
        List<TokenActivations> at = client.activations("builtin", List.of(SmallWorkspace.HOOK), text, "We must vote");
        assertThat(at.stream().filter(t -> t.text() == 1)).isNotEmpty();
        assertThat(at.getFirst().hooks().get(SmallWorkspace.HOOK)).hasSize(192);
        List<TokenLatents> latents = client.encode("tiny-s0", text);
        assertThat(latents).isNotEmpty().allSatisfy(t -> {
            assertThat(t.latents()).hasSizeLessThanOrEqualTo(8).doesNotHaveDuplicates();
            assertThat(t.values()).hasSameSizeAs(t.latents());
        });
        // the same numbers as the SAE itself computes from the activations
        TokenActivations last = at.stream().filter(t -> t.text() == 0).toList().getLast();
        dev.loupe.sae.SparseCodes codes = bench.saes()
                .open("tiny-s0")
                .encode(dev.loupe.math.Matrix.copyOf(new float[][] {last.hooks().get(SmallWorkspace.HOOK)}));
        TokenLatents theirs = latents.getLast();
        assertThat(theirs.token()).isEqualTo(last.token());
        assertThat(theirs.latents()).hasSize(codes.count(0));
        assertThat(client.features("tiny-s0", 0, 5)).hasSize(5);
        JobStatus job = client.await(
                client.start("compare", Map.of("a", "tiny-s0", "b", "nobody")).id());
        assertThat(job.state()).isEqualTo("failed");
        assertThat(job.text()).contains("nobody");
        assertThat(client.jobs()).extracting(JobStatus::id).contains(job.id());
        assertThat(client.job(job.id()).ended()).isTrue();
    }

    @Test
    void refusalsCarryTheSentenceTheStatusAndTheField() {
        ServerException e = catchThrowableOfType(
                ServerException.class,
                () -> client.complete(Writing.of("builtin", "a").sampled(-1, 0)));
        assertThat(e.status()).isEqualTo(400);
        assertThat(e.field()).isEqualTo("temperature");
        e = catchThrowableOfType(ServerException.class, () -> client.feature("nobody", 1));
        assertThat(e.status()).isEqualTo(404);
        assertThat(e).hasMessageContaining("nobody");
        e = catchThrowableOfType(ServerException.class, () -> client.stream(Writing.of("nobody", "a"), p -> true));
        assertThat(e.status()).isEqualTo(404);
        try (LoupeClient nowhere = LoupeClient.of("http://127.0.0.1:1")) {
            assertThatThrownBy(nowhere::models).isInstanceOf(UncheckedIOException.class);
        }
    }
}
