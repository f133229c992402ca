package dev.loupe.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeldOutTest {
    @Test
    void the_hash_is_that_of_the_normalised_text() {
        // python3 -c "import hashlib; print(hashlib.sha256('a b c'.encode()).hexdigest()[:16])"
        assertThat(HeldOut.hash("a b c")).isEqualTo("0e9f64031fcb2bc7");
        assertThat(HeldOut.hash(" ,.a \n\u00a0b\u2003c., ")).isEqualTo("0e9f64031fcb2bc7");
        assertThat(HeldOut.hash("abc")).isEqualTo("ba7816bf8f01cfea"); // FIPS 180-2, appendix B.1
        assertThat(HeldOut.hash("\u001c abc\u3000.")).isEqualTo("ba7816bf8f01cfea");
    }

    @Test
    void a_share_holds_out_about_that_share_whatever_the_order() {
        HeldOut rule = HeldOut.parse("0.05");
        long held = IntStream.range(0, 20_000)
                .filter(i -> rule.test("document " + i))
                .count();
        assertThat(held / 20_000.0).isCloseTo(0.05, within(4 * Math.sqrt(0.05 * 0.95 / 20_000)));
        assertThat(IntStream.range(0, 1000).filter(i -> HeldOut.share(0).test("d" + i)))
                .isEmpty();
        assertThat(rule.test("document 7")).isEqualTo(HeldOut.share(0.05).test("  document   7."));
    }

    @Test
    void a_list_holds_out_what_it_names(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(
                folder.resolve("held.txt"), HeldOut.hash("yes") + "\n\n" + HeldOut.hash("also") + "\n");
        HeldOut rule = HeldOut.parse(file.toString());
        assertThat(rule.test("yes")).isTrue();
        assertThat(rule.test(" also, ")).isTrue();
        assertThat(rule.test("no")).isFalse();
        assertThat(rule.describe()).contains("2 documents");
    }

    @Test
    void nonsense_is_refused_in_one_sentence() {
        assertThatThrownBy(() -> HeldOut.parse("1.5"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("1.5");
        assertThatThrownBy(() -> HeldOut.parse("no/such/list"))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("no/such/list");
        assertThatThrownBy(() -> HeldOut.ofHashes(List.of("xyz")))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("xyz");
    }
}
