package dev.loupe.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VersionedJsonTest {
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Thing(String name, @Nullable Integer size) {}

    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void name() {
        file = folder.resolve("thing.json");
    }

    private Thing read(String json) throws IOException {
        return VersionedJson.read(Files.writeString(file, json), "thing a", Thing.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\"format\": \"1.0\", ", "\"format\": \"1.27\", ", "\"format\": 1.5, "})
    void the_first_major_version_is_read(String format) throws IOException {
        assertThat(read("{" + format + "\"name\": \"n\", \"later\": 3}")).isEqualTo(new Thing("n", null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"2.0", "7.2", "10.1"})
    void a_newer_one_is_refused_before_its_shape_is_looked_at(String format) {
        assertThatThrownBy(() -> read("{\"format\": \"" + format + "\", \"name\": {\"of\": \"another shape\"}}"))
                .isInstanceOf(NewerFormatException.class)
                .hasMessage("The thing a has format " + format + "; this program reads 1.x: a newer Loupe is needed ("
                        + file + ").");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"format\": \"\"}",
                "{\"format\": \"one\"}",
                "{\"format\": \"0.9\"}",
                "{\"format\": \"99999999999.1\"}",
                "[]",
                "null",
                "",
                "{\"name\": [1]}",
                "{\"name\": "
            })
    void anything_else_is_damaged(String json) {
        assertThatThrownBy(() -> read(json))
                .isInstanceOf(LoupeException.class)
                .isNotInstanceOf(NewerFormatException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("damaged");
    }

    @Test
    void it_is_written_with_its_version_and_never_over_a_newer_one() throws IOException {
        VersionedJson.write(file, "thing a", new Thing("n", 2));
        assertThat(Json.tree(file).path("format").asString("")).isEqualTo("1.0");
        assertThat(VersionedJson.read(file, "thing a", Thing.class)).isEqualTo(new Thing("n", 2));
        String newer = "{\"format\": \"2.0\"}";
        Files.writeString(file, newer);
        assertThatThrownBy(() -> VersionedJson.write(file, "thing a", new Thing("m", 3)))
                .isInstanceOf(NewerFormatException.class);
        assertThatThrownBy(() -> VersionedJson.update(file, "thing a", new Thing("m", 3)))
                .isInstanceOf(NewerFormatException.class);
        assertThatThrownBy(() -> VersionedJson.checkReplaceable(file, "thing a"))
                .isInstanceOf(NewerFormatException.class);
        assertThat(file).hasContent(newer);
        Files.writeString(file, "{half");
        VersionedJson.checkReplaceable(file, "thing a");
        VersionedJson.write(file, "thing a", new Thing("m", 3));
        assertThat(VersionedJson.read(file, "thing a", Thing.class)).isEqualTo(new Thing("m", 3));
    }

    @Test
    void an_update_keeps_what_a_later_minor_version_added_and_nothing_else() throws IOException {
        Files.writeString(file, "{\"format\": \"1.3\", \"name\": \"n\", \"size\": 4, \"colour\": \"blue\"}");
        VersionedJson.update(file, "thing a", new Thing("m", null));
        assertThat(Json.tree(file))
                .isEqualTo(Json.MAPPER.readTree("{\"format\": \"1.3\", \"name\": \"m\", \"colour\": \"blue\"}"));
        VersionedJson.update(folder.resolve("new.json"), "thing b", new Thing("m", null));
        assertThat(folder.resolve("new.json")).content().contains("\"format\" : \"1.0\"");
    }
}
