package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.CancelledException;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.sae.Sae;
import dev.loupe.store.Shuffle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LiveTrainingTest {
    private static final String HOOK = "blocks.0.hook_resid_post";

    @TempDir
    static Path cache;

    private static LanguageModel model;

    @TempDir
    Path dir;

    @BeforeAll
    static void open() {
        model = LanguageModels.open(LanguageModels.builtin(cache), ModelOptions.defaults());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private CaptureRequest capture(String... hooks) throws IOException {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 120; i++) {
            text.append("The rapporteur of report ")
                    .append(i)
                    .append(" would like to thank ")
                    .append(i * 7)
                    .append(" members.\n");
        }
        Path file = Files.writeString(dir.resolve("text.txt"), text);
        return CaptureRequest.of("rows", dir, "builtin", file.toString(), List.of(hooks), 100_000)
                .withContext(32)
                .withHeldOut("0.2");
    }

    private TrainRequest request(String saes, TrainRequest.Rows rows, String hook, String hookOut, long... seeds) {
        TrainConfig config = TrainPreset.DEMO
                .config(Method.TOPK, 64)
                .with(Map.of("steps", 30, "batch", 64, "k", 4, "apply_b_dec_to_input", hookOut.isEmpty()));
        return new TrainRequest(
                "live",
                rows,
                dir.resolve(saes),
                hook,
                hookOut,
                config,
                java.util.Arrays.stream(seeds).boxed().toList());
    }

    private TrainRequest live(String saes, long... seeds) throws IOException {
        return request(saes, new TrainRequest.Rows.Live(capture(HOOK), () -> model), "", "", seeds);
    }

    @Test
    void aStoppedRunWithoutAStoreEndsWithTheBitsOfAnUninterruptedOneAndSaysWhatItRead() throws IOException {
        Path whole =
                TrainJob.run(live("whole", 3), Progress.silent()).getFirst().folder();
        TrainRequest broken = live("broken", 3);
        assertThatThrownBy(() -> TrainJob.run(broken, Runs.stoppingAfter(17))).isInstanceOf(CancelledException.class);
        TrainResult result = TrainJob.run(broken, Progress.silent()).getFirst();
        assertThat(result.resumedFrom()).isEqualTo(17);
        assertThat(Files.mismatch(
                        result.folder().resolve("sae_weights.safetensors"), whole.resolve("sae_weights.safetensors")))
                .isEqualTo(-1);
        Sae sae = Sae.open(whole);
        assertThat(sae.provenance().store()).isEqualTo("none");
        assertThat(sae.provenance().other()).containsKey("live");
        assertThat(sae.provenance().other().get("live").toString()).contains("text.txt", "builtin");
        assertThat(sae.provenance().other().get("data_order").toString()).startsWith("mixing-buffer");
        assertThat(TrainJob.run(broken, Progress.silent()).getFirst().kept()).isTrue();
    }

    @Test
    void seedsShareTheRowsAndATranscoderReadsTwoHookPoints() throws IOException {
        List<TrainResult> two = TrainJob.run(live("seeds", 0, 1), Progress.silent());
        Sae a = Sae.open(two.get(0).folder());
        Sae b = Sae.open(two.get(1).folder());
        assertThat(a.provenance().storeFingerprint()).isEqualTo(b.provenance().storeFingerprint());
        assertThat(a.provenance().inputScale()).isEqualTo(b.provenance().inputScale());
        TrainRequest alone = live("alone", 1);
        assertThat(Files.mismatch(
                        TrainJob.run(alone, Progress.silent())
                                .getFirst()
                                .folder()
                                .resolve("sae_weights.safetensors"),
                        two.get(1).folder().resolve("sae_weights.safetensors")))
                .isEqualTo(-1);
        String in = "blocks.0.hook_mlp_in";
        String out = "blocks.0.hook_mlp_out";
        TrainRequest coder = request("coder", new TrainRequest.Rows.Live(capture(in, out), () -> model), in, out, 0);
        Sae transcoder =
                Sae.open(TrainJob.run(coder, Progress.silent()).getFirst().folder());
        assertThat(transcoder.isTranscoder()).isTrue();
    }

    @Test
    void theShuffleOfAStoreIsRecordedAndAnotherOneIsAnotherTraining() throws IOException {
        CaptureRequest capture = capture(HOOK);
        CaptureJob.run(capture, model, Progress.silent());
        TrainRequest.Rows full = new TrainRequest.Rows.Stored(capture.folder(), Shuffle.FULL);
        TrainRequest.Rows block = new TrainRequest.Rows.Stored(capture.folder(), Shuffle.BLOCK);
        TrainResult result = TrainJob.run(request("saes", block, "", "", 0), Progress.silent())
                .getFirst();
        assertThat(Sae.open(result.folder()).provenance().other().get("data_order"))
                .isEqualTo(Shuffle.BLOCK.description());
        assertThat(TrainJob.run(request("saes", block, "", "", 0), Progress.silent())
                        .getFirst()
                        .kept())
                .isTrue();
        TrainRequest other = request("saes", full, "", "", 0);
        assertThatThrownBy(() -> TrainJob.run(other, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("other settings");
    }
}
