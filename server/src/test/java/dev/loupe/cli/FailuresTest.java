package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** What a person reads when the machine below gives up. */
class FailuresTest {
    @Command(name = "greedy")
    private static final class Greedy implements Callable<Integer> {
        private final Error thrown;

        Greedy(Error thrown) {
            this.thrown = thrown;
        }

        @Override
        public Integer call() {
            throw thrown;
        }
    }

    @Test
    void aHeapThatIsFullIsToldInOneSentenceWithItsCure() {
        String said = said(new OutOfMemoryError("Java heap space"));
        assertThat(said.lines()).hasSize(1);
        assertThat(said)
                .contains("memory", "Java heap space", "LOUPE_JAVA_OPTS=-Xmx8g")
                .doesNotContain("\tat ");
    }

    @Test
    void otherErrorsNameTheLog() {
        assertThat(said(new NoClassDefFoundError("org/x/Y")))
                .contains("org/x/Y", "logs")
                .doesNotContain("\tat ");
    }

    private static String said(Error thrown) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream err = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        assertThat(Main.execute(new CommandLine(new Greedy(thrown)), err)).isEqualTo(1);
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
