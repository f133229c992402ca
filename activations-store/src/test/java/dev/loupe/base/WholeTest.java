package dev.loupe.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WholeTest {
    record Inner(String name, @Nullable String note, int count, double[] values) {}

    record Outer(
            List<Inner> parts,
            Map<String, Object> open,
            @Nullable Inner best) {}

    @TempDir
    Path dir;

    private Outer read(String json) throws IOException {
        return Json.read(Files.writeString(dir.resolve("f.json"), json), Outer.class);
    }

    @Test
    void whatMayBeMissingMayBeMissing() throws IOException {
        Outer read = read("{\"parts\": [{\"name\": \"a\", \"values\": []}], \"open\": {\"x\": null}}");
        assertThat(read.best()).isNull();
        assertThat(read.parts().getFirst().note()).isNull();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    null                                                                   | everything
                    {"open": {}}                                                           | parts
                    {"parts": null, "open": {}}                                            | parts
                    {"parts": []}                                                          | open
                    {"parts": [null], "open": {}}                                          | parts[0]
                    {"parts": [{"name": "a", "values": []}, {"values": []}], "open": {}}   | parts[1].name
                    {"parts": [], "open": {}, "best": {"name": "a"}}                       | best.values
                    """)
    void whatIsPromisedAndNotThereIsNamed(String json, String missing) {
        assertThatThrownBy(() -> read(json))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("f.json")
                .hasMessageContaining("(" + missing + " is missing)");
    }
}
