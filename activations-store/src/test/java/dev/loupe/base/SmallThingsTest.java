package dev.loupe.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SmallThingsTest {
    @TempDir
    Path folder;

    record Point(int x, int y) {}

    @Test
    void names_are_safe_folder_names() {
        assertThat(Names.check("topk-2048-s0")).isEqualTo("topk-2048-s0");
        for (String bad : new String[] {"", ".", "..", "../up", "a/b", "-x", "a b", "ä", "x".repeat(101)}) {
            assertThatThrownBy(() -> Names.check(bad)).isInstanceOf(UsageException.class);
        }
    }

    @Test
    void free_space_is_that_of_the_disk_and_a_folder_that_is_not_there_has_none() throws Exception {
        assertThat(FreeSpace.of(folder)).isPositive();
        assertThatThrownBy(() -> FreeSpace.of(folder.resolve("nowhere"))).isInstanceOf(java.io.IOException.class);
    }

    @Test
    void json_errors_name_the_file() throws Exception {
        Path file = folder.resolve("point.json");
        assertThatThrownBy(() -> Json.read(file, Point.class))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("point.json");
        Files.writeString(file, "{\"x\": 1,");
        assertThatThrownBy(() -> Json.read(file, Point.class))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("point.json");
        Json.write(file, new Point(1, 2));
        assertThat(Json.read(file, Point.class)).isEqualTo(new Point(1, 2));
        Files.writeString(file, "{\"x\": 1, \"y\": 2, \"added_later\": true}");
        assertThat(Json.read(file, Point.class)).isEqualTo(new Point(1, 2));
        assertThat(Json.line(new Point(3, 4))).isEqualTo("{\"x\":3,\"y\":4}");
    }

    /** RFC 3720 appendix B.4 gives these CRC32C values; NIST gives the SHA-256 of "abc". */
    @Test
    void checksums_agree_with_published_values() {
        assertThat(Checksums.crc32c(MemorySegment.ofArray(new byte[32]))).isEqualTo(0x8a9136aa);
        byte[] ones = new byte[32];
        java.util.Arrays.fill(ones, (byte) 0xff);
        assertThat(Checksums.crc32c(MemorySegment.ofArray(ones))).isEqualTo(0x62a8ab43);
        assertThat(Checksums.sha256("abc".getBytes(StandardCharsets.UTF_8)))
                .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    @Test
    void numbers_read_well() {
        assertThat(Fmt.count(950)).isEqualTo("950");
        assertThat(Fmt.count(12_345)).isEqualTo("12.3 k");
        assertThat(Fmt.count(1_270_000)).isEqualTo("1.27 M");
        assertThat(Fmt.figure(0.015012)).isEqualTo("0.01501");
        assertThat(Fmt.figure(24)).isEqualTo("24");
        assertThat(Fmt.figure(10_750.4)).isEqualTo("10.8 k");
        assertThat(Fmt.figure(Double.NaN)).isEqualTo("NaN");
        assertThat(Fmt.bytes(512)).isEqualTo("512 B");
        assertThat(Fmt.bytes(8L << 20)).isEqualTo("8.0 MiB");
        assertThat(Fmt.bytes(3L << 30)).isEqualTo("3.0 GiB");
        assertThat(Fmt.duration(Duration.ofMillis(800))).isEqualTo("0.8 s");
        assertThat(Fmt.duration(Duration.ofSeconds(200))).isEqualTo("3 min 20 s");
        assertThat(Fmt.duration(Duration.ofSeconds(7500))).isEqualTo("2 h 05 min");
        assertThat(Fmt.percent(0.00031)).isEqualTo("0.031 %");
        assertThat(Fmt.percent(0.84)).isEqualTo("84 %");
    }

    @Test
    void a_silent_progress_never_stops_the_work() {
        assertThatCode(() -> Progress.silent().check()).doesNotThrowAnyException();
    }
}
