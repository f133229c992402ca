package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is handed to Spark's own launcher, for clusters that no test can start. */
class SparkLinkTest {
    private static final SparkHome SPARK = new SparkHome(Path.of("/opt/spark"), "4.2.0", false);

    private static List<String> command(String master, Map<String, String> conf, Path archive) {
        return SparkLink.command(
                new ClusterOptions(master, conf, archive, Path.of("/shared"), ""), SPARK, Path.of("/shared/x.jar"));
    }

    private static String after(List<String> command, String option) {
        return command.get(command.indexOf(option) + 1);
    }

    @Test
    void kubernetes_and_yarn_get_the_archive_the_class_and_every_setting() {
        List<String> k8s = command(
                "k8s://https://h:6443",
                Map.of("spark.kubernetes.container.image", "spark:4.2", "spark.executor.memory", "1g"),
                Path.of("/rel/loupe.tar.gz"));
        assertThat(k8s).contains("org.apache.spark.deploy.SparkSubmit").endsWith("/shared/x.jar");
        assertThat(after(k8s, "--master")).isEqualTo("k8s://https://h:6443");
        assertThat(after(k8s, "--class")).isEqualTo("dev.loupe.cluster.spark.SparkDriver");
        assertThat(after(k8s, "--archives")).isEqualTo("/rel/loupe.tar.gz#loupe");
        assertThat(k8s)
                .contains("spark.kubernetes.container.image=spark:4.2", "spark.executor.memory=1g")
                .doesNotContain("--deploy-mode"); // the driver stays beside the command
        assertThat(after(k8s, "-cp")).isEqualTo("/opt/spark/conf:/opt/spark/jars/*");
        List<String> yarn = command("yarn", Map.of("spark.yarn.queue", "lab", "spark.driver.memory", "2g"), null);
        assertThat(after(yarn, "--master")).isEqualTo("yarn");
        assertThat(yarn).contains("spark.yarn.queue=lab", "-Xmx2g").doesNotContain("--archives");
    }

    @Test
    void spark_takes_few_of_the_cores_and_the_users_settings_win() {
        assertThat(command("yarn", Map.of(), null))
                .contains("spark.executor.extraJavaOptions=-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
                .noneMatch(c -> c.contains("SharedArchiveFile"));
        assertThat(command("yarn", Map.of("spark.executor.extraJavaOptions", "-Xss2m"), null))
                .contains("spark.executor.extraJavaOptions=-Xss2m");
        SparkHome ours = new SparkHome(Path.of("/home/.cache/loupe/spark"), "4.2.0", true);
        ClusterOptions here = new ClusterOptions("local-cluster[2,1,1024]", Map.of(), null, Path.of("/w"), "");
        assertThat(SparkLink.command(here, ours, Path.of("/w/x.jar")))
                .anyMatch(c -> c.endsWith("/home/.cache/loupe/spark/driver.jsa"))
                .anyMatch(c -> c.startsWith("spark.executor.extraJavaOptions=") && c.contains("executor.jsa"));
    }

    @Test
    void a_storage_is_an_address_and_nothing_else() {
        assertThat(new ClusterOptions("yarn", Map.of(), null, Path.of("/w"), "s3a://b/dir//").storage())
                .isEqualTo("s3a://b/dir");
        for (String wrong : List.of("/mnt/dir", "bucket", "s3a:b", "s3a://b/\"x\"")) {
            assertThatThrownBy(() -> new ClusterOptions("yarn", Map.of(), null, Path.of("/w"), wrong))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("s3a://BUCKET/FOLDER");
        }
    }

    @Test
    void a_file_whose_path_spark_would_take_apart_is_given_to_it_by_a_link(@TempDir Path folder) throws IOException {
        Path plain = Files.writeString(folder.resolve("loupe-1.0+a_b~c@d.tar.gz"), "plain");
        List<Path> links = new ArrayList<>();
        try (PlainPaths paths = new PlainPaths()) {
            assertThat(paths.of(plain)).isEqualTo(plain);
            assertThat(paths.of(folder.resolve("x/../loupe-1.0+a_b~c@d.tar.gz")))
                    .isEqualTo(plain);
            for (String name :
                    List.of("a b.tar.gz", "a#loupe.tgz", "a,b.zip", "[a].jar", "{a}*?.jar", "ä.zip", "100%.zip")) {
                Path file = Files.writeString(folder.resolve(name), name);
                Path link = paths.of(file);
                assertThat(link).hasContent(name);
                assertThat(link.toString()).matches("[\\w/.-]+").endsWith(name.substring(name.indexOf('.')));
                links.add(link);
            }
            assertThat(links).doesNotHaveDuplicates();
        }
        assertThat(links).allSatisfy(link -> assertThat(link.getParent()).doesNotExist());
        assertThat(folder.resolve("a b.tar.gz")).hasContent("a b.tar.gz");
    }
}
