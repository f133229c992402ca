package dev.loupe.feature;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PartialTextTest {
    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }

    @Test
    void text_stays_text_and_parts_of_characters_are_shown_as_bytes() {
        assertThat(PartialText.of("péter €".getBytes(StandardCharsets.UTF_8))).isEqualTo("péter €");
        assertThat(PartialText.of(bytes(' ', 0xE2, 0x82))).isEqualTo(" ⟨E2 82⟩");
        assertThat(PartialText.of(bytes(0xAC, 'a'))).isEqualTo("⟨AC⟩a");
        assertThat(PartialText.of(bytes(0xF0, 0x9F, 0x98, 'x', 0xC3))).isEqualTo("⟨F0 9F 98⟩x⟨C3⟩");
        assertThat(PartialText.of(bytes(0xFF, 0xFE))).isEqualTo("⟨FF FE⟩");
        assertThat(PartialText.of(new byte[0])).isEmpty();
    }

    @Test
    void whole_characters_are_never_taken_apart_and_no_byte_is_lost() {
        Cases.check(50, random -> {
            byte[] whole = "aé€😀 b".getBytes(StandardCharsets.UTF_8);
            int from = random.nextInt(0, whole.length);
            int to = from + random.nextInt(0, whole.length - from + 1);
            String shown = PartialText.of(Arrays.copyOfRange(whole, from, to));
            int hex = shown.replaceAll("⟨([^⟩]*)⟩|.", "$1 ").trim().isEmpty()
                    ? 0
                    : shown.replaceAll("⟨([^⟩]*)⟩|[^⟨⟩]", "$1 ").trim().split(" +").length;
            int text = shown.replaceAll("⟨[^⟩]*⟩", "").getBytes(StandardCharsets.UTF_8).length;
            assertThat(hex + text).isEqualTo(to - from);
        });
    }
}
