package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.rolling.TimeBasedRollingPolicy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log that is written to without end. */
class DayLogTest {
    private static final long BYTES = 100_000;

    @TempDir
    Path folder;

    private TimeBasedRollingPolicy<ILoggingEvent> rolling;

    private Logger logger() {
        LoggerContext context = new LoggerContext();
        context.setMDCAdapter(new LogbackMDCAdapter());
        DayLog log = new DayLog(BYTES);
        log.setContext(context);
        log.setPrudent(true);
        rolling = new TimeBasedRollingPolicy<>();
        rolling.setContext(context);
        rolling.setParent(log);
        rolling.setFileNamePattern(folder.resolve("loupe-%d{yyyy-MM-dd}.log").toString());
        rolling.start();
        log.setRollingPolicy(rolling);
        PatternLayoutEncoder encoder = new PatternLayoutEncoder();
        encoder.setContext(context);
        encoder.setPattern("%level %msg%n");
        encoder.start();
        log.setEncoder(encoder);
        log.start();
        Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.setLevel(Level.INFO);
        root.addAppender(log);
        return root;
    }

    private List<String> lines() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> all = files.sorted().toList();
            assertThat(all).as("files").hasSizeBetween(1, 2); // two where midnight passed
            List<String> lines = new ArrayList<>();
            for (Path file : all) {
                lines.addAll(Files.readAllLines(file));
            }
            return lines;
        }
    }

    @Test
    void aDayOfChatterLeavesRoomForWarningsAndNeitherFillsTheDisk() throws IOException {
        Logger one = logger();
        Logger other = logger(); // another process, as far as the file can tell
        String text = "x".repeat(100);
        for (int i = 0; i < 3 * BYTES / 100; i++) {
            (i % 2 == 0 ? one : other).info(text);
        }
        one.warn("the disk of the neighbour is full");
        List<String> lines = lines();
        assertThat(bytes(lines)).isBetween(BYTES, BYTES + 2L * DayLog.LOOK_EVERY * 106 + 400);
        assertThat(lines)
                .filteredOn(line -> line.contains("only warnings and errors are written"))
                .hasSize(2);
        assertThat(lines.getLast()).isEqualTo("WARN the disk of the neighbour is full");

        for (int i = 0; i < 3 * BYTES / 100; i++) {
            (i % 2 == 0 ? one : other).warn(text);
        }
        lines = lines();
        assertThat(bytes(lines)).isBetween(2 * BYTES, 2 * BYTES + 2L * DayLog.LOOK_EVERY * 106 + 800);
        assertThat(lines)
                .filteredOn(line -> line.contains("nothing more is written"))
                .hasSize(2);
    }

    /** Yesterday's file took nothing more; today's takes everything. */
    @Test
    void theNextDayBeginsAnotherFileHoweverFullTheLastOneIs() throws IOException {
        Logger logger = logger();
        String text = "x".repeat(100);
        for (int i = 0; i < 3 * BYTES / 100; i++) {
            logger.error(text);
        }
        logger.error("too late");
        assertThat(lines()).doesNotContain("ERROR too late");

        long tomorrow = System.currentTimeMillis() + 86_400_000;
        rolling.getTimeBasedFileNamingAndTriggeringPolicy().setCurrentTime(tomorrow);
        for (String said : List.of("good morning", "another day")) {
            LoggingEvent event = new LoggingEvent("x", logger, Level.INFO, said, null, null);
            event.setInstant(Instant.ofEpochMilli(tomorrow));
            logger.callAppenders(event);
        }
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> all = files.sorted().toList();
            assertThat(all).hasSizeGreaterThan(1);
            assertThat(Files.readAllLines(all.getLast())).containsExactly("INFO good morning", "INFO another day");
        }
    }

    private static long bytes(List<String> lines) {
        return lines.stream().mapToLong(line -> line.length() + 1L).sum();
    }
}
