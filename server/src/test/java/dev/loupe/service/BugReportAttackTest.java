package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts and keys that could pass for something harmless on their way into a bug report. */
class BugReportAttackTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "  at a.b(c) secret prompt",
                "\tat a.b(secret)",
                "\tat my.house(Street.java:12) where the secret is",
                "\tat a.b(C.java:1) ~[secret words here]",
                "\tat the secret place(A.java:1)",
                "  ... 3 secrets and more",
                "SecretError my prompt",
                "SecretException",
                "Caused by: SecretError",
                "My.secretError",
                "the secret of an Error"
            })
    void whatLooksLikeAStackButIsATextIsLeftOut(String line) {
        assertThat(LogExtract.of(List.of(line))).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"timestamp\":\"secret\",\"level\":\"secret\",\"threadName\":\"the secret prompt\",\"loggerName\":\"a b\","
                        + "\"mdc\":{\"request_id\":\"secret prompt\"},\"formattedMessage\":\"secret\"}",
                "{\"timestamp\":1,\"level\":\"INFO\",\"threadName\":\"main\",\"loggerName\":\"a.B\",\"throwable\":"
                        + "{\"className\":\"my secret\",\"stepArray\":[{\"className\":\"the secret\",\"methodName\":\"a secret\","
                        + "\"fileName\":\"C:\\\\a secret\",\"lineNumber\":\"secret\"}]}}"
            })
    void ofAnObjectOnlyWhatLooksLikeItsKindIsKept(String line) {
        assertThat(LogExtract.ofObjects(List.of(line)).toString()).doesNotContain("secret");
        assertThat(LogExtract.of(List.of(line))).as("in a log for people").isEmpty();
    }

    @Test
    void aLineThatIsNearlyTheHeadOfAnEntryIsLeftOut() {
        String good = "2026-11-26T10:00:00.000 WARN  12 [http-4] 1234abcd d.loupe.http.Problem: secret";
        assertThat(LogExtract.of(List.of(good))).containsExactly(good.replace(": secret", ": (message left out)"));
        String given = good.replace("1234abcd", "service:42.a-b");
        assertThat(LogExtract.of(List.of(given)))
                .as("an id that a program gave")
                .hasSize(1);
        for (String bad : List.of(
                good.replace("WARN", "SECRET"),
                good.replace("http-4", "my secret prompt"),
                good.replace("1234abcd", "my secret"),
                "x " + good)) {
            assertThat(LogExtract.of(List.of(bad))).isEmpty();
        }
    }

    @Test
    void ofADamagedFileOnlyItsNameIsTold() {
        assertThat(BugReport.problem("Store x-1: store.json is damaged (\"secret\" at 3).\nsecret"))
                .isEqualTo("Store x-1 does not open.");
        assertThat(BugReport.problem("SAE a.b: secret")).isEqualTo("SAE a.b does not open.");
        assertThat(BugReport.problem("This is JDK 21.")).isEqualTo("This is JDK 21.");
    }

    @Test
    void aRealStackStaysWithoutWhatItSays() {
        assertThat(LogExtract.of(List.of(
                        "java.io.UncheckedIOException: java.io.IOException: secret",
                        "\tat dev.loupe.http.Api.lambda$new$1(Api.java:55) ~[loupe-server-1.0.jar:1.0]",
                        "\tat java.base/java.lang.Thread.run(Thread.java:1583)",
                        "\tat io.javalin.router.Endpoint.handle(Endpoint.kt:52) ~[javalin-7.0.0.jar!/:7.0.0]",
                        "\tat dev.loupe.Foo$Bar.<init>(Foo.java)",
                        "\tat java.base/jdk.internal.Invoke.x(Native Method) ~[na:na]",
                        "\tat jdk.proxy2/jdk.proxy2.$Proxy5.x(Unknown Source)",
                        "Caused by: java.io.IOException: secret",
                        "\t... 12 common frames omitted",
                        "\t... 3 more")))
                .hasSize(10)
                .contains("java.io.UncheckedIOException", "Caused by: java.io.IOException")
                .noneMatch(l -> l.contains("secret"));
    }

    /** What a program throws now, as Java prints it. */
    @Test
    void noFrameOfARealStackIsLost() {
        java.io.StringWriter text = new java.io.StringWriter();
        try {
            Json.MAPPER.readTree("{\"a\": [tru]}");
        } catch (RuntimeException e) {
            new IllegalStateException("secret", e).printStackTrace(new java.io.PrintWriter(text));
        }
        List<String> frames =
                text.toString().lines().filter(l -> l.startsWith("\t")).toList();
        assertThat(frames).isNotEmpty();
        assertThat(LogExtract.of(text.toString().lines().toList())).containsAll(frames);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "-Xmx1500m | -Xmx1500m",
                "-XX:+UseParallelGC | -XX:+UseParallelGC",
                "-XX:TieredStopAtLevel=1 | -XX:TieredStopAtLevel=1",
                "--add-modules=jdk.incubator.vector | --add-modules=jdk.incubator.vector",
                "--add-opens=java.base/java.nio=ALL-UNNAMED | --add-opens=java.base/java.nio=ALL-UNNAMED",
                "-Dkey=secret | -Dkey...",
                "-javaagent:x=secret | -javaagent...",
                "-javaagent:/home/secret/agent.jar | -javaagent...",
                "-agentlib:jdwp=secret | -agentlib...",
                "-XX:OnError=curl secret | -XX:OnError...",
                "-XX:HeapDumpPath=/home/secret | -XX:HeapDumpPath...",
                "-XX:MaxRAMPercentage=secret | -XX:MaxRAMPercentage...",
                "-Xlog:gc:file=secret | -Xlog...",
                "-Xmx1g secret | -Xmx1g...",
                "secret | ..."
            })
    void ofAFlagThatMayHoldAnythingOnlyTheNameIsTold(String flag, String told) {
        assertThat(BugReport.flag(flag)).isEqualTo(told);
    }

    @Test
    void ofALogOnlyTheEndIsReadHoweverLongItIs() throws Exception {
        Path log = folder.resolve("loupe-2026-01-01.log");
        Files.write(log, Collections.nCopies(300_000, "a line that is cut somewhere, and one of very many"));
        Files.writeString(log, "the last\n", java.nio.file.StandardOpenOption.APPEND);
        assertThat(Files.size(log)).isGreaterThan(10 << 20);
        List<String> tail = BugReport.tail(log);
        assertThat(tail.getLast()).isEqualTo("the last");
        assertThat(tail.getFirst()).isEqualTo("a line that is cut somewhere, and one of very many");
        assertThat(tail).hasSizeLessThan(100_000);
        Files.writeString(log, "one\ntwo\n");
        assertThat(BugReport.tail(log)).containsExactly("one", "two");
    }

    @Test
    void settingsThatMayHoldKeysAreToldToBeSetOnly() {
        Settings settings = Settings.load(
                Map.of(Settings.Key.WORKSPACE, folder.resolve("w").toString()),
                Map.of(
                        "LOUPE_SPARK_CONF",
                        "spark.hadoop.fs.s3a.secret.key=secret",
                        "LOUPE_STORAGE",
                        "s3a://key:secret@bucket/x",
                        "LOUPE_THREADS",
                        "2"));
        assertThat(BugReport.settings(settings.all()).toString())
                .contains("spark-conf", "(set)", "threads")
                .doesNotContain("secret");
    }
}
