package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Tokens that are given and taken away while the server runs. */
class TokenFileTest {
    private static final long SECOND = 1_000_000_000L;
    private static final String ONE = "token-number-one";
    private static final String TWO = "token-number-two";

    @TempDir
    Path folder;

    @Test
    void aTokenThatIsTakenOutIsVoidAndSoIsItsCookie() throws Exception {
        Path file = Files.writeString(folder.resolve("tokens"), ONE + "\n" + TWO + "\n");
        AtomicLong now = new AtomicLong();
        TokenFile tokens = new TokenFile(file, now::get);
        AccessTokens before = tokens.tokens();
        long seconds = Instant.now().getEpochSecond();
        String cookieOfOne = before.cookie(0, seconds);
        String cookieOfTwo = before.cookie(1, seconds);
        FileTime time = Files.getLastModifiedTime(file);
        Files.writeString(file, TWO + "\n" + ONE.replace('o', 'x') + "\n"); // as long as before
        Files.setLastModifiedTime(file, time);
        now.addAndGet(SECOND - 1);
        assertThat(tokens.tokens().number(ONE)).as("looked at once a second").isZero();
        now.addAndGet(1);
        AccessTokens after = tokens.tokens();
        assertThat(after.number(ONE)).isEqualTo(-1);
        assertThat(after.numberOfCookie(cookieOfOne, seconds)).isEqualTo(-1);
        assertThat(after.number(TWO)).isZero();
        assertThat(after.numberOfCookie(cookieOfTwo, seconds)).isZero();
        assertThat(after.client(0)).as("its share of requests stays its own").isEqualTo(before.client(1));
        assertThat(after.client(0)).isNotEqualTo(before.client(0)).doesNotContain(TWO);
    }

    @Test
    void whileTheFileCannotBeReadTheTokensStayAndOneLineSaysSo() throws Exception {
        Path file = Files.writeString(folder.resolve("tokens"), ONE);
        AtomicLong now = new AtomicLong();
        TokenFile tokens = new TokenFile(file, now::get);
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        Logger logger = (Logger) LoggerFactory.getLogger(TokenFile.class);
        logger.addAppender(log);
        try {
            for (String broken : new String[] {null, "", "short", "x".repeat(70_000)}) {
                Files.deleteIfExists(file);
                if (broken != null) {
                    Files.writeString(file, broken);
                }
                log.list.clear();
                for (int i = 0; i < 3; i++) {
                    now.addAndGet(SECOND);
                    assertThat(tokens.tokens().number(ONE)).isZero();
                }
                assertThat(log.list).hasSize(1);
                assertThat(log.list.getFirst().getLevel()).isEqualTo(Level.WARN);
                assertThat(log.list.getFirst().getFormattedMessage())
                        .contains("stay good")
                        .doesNotContain(ONE, "xxx");
            }
        } finally {
            logger.detachAppender(log);
        }
        Files.writeString(file, TWO);
        now.addAndGet(SECOND);
        assertThat(tokens.tokens().number(TWO)).isZero();
        assertThat(tokens.tokens().number(ONE)).isEqualTo(-1);
    }
}
