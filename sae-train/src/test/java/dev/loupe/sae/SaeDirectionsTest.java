package dev.loupe.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.compare.Matching;
import dev.loupe.compare.SaeMatcher;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SaeDirectionsTest {
    @TempDir
    Path dir;

    private Sae saved(String name, long seed, int latents, int width) {
        Cases.Random random = Cases.Random.of(seed);
        Sae sae = new Sae(
                name,
                new SaeConfig(
                        Architecture.TOPK, 4, true, "toy", "blocks.0.hook_resid_post", "", Map.of("context_size", 16)),
                new SaeWeights(
                        Matrix.copyOf(random.matrix(latents, width)),
                        Matrix.copyOf(random.matrix(latents, width)),
                        new float[latents],
                        new float[width],
                        new float[0]),
                SaeProvenance.unknown());
        sae.save(dir.resolve(name));
        return Sae.open(dir.resolve(name));
    }

    @Test
    void directionsOnDiskAreThoseOfTheOpenedSaeAndMatchAlike() throws IOException {
        Path scratch = dir.resolve("scratch");
        Sae a = saved("a", 1, 130, 67);
        Sae b = saved("b", 2, 97, 67);
        try (SaeDirections x = SaeDirections.open(dir.resolve("a"), scratch);
                SaeDirections y = SaeDirections.open(dir.resolve("b"), scratch)) {
            assertThat(x.name()).isEqualTo("a");
            assertThat(x.dSae()).isEqualTo(130);
            assertThat(x.dIn()).isEqualTo(67);
            for (int i = 0; i < 130; i++) {
                Floats.assertIdentical(x.decoderRows().row(i), a.decoderRows().row(i));
                Floats.assertIdentical(x.encoderRows().row(i), a.encoderRows().row(i));
            }
            Matching onDisk = SaeMatcher.match(x, y, 0.2, null, Progress.silent());
            Matching inMemory = SaeMatcher.match(a, b, 0.2, Progress.silent());
            assertThat(onDisk.decoderMatch()).isEqualTo(inMemory.decoderMatch());
            assertThat(onDisk.encoderMatch()).isEqualTo(inMemory.encoderMatch());
            assertThat(onDisk.shared()).isEqualTo(inMemory.shared());
        }
        try (Stream<Path> left = Files.list(scratch)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void aFolderThatIsNoSaeIsRefusedAndLeavesNothing() throws IOException {
        saved("cut", 3, 20, 8);
        Path weights = dir.resolve("cut/sae_weights.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        Files.write(weights, java.util.Arrays.copyOf(bytes, bytes.length - 9));
        Path scratch = Files.createDirectories(dir.resolve("scratch"));
        assertThatThrownBy(() -> SaeDirections.open(dir.resolve("cut"), scratch))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("sae_weights.safetensors");
        assertThatThrownBy(() -> SaeDirections.open(dir.resolve("nothing"), scratch))
                .isInstanceOf(LoupeException.class);
        try (Stream<Path> left = Files.list(scratch)) {
            assertThat(left).isEmpty();
        }
    }
}
