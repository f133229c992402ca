package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What a text with line ends becomes in the log for people. */
class LogLinesTest {
    private static final String FORGED =
            "a prompt\n2026-11-26T10:00:00.000 INFO  1 [secret] - x: GET /a 200 1 ms\r\n{\"level\":1}";

    private static List<String> lines(String message, @Nullable Throwable thrown) {
        LoggerContext context = new LoggerContext();
        context.setMDCAdapter(new LogbackMDCAdapter());
        LoggingEvent event =
                new LoggingEvent("x", context.getLogger("dev.loupe.Here"), Level.WARN, message, thrown, null);
        return new String(Logs.lines(context).encode(event), StandardCharsets.UTF_8)
                .lines()
                .toList();
    }

    @Test
    void aMessageIsOneLineWhateverIsInIt() {
        assertThat(lines("plain", null)).singleElement().asString().endsWith("dev.loupe.Here: plain");
        assertThat(lines(FORGED, null)).singleElement().asString().contains("a prompt | 2026-11-26", " | {");
    }

    @Test
    void aFailureIsItsKindOneLineOfWordsAndItsFrames() {
        List<String> lines = lines("failed", new IllegalStateException(FORGED, new IllegalArgumentException(FORGED)));
        assertThat(lines.get(0)).endsWith("failed");
        assertThat(lines.get(1)).startsWith("java.lang.IllegalStateException: a prompt | 2026-11-26");
        assertThat(lines)
                .filteredOn(line -> line.startsWith("Caused by: java.lang.IllegalArgumentException: a prompt | "))
                .hasSize(1);
        assertThat(lines.subList(2, lines.size()))
                .hasSizeGreaterThan(10)
                .allMatch(line -> line.matches("\\s+at .*|\\s*\\.\\.\\. \\d+ .*|Caused by: .*"));
    }
}
