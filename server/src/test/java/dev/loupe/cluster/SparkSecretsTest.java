package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Keys of a storage on a machine that others have accounts on, with a program in the place of Spark's that tells what it got. */
class SparkSecretsTest {
    private static final String KEY = "wJalrXUtnFEMI/K7MDENG";

    @TempDir
    Path folder;

    @Test
    void keysOfAStorageAreNoArgumentsOfAProcess() throws IOException {
        Path home = Files.createDirectories(folder.resolve("spark"));
        Files.createFile(Files.createDirectories(home.resolve("jars")).resolve("spark-core_2.13-4.2.0.jar"));
        Path site = Files.createDirectories(folder.resolve("site"));
        Files.writeString(site.resolve("spark-defaults.conf"), """
                spark.yarn.queue             lab, \u00e4
                spark.ssl.keyPassword        of-the-site
                spark.hadoop.fs.s3a.access.key   another
                """);
        Files.writeString(Files.createDirectories(home.resolve("bin")).resolve("spark-submit"), """
                cd "$TOLD"
                printf '%s\\n' "$@" > arguments
                while [ $# -gt 0 ] && [ "$1" != --properties-file ]; do shift; done
                echo "$2" > name
                stat -c %a "$2" > mode
                cat "$2" > content
                exit 1
                """);
        Map<String, String> conf = Executors.conf("spark.hadoop.fs.s3a.access.key=AKIA;spark.hadoop.fs.s3a.secret.key="
                + KEY + ";spark.task.cpus=2;spark.executor.extraJavaOptions=-Dx.password=" + KEY);
        assertThatThrownBy(() -> SparkLink.start(
                        new ClusterOptions("yarn", conf, null, folder, ""),
                        SparkHome.of(home, false),
                        Map.of("TOLD", folder.toString(), "SPARK_CONF_DIR", site.toString()),
                        Files.createFile(folder.resolve("x.jar")),
                        folder.resolve("spark.log"),
                        new Fleet(new ClusterOptions("yarn", conf, null, folder, ""), "probe"),
                        Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("ended before it began");
        List<String> arguments = Files.readAllLines(folder.resolve("arguments"));
        assertThat(arguments)
                .contains("spark.task.cpus=2", "--properties-file")
                .noneMatch(a -> a.contains(KEY) || a.contains("AKIA") || a.contains("of-the-site"));
        assertThat(folder.resolve("mode")).hasContent("600");
        Properties told = new Properties();
        try (Reader in = Files.newBufferedReader(folder.resolve("content"))) {
            told.load(in);
        }
        assertThat(told)
                .containsEntry("spark.hadoop.fs.s3a.secret.key", KEY)
                .containsEntry("spark.executor.extraJavaOptions", "-Dx.password=" + KEY)
                .containsEntry("spark.hadoop.fs.s3a.access.key", "AKIA") // the command's beats the site's
                .containsEntry("spark.yarn.queue", "lab, \u00e4") // which the file would hide otherwise
                .containsEntry("spark.ssl.keyPassword", "of-the-site")
                .doesNotContainKey("spark.task.cpus");
        assertThat(Path.of(Files.readString(folder.resolve("name")).strip()))
                .as("it is gone once Spark has read it")
                .doesNotExist();
    }

    /** A command that is interrupted while Spark begins. */
    static final class Interrupted {
        private Interrupted() {}

        public static void main(String[] args) throws IOException {
            SecretSettings secrets = SecretSettings.of(
                    Map.of("spark.ssl.keyPassword", KEY), new SparkSite(Path.of("."), Map.of(), List.of()));
            System.out.println(secrets.file() + " " + Files.exists(Objects.requireNonNull(secrets.file())));
            System.exit(130);
        }
    }

    @Test
    void theFileDoesNotOutliveACommandThatIsInterrupted() throws Exception {
        Process command = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-Djava.io.tmpdir=" + folder,
                        "-cp",
                        System.getProperty("java.class.path"),
                        Interrupted.class.getName())
                .redirectErrorStream(true)
                .start();
        try (BufferedReader out = command.inputReader()) {
            assertThat(out.readLine()).startsWith(folder.toString()).endsWith(".conf true");
        }
        assertThat(command.waitFor()).isEqualTo(130);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void withoutKeysSparkReadsTheSitesOwnFile() throws IOException {
        SparkSite site = new SparkSite(folder, Map.of("spark.ssl.keyPassword", "x"), List.of());
        try (SecretSettings none = SecretSettings.of(Map.of("spark.task.cpus", "2"), site)) {
            assertThat(none.file()).isNull();
        }
    }
}
