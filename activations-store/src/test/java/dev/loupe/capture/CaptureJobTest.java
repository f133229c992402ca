package dev.loupe.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.CancelledException;
import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.HeldOut;
import dev.loupe.corpus.Packing;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.ValueRule;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CaptureJobTest {
    @TempDir
    Path folder;

    private Path text;

    @BeforeEach
    void text() throws IOException {
        text = ToyText.in(folder);
    }

    private CaptureRequest request(String name, long tokens) {
        return request("activations", name, tokens);
    }

    private CaptureRequest request(String in, String name, long tokens) {
        return ToyText.request(text, folder.resolve(in), name, tokens);
    }

    @Test
    void every_row_holds_what_the_model_gives_for_its_token() throws IOException {
        CaptureResult result = capture(request("s", 2_000), new ToyModel(), Progress.silent());
        assertThat(result.tokens()).isEqualTo(2_000);
        assertThat(result.heldOutTokens()).isEqualTo(250);
        assertThat(result.trainTokens()).isEqualTo(1_750);
        assertThat(result.tokensPerSecond()).isPositive();
        assertThat(result.peakMemoryBytes()).isGreaterThan(10 << 20);
        try (ActivationStore store = ActivationStore.open(result.folder());
                Arena arena = Arena.ofConfined()) {
            assertThat(store.hooks()).isEqualTo(ToyText.HOOKS);
            assertThat(store.verify(Progress.silent()).problems()).isEmpty();
            ToyModel.Bytes tokenizer = new ToyModel.Bytes();
            Matrix row = Matrix.allocate(arena, 1, ToyModel.WIDTH);
            HeldOut rule = HeldOut.share(0.1);
            List<String> lines = Files.readAllLines(text);
            for (int r = 0; r < 2_000; r += 3) {
                int[] tokens = store.sequenceTokens(store.tokens().sequence(r));
                int position = store.tokens().position(r);
                assertThat(tokens[0]).isEqualTo(ToyModel.BOS);
                assertThat(tokens.length).isLessThanOrEqualTo(64);
                assertThat(tokens[position])
                        .isEqualTo(store.tokens().tokenId(r))
                        .isNotEqualTo(ToyModel.BOS);
                int document = store.tokens().document(r);
                String name = store.documents().name(document);
                String line = lines.get(Integer.parseInt(name.substring(name.indexOf(':') + 1)) - 1);
                assertThat(line)
                        .contains(tokenizer.decode(java.util.Arrays.copyOfRange(tokens, 1, tokens.length), false));
                assertThat(store.documents().heldOut(document)).isEqualTo(rule.test(line));
                assertThat(store.documents().label(document)).isNotEmpty();
                for (String hook : ToyText.HOOKS) {
                    store.reader(hook).read(r, 1, row);
                    float[] expected = new float[ToyModel.WIDTH];
                    for (int i = 0; i < expected.length; i++) {
                        expected[i] = ToyModel.value(hook, tokens, position, i);
                    }
                    Floats.assertIdentical(row.row(0), expected);
                }
            }
        }
    }

    @Test
    void a_folder_that_cannot_be_written_is_refused_before_the_model_runs() throws IOException {
        ToyModel model = new ToyModel();
        Files.writeString(folder.resolve("file"), "no folder");
        assertThatThrownBy(() -> capture(request("file/stores", "s", 2_000), model, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("file/stores");
        Path readOnly = Files.createDirectories(folder.resolve("read-only"));
        assertThat(readOnly.toFile().setWritable(false)).isTrue();
        if (!Files.isWritable(readOnly)) { // root may write anywhere
            assertThatThrownBy(() -> capture(request("read-only", "s", 2_000), model, Progress.silent()))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("read-only");
        }
        assertThat(readOnly.toFile().setWritable(true)).isTrue();
        assertThat(model.passes).isZero();
    }

    private static CaptureResult capture(CaptureRequest request, ToyModel model, Progress progress) {
        return CaptureJob.run(request, model, progress, 1000); // small shards: several of them in a small text
    }

    @Test
    void a_capture_that_was_cancelled_anywhere_ends_with_the_same_bytes() throws IOException {
        capture(request("whole", "s", 6_000), new ToyModel(), Progress.silent());
        Map<String, String> whole = checksums(folder.resolve("whole/s"));
        for (int stopAfter : new int[] {0, 1, 4}) {
            String in = "cut-" + stopAfter;
            ToyModel model = new ToyModel();
            assertThatThrownBy(
                            () -> capture(request(in, "s", 6_000), model, new Cancel(() -> model.passes > stopAfter)))
                    .isInstanceOf(CancelledException.class);
            assertThat(folder.resolve(in).resolve("s")).doesNotExist();
            CaptureResult result = capture(request(in, "s", 6_000), new ToyModel(), Progress.silent());
            assertThat(result.reused()).isFalse();
            assertThat(checksums(folder.resolve(in).resolve("s"))).isEqualTo(whole);
        }
        assertThat(whole.keySet()).contains("tokens/shard-00001.arrow", "store.json", "documents.arrow");
    }

    @Test
    void a_killed_capture_continues_from_its_last_whole_shard() throws Exception {
        capture(request("whole", "killed", 6_000), new ToyModel(), Progress.silent());
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "@" + dev.loupe.fixtures.ProjectRoot.resolve(".jvmopts"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Killed.class.getName(),
                        folder.resolve("activations").toString(),
                        text.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("child.log").toFile())
                .start();
        int code = child.waitFor();
        assertThat(code).as(Files.readString(folder.resolve("child.log"))).isEqualTo(9);
        assertThat(folder.resolve("activations/killed")).doesNotExist();
        List<String> messages = new ArrayList<>();
        Progress progress = new Cancel(() -> false) {
            @Override
            public void message(String message) {
                messages.add(message);
            }
        };
        CaptureResult result = capture(request("killed", 6_000), new ToyModel(), progress);
        assertThat(result.shardsKept()).isEqualTo(1);
        assertThat(messages).anyMatch(m -> m.contains("1 shard"));
        assertThat(checksums(folder.resolve("activations/killed")))
                .isEqualTo(checksums(folder.resolve("whole/killed")));
    }

    /** Captures until the process dies in the second shard. */
    static final class Killed {
        public static void main(String[] args) {
            CaptureRequest request = CaptureRequest.of("killed", Path.of(args[0]), "toy", args[1], ToyText.HOOKS, 6_000)
                    .withHeldOut("0.1");
            capture(request, new ToyModel("weights", 1), Progress.silent());
        }
    }

    @Test
    void running_it_again_does_nothing_and_other_settings_are_refused() {
        capture(request("s", 3000), new ToyModel(), Progress.silent());
        ToyModel model = new ToyModel();
        CaptureResult again = capture(request("s", 3000), model, Progress.silent());
        assertThat(again.reused()).isTrue();
        assertThat(again.tokens()).isEqualTo(3000);
        assertThat(model.passes).isZero();
        assertThatThrownBy(() -> capture(request("s", 4000), model, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("already")
                .hasMessageContaining("another --name");
        assertThatThrownBy(() -> capture(request("s", 3000), new ToyModel("new", 1), Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("other settings");
    }

    @Test
    void a_second_writer_is_told_who_the_first_is() {
        try (ArtifactLock first = ArtifactLock.acquire(folder.resolve("activations/s"), "capturing s")) {
            assertThat(first).isNotNull();
            assertThatThrownBy(() -> capture(request("s", 3000), new ToyModel(), Progress.silent()))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("process " + ProcessHandle.current().pid());
            assertThat(capture(request("other", 3000), new ToyModel(), Progress.silent())
                            .tokens())
                    .isEqualTo(3000);
        }
    }

    @Test
    void a_text_shorter_than_asked_gives_what_it_has() throws IOException {
        Files.writeString(text, "one\ntwo two\nthree three three\n");
        CaptureResult result = capture(request("s", 1000), new ToyModel(), Progress.silent());
        assertThat(result.tokens()).isEqualTo("one".length() + "two two".length() + "three three three".length());
    }

    @Test
    void wrong_requests_are_refused_before_anything_is_written() throws IOException {
        ToyModel model = new ToyModel();
        CaptureRequest good = request("s", 100);
        assertThatThrownBy(() -> CaptureJob.run(
                        CaptureRequest.of("s", folder, "toy", text.toString(), List.of("blocks.7.hook_resid_post"), 10),
                        model,
                        Progress.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("blocks.7.hook_resid_post")
                .hasMessageContaining("blocks.1.hook_resid_post");
        assertThatThrownBy(() -> CaptureJob.run(good.withContext(65), model, Progress.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("2 to 64");
        assertThatThrownBy(() -> good.withDtype("int8"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("bf16");
        assertThatThrownBy(() -> CaptureRequest.of("../x", folder, "toy", "t.txt", ToyText.HOOKS, 10))
                .isInstanceOf(RuntimeException.class);
        assertThatThrownBy(() -> CaptureRequest.of("s", folder, "toy", "t.txt", ToyText.HOOKS, 0))
                .isInstanceOf(UsageException.class);
        Files.writeString(text, "\n \n");
        assertThatThrownBy(() -> CaptureJob.run(good, model, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("empty");
        assertThatThrownBy(() -> capture(request("s", 1L << 50), model, Progress.silent()))
                .isInstanceOf(LoupeException.class);
        assertThat(folder.resolve("activations/s")).doesNotExist();
    }

    @Test
    void a_disk_that_is_too_small_is_seen_before_the_work() {
        assertThatThrownBy(() -> capture(request("s", 1L << 45), new ToyModel(), Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("too full")
                .hasMessageContaining("fewer tokens");
    }

    @Test
    void first_positions_get_no_row_and_values_are_masked_and_clipped_as_the_manifest_says() {
        CaptureRequest request =
                request("s", 1_000).withRules(new CaptureRules(Packing.DOCUMENTS, 3, List.of(1), 0.25));
        CaptureResult result = capture(request, new ToyModel(), Progress.silent());
        assertThat(result.tokens()).isEqualTo(1_000);
        try (ActivationStore store = ActivationStore.open(result.folder());
                Arena arena = Arena.ofConfined()) {
            assertThat(store.verify(Progress.silent()).problems()).isEmpty();
            assertThat(store.manifest().content().sequence().excludeFirst()).isEqualTo(3);
            Matrix row = Matrix.allocate(arena, 1, ToyModel.WIDTH);
            boolean clipped = false;
            for (int r = 0; r < 1_000; r++) {
                int position = store.tokens().position(r);
                assertThat(position).isGreaterThanOrEqualTo(3);
                int[] tokens = store.sequenceTokens(store.tokens().sequence(r));
                for (String hook : ToyText.HOOKS) {
                    store.reader(hook).read(r, 1, row);
                    for (int i = 0; i < ToyModel.WIDTH; i++) {
                        float raw = ToyModel.value(hook, tokens, position, i);
                        clipped |= i != 1 && Math.abs(raw) > 0.25f;
                        assertThat(row.get(0, i)).isEqualTo(i == 1 ? 0 : Math.clamp(raw, -0.25f, 0.25f));
                    }
                    assertThat(store.manifest().hooks().get(hook).changed()).isEqualTo(new ValueRule(List.of(1), 0.25));
                }
            }
            assertThat(clipped).isTrue();
        }
        assertThatThrownBy(() -> capture(
                        request("t", 10).withRules(new CaptureRules(null, 0, List.of(ToyModel.WIDTH), null)),
                        new ToyModel(),
                        Progress.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("dimension " + ToyModel.WIDTH);
    }

    @Test
    void concatenated_documents_fill_the_context_and_every_row_knows_its_document() throws IOException {
        CaptureRequest request = request("s", 2_000).withRules(new CaptureRules(Packing.CONCATENATED, 0, null, null));
        CaptureResult result = capture(request, new ToyModel(), Progress.silent());
        List<String> lines = Files.readAllLines(text);
        try (ActivationStore store = ActivationStore.open(result.folder())) {
            assertThat(store.verify(Progress.silent()).problems()).isEmpty();
            ToyModel.Bytes tokenizer = new ToyModel.Bytes();
            int shorter = 0;
            for (int s = 0; s < store.sequences().size(); s++) {
                shorter += store.sequenceTokens(s).length < 64 - 1 ? 1 : 0;
            }
            assertThat(shorter).isLessThanOrEqualTo(2); // the last held-out one and the last
            Map<Integer, StringBuilder> texts = new TreeMap<>();
            for (int r = 0; r < store.rows(); r++) {
                texts.computeIfAbsent(store.tokens().document(r), d -> new StringBuilder())
                        .append(tokenizer.decode(new int[] {store.tokens().tokenId(r)}, false));
            }
            assertThat(texts.size()).isEqualTo(store.documents().size());
            texts.forEach((document, got) -> {
                String name = store.documents().name(document);
                assertThat(lines.get(Integer.parseInt(name.substring(name.indexOf(':') + 1)) - 1))
                        .startsWith(got.toString());
            });
        }
    }

    @Test
    void damaged_shards_are_captured_again_alone_with_the_same_bytes() throws IOException {
        CaptureResult result = capture(request("s", 4_000), new ToyModel(), Progress.silent());
        Map<String, String> before = checksums(result.folder());
        assertThat(result.shards()).isGreaterThan(2);
        Path activations = result.folder().resolve(ToyText.HOOKS.get(1)).resolve("shard-00001.arrow");
        byte[] bytes = Files.readAllBytes(activations);
        bytes[bytes.length / 3] ^= 4;
        Files.write(activations, bytes);
        Files.delete(result.folder().resolve("tokens/shard-00002.arrow"));
        ToyModel model = new ToyModel();
        Recapture.Result repaired = Recapture.run(result.folder(), model, Progress.silent());
        assertThat(repaired).isEqualTo(new Recapture.Result(List.of(1, 2), 2));
        assertThat(checksums(result.folder())).isEqualTo(before);
        assertThat(Recapture.run(result.folder(), model, Progress.silent()).shards())
                .isEmpty();
        assertThatThrownBy(() -> Recapture.run(result.folder(), new ToyModel("other", 1), Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("other weights");
        Files.delete(result.folder().resolve("sequences/shard-00000.arrow"));
        assertThatThrownBy(() -> Recapture.run(result.folder(), model, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("sequence table");
    }

    private static Map<String, String> checksums(Path store) throws IOException {
        Map<String, String> all = new TreeMap<>();
        try (Stream<Path> files = Files.walk(store)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                all.put(store.relativize(file).toString(), Checksums.sha256(file));
            }
        }
        return all;
    }

    private static class Cancel implements Progress {
        private final java.util.function.BooleanSupplier when;

        Cancel(java.util.function.BooleanSupplier when) {
            this.when = when;
        }

        @Override
        public void stage(String name, long total, String unit) {}

        @Override
        public void advance(long done) {}

        @Override
        public void metric(String name, long step, double value) {}

        @Override
        public void message(String text) {}

        @Override
        public boolean cancelled() {
            return when.getAsBoolean();
        }
    }
}
