package dev.loupe.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.filter.AbstractMatcherFilter;
import ch.qos.logback.core.rolling.TimeBasedRollingPolicy;
import ch.qos.logback.core.spi.FilterReply;
import ch.qos.logback.core.util.FileSize;
import java.nio.file.Path;
import org.slf4j.LoggerFactory;

/**
 * Logging: one file a day in the workspace, kept for two weeks, shared by all processes, of a bounded size; warnings also
 * on stderr. As lines for people ({@code .log}), or as one JSON object a line ({@code .jsonl}). What a user or a model
 * wrote is not logged by itself; a failure's sentence may quote some of it, so a bug report leaves messages out.
 */
final class Logs {
    private static final String PATTERN =
            "%d{yyyy-MM-dd'T'HH:mm:ss.SSS} %-5level %pid [%thread] %X{request_id:--} %logger{30}: "
                    + "%replace(%msg){'[\\r\\n]+', ' | '}%n"
                    // a message with line ends must not pass for lines of its own
                    + "%replace(%ex){'[\\r\\n]++(?!\\s*at |\\s*\\.\\.\\. |\\s*Caused by: |\\s*Suppressed: |$)', ' | '}%nopex";

    /** A busy server writes some 100 bytes a request: half a million requests. */
    private static final long DAY_BYTES = 50_000_000;

    private Logs() {}

    static synchronized void start(Path folder, boolean verbose, boolean json) {
        if (!(LoggerFactory.getILoggerFactory() instanceof LoggerContext context)) {
            return; // another backend was put on the class path: it has its own settings
        }
        context.reset();
        Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.setLevel(Level.INFO);
        for (String chatty :
                new String[] {"org.eclipse.jetty", "io.javalin", "com.vaadin", "org.atmosphere", "ai.djl", "com.hubspot"
                }) {
            context.getLogger(chatty).setLevel(Level.WARN);
        }
        root.addAppender(file(context, folder, json));
        root.addAppender(console(context, verbose ? Level.INFO : Level.WARN, json));
    }

    private static DayLog file(LoggerContext context, Path folder, boolean json) {
        DayLog appender = new DayLog(DAY_BYTES);
        appender.setContext(context);
        appender.setPrudent(true); // several processes append to the same file
        TimeBasedRollingPolicy<ILoggingEvent> rolling = new TimeBasedRollingPolicy<>();
        rolling.setContext(context);
        rolling.setParent(appender);
        rolling.setFileNamePattern(folder.resolve("loupe-%d{yyyy-MM-dd}" + (json ? ".jsonl" : ".log"))
                .toString());
        rolling.setMaxHistory(14);
        rolling.setTotalSizeCap(FileSize.valueOf("100MB"));
        rolling.start();
        appender.setRollingPolicy(rolling);
        appender.setEncoder(json ? json(context) : lines(context));
        appender.start();
        return appender;
    }

    static ConsoleAppender<ILoggingEvent> console(LoggerContext context, Level level) {
        return console(context, level, false);
    }

    private static ConsoleAppender<ILoggingEvent> console(LoggerContext context, Level level, boolean json) {
        ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
        appender.setContext(context);
        appender.setTarget("System.err");
        appender.setEncoder(json ? json(context) : encoder(context, "%level: %msg%n%nopex"));
        AbstractMatcherFilter<ILoggingEvent> filter = new AbstractMatcherFilter<>() {
            @Override
            public FilterReply decide(ILoggingEvent event) {
                // a failed command says its sentence itself; the log keeps the rest
                boolean said = event.getLoggerName().equals(Failures.class.getName());
                return event.getLevel().isGreaterOrEqual(level) && !said ? FilterReply.NEUTRAL : FilterReply.DENY;
            }
        };
        filter.start();
        appender.addFilter(filter);
        appender.start();
        return appender;
    }

    /** Entries of a log for people, a line each, with the frames of a stack below. */
    static PatternLayoutEncoder lines(LoggerContext context) {
        return encoder(
                context, PATTERN.replace("%pid", "" + ProcessHandle.current().pid()));
    }

    private static JsonEncoder json(LoggerContext context) {
        JsonEncoder encoder = new JsonEncoder();
        encoder.setContext(context);
        encoder.setWithSequenceNumber(false);
        encoder.setWithContext(false);
        encoder.setWithMessage(false);
        encoder.setWithArguments(false);
        encoder.setWithFormattedMessage(true);
        encoder.start();
        return encoder;
    }

    private static PatternLayoutEncoder encoder(LoggerContext context, String pattern) {
        PatternLayoutEncoder encoder = new PatternLayoutEncoder();
        encoder.setContext(context);
        encoder.setPattern(pattern);
        encoder.start();
        return encoder;
    }
}
