package dev.loupe.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.rolling.RollingFileAppender;
import java.io.File;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;

/**
 * One log file a day that cannot fill the disk. Several processes append to it, so none of them may begin another file when it
 * is full; from a size on it takes warnings and errors only, from twice that size on nothing. The next day's file takes all.
 */
final class DayLog extends RollingFileAppender<ILoggingEvent> {
    /** How many lines of this process come between two looks at the file's size. */
    static final int LOOK_EVERY = 64;

    private final long bytes;
    private int lines;
    private Level least = Level.ALL;
    /** When the next file begins, in milliseconds since 1970. */
    private long midnight;

    /**
     * A log.
     *
     * @param bytes the size from which on only warnings are written
     */
    DayLog(long bytes) {
        this.bytes = bytes;
    }

    @Override
    protected void append(ILoggingEvent event) {
        if (begins(event.getTimeStamp()) || admits(event.getLevel())) {
            super.append(event);
        }
    }

    /** Whether this is the first entry of a day: it must be written whatever the last day's file was like, to begin another. */
    private synchronized boolean begins(long now) {
        if (now < midnight) {
            return false;
        }
        boolean another = midnight > 0;
        ZonedDateTime time = Instant.ofEpochMilli(now).atZone(ZoneId.systemDefault());
        midnight = time.toLocalDate()
                .plusDays(1)
                .atStartOfDay(time.getZone())
                .toInstant()
                .toEpochMilli();
        if (another) {
            least = Level.ALL;
            lines = 1; // the next look is at the new file
        }
        return another;
    }

    private synchronized boolean admits(Level level) {
        if (lines++ % LOOK_EVERY == 0) {
            long size = new File(getFile()).length(); // 0 if there is none yet
            Level now = size < bytes ? Level.ALL : size < 2 * bytes ? Level.WARN : Level.OFF;
            boolean told = least.isGreaterOrEqual(now);
            least = now;
            if (!told) {
                super.append(notice(now));
            }
        }
        return level.isGreaterOrEqual(least);
    }

    private LoggingEvent notice(Level now) {
        Logger logger = ((LoggerContext) getContext()).getLogger(DayLog.class);
        return new LoggingEvent(
                DayLog.class.getName(),
                logger,
                Level.WARN,
                "This file has more than " + (now == Level.WARN ? bytes : 2 * bytes) / 1_000_000 + " MB: "
                        + (now == Level.WARN ? "only warnings and errors are" : "nothing more is")
                        + " written to it today.",
                null,
                null);
    }
}
