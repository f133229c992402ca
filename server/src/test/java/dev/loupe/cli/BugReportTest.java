package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** What {@code loupe doctor --bundle} takes along, and above all what it leaves. */
class BugReportTest {
    private static final String PROMPT = "Dear diary, nobody may read this";
    private static final String TOKEN = "token-of-this-server";
    private static final String KEY = "sk-key-of-the-label-service";

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"text", "json"})
    void aReportHoldsNoTextNoTokenAndNoKey(String format) throws Exception {
        Path tokens = Files.writeString(folder.resolve("tokens"), TOKEN);
        Map<String, String> environment = Map.of(
                "LOUPE_LABEL_KEY",
                KEY,
                "LOUPE_LABEL_URL",
                "http://localhost/" + KEY,
                "LOUPE_LABEL_MODEL",
                "m",
                "LOUPE_TOKEN_FILE",
                tokens.toString(),
                "LOUPE_LOG_FORMAT",
                format);
        Cli cli = new Cli(folder.resolve("w"), environment);
        // a job that was asked something and failed with a sentence that quotes it
        Cli.Result failed = cli.run("patch", "--clean", PROMPT, "--corrupt", PROMPT + " longer, so that it fails");
        assertThat(failed.code()).isNotZero();
        cli.run("doctor"); // starts the log of this workspace
        try (MDC.MDCCloseable ignored = MDC.putCloseable("request_id", "an-id-7")) {
            LoggerFactory.getLogger(BugReportTest.class)
                    .error(
                            "It failed at " + PROMPT,
                            new IllegalStateException(
                                    PROMPT, new UncheckedIOException(PROMPT, new IOException(PROMPT + "\n" + PROMPT))));
            LoggerFactory.getLogger(BugReportTest.class).info("GET /api/saes/topk-s0 404 12 ms");
        }
        Path zip = folder.resolve("report.zip");
        Cli.Result r = cli.run("doctor", "--bundle", zip.toString());
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.err()).contains("report.zip");
        Map<String, String> parts = parts(zip);
        assertThat(parts)
                .containsOnlyKeys(
                        "README.txt", "doctor.json", "machine.json", "workspace.json", "jobs.json", "log.txt");
        assertThat(parts)
                .allSatisfy((name, text) -> assertThat(text)
                        .as(name)
                        .isNotBlank()
                        .doesNotContainIgnoringCase("diary", "nobody may read", TOKEN, KEY)
                        .doesNotContain(System.getProperty("user.home") + "/"));
        assertThat(parts.get("log.txt"))
                .contains("an-id-7", "IllegalStateException", "UncheckedIOException", "BugReportTest")
                .contains("GET /api/saes/topk-s0 404 12 ms")
                .contains("(message left out)");
        assertThat(parts.get("machine.json")).contains("LOUPE_LABEL_KEY", "java.runtime.version");
        assertThat(parts.get("doctor.json")).contains("\"(set)\"");
    }

    @Test
    void anUnknownLogFormatIsRefused() {
        Cli.Result r = new Cli(folder.resolve("w"), Map.of("LOUPE_LOG_FORMAT", "xml")).run("doctor");
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.err()).contains("\"xml\"").contains("text or json");
    }

    private static Map<String, String> parts(Path file) throws IOException {
        Map<String, String> parts = new LinkedHashMap<>();
        try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(file))) {
            for (ZipEntry e = zip.getNextEntry(); e != null; e = zip.getNextEntry()) {
                parts.put(e.getName(), new String(zip.readAllBytes(), StandardCharsets.UTF_8));
            }
        }
        return parts;
    }
}
