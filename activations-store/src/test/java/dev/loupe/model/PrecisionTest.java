package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import dev.loupe.kernel.Storage;
import dev.loupe.tensor.Device;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Models in bfloat16: close to float32, and where nothing is rounded equal to it. */
class PrecisionTest {
    /** Share of the largest logit; roundings of 2^-9 on both sides of every product of a few blocks. */
    private static final double CLOSE = 0.03;

    private static final TokenBatch BATCH =
            TokenBatch.of(new int[] {1, 5, 9, 30, 2, 7, 7, 11}, new int[] {4, 6, 3}, new int[] {8});

    @TempDir
    Path folder;

    private static LanguageModel open(Path path, Precision precision) {
        return LanguageModels.open(path, ModelOptions.defaults().withPrecision(precision));
    }

    @ParameterizedTest
    @MethodSource("dev.loupe.model.FusedBlockTest#families")
    void logits_and_written_text_stay_close_in_every_family(String name) {
        Path path = Golden.tiny(name, folder);
        try (LanguageModel exact = open(path, Precision.FP32);
                LanguageModel rounded = open(path, Precision.BF16)) {
            assertThat(rounded.precision()).isEqualTo(Precision.BF16);
            Forward a = exact.forward(BATCH, Taps.none(), Want.LAST_LOGITS);
            Forward b = rounded.forward(BATCH, Taps.none(), Want.LAST_LOGITS);
            for (int row = 0; row < BATCH.size(); row++) {
                double error = Golden.error(b.lastLogits(row), a.lastLogits(row));
                assertThat(error).isGreaterThan(0).isLessThan(CLOSE);
            }
            Generation written =
                    rounded.generate(new int[] {1, 5, 9}, Sampling.greedy(6), Taps.none(), TokenListener.silent());
            Generation again =
                    rounded.generate(new int[] {1, 5, 9}, Sampling.greedy(6), Taps.none(), TokenListener.silent());
            assertThat(written.tokens()).isEqualTo(again.tokens());
        }
    }

    @ParameterizedTest
    @MethodSource("dev.loupe.model.FusedBlockTest#families")
    void few_positions_are_rounded_as_many_are(String name) {
        int[] text = {1, 5, 9, 30, 2, 7};
        Path path = Golden.tiny(name, folder);
        try (LanguageModel rounded = open(path, Precision.BF16)) {
            float[] few = rounded.forward(TokenBatch.of(text), Taps.none(), Want.LAST_LOGITS)
                    .lastLogits(0);
            TokenBatch both = TokenBatch.of(text, new int[] {8, 3, 3, 6, 12, 4});
            float[] many = rounded.forward(both, Taps.none(), Want.LAST_LOGITS).lastLogits(0);
            assertThat(Golden.error(few, many)).isLessThan(CLOSE / 10); // sums in another order
        }
    }

    @Test
    void every_matrix_is_stored_in_two_bytes_and_none_stays_in_four() {
        Path path = Golden.tiny("tiny-llama", folder);
        try (ModelSource source = ModelSource.of(path)) {
            ModelSpec spec = source.spec();
            try (Weights weights = new Weights(source.weights(spec), spec, Precision.BF16, Device.CPU)) {
                assertThat(weights.embed.storage()).isEqualTo(Storage.BFLOAT16);
                assertThat(weights.unembed.weight().storage()).isEqualTo(Storage.BFLOAT16);
                for (Weights.Layer layer : weights.layers) {
                    for (Linear l : Arrays.asList(layer.q(), layer.k(), layer.v(), layer.o(), layer.mlpIn())) {
                        assertThat(l.weight().storage()).isEqualTo(Storage.BFLOAT16);
                    }
                }
            }
        }
    }

    @Test
    void names_are_those_of_the_command_and_of_python() {
        assertThat(Precision.parse("fp32")).isEqualTo(Precision.parse("float32"));
        assertThat(Precision.parse("bf16")).isEqualTo(Precision.parse("bfloat16"));
        assertThat(Precision.ofManifest(null)).isEqualTo(Precision.FP32);
        assertThat(Precision.ofManifest(Precision.BF16.inManifest())).isEqualTo(Precision.BF16);
        assertThatThrownBy(() -> Precision.parse("fp16"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("fp32 or bf16");
    }
}
