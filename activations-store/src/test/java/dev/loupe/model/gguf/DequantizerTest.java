package dev.loupe.model.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.model.SafetensorsFile;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every readable type against what PyPI gguf makes of the same bytes (tests/python/golden_gguf.py), bit by bit. */
class DequantizerTest {
    @ParameterizedTest
    @EnumSource
    void numbers_are_those_of_ggml_to_the_last_bit(GgmlType type, @TempDir Path folder) throws IOException {
        if (!type.readable()) {
            assertThat(GgmlType.supported()).doesNotContain(type.name());
            return;
        }
        try (GgufFile file = GgufFile.open(unpack("quants.gguf", folder));
                SafetensorsFile golden = SafetensorsFile.open(unpack("quants.safetensors", folder))) {
            assertThat(file.tensor(type.name()).shape()).containsExactly(3L, 512L);
            float[] expected = golden.floats(type.name());
            float[] actual = new float[expected.length];
            file.readFloats(type.name(), MemorySegment.ofArray(actual));
            for (int i = 0; i < expected.length; i++) {
                assertThat(Float.floatToRawIntBits(actual[i]))
                        .as("%s, element %d: %s for %s", type, i, actual[i], expected[i])
                        .isEqualTo(Float.floatToRawIntBits(expected[i]));
            }
        }
    }

    static Path unpack(String name, Path folder) throws IOException {
        Path target = folder.resolve(name);
        try (InputStream in = SafetensorsFile.class.getResourceAsStream("golden/gguf/" + name)) {
            Files.write(target, in.readAllBytes());
        }
        return target;
    }
}
