package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Spark's own launcher is started with, for clusters that no test can start, and what a site has set. */
class SparkCommandTest {
    private static final SparkHome SPARK = new SparkHome(Path.of("/opt/spark"), "4.2.0", false);

    @TempDir
    Path folder;

    private static List<String> command(String master, Map<String, String> conf, Path archive) {
        return command(SPARK, master, conf, archive, Map.of());
    }

    private static List<String> command(
            SparkHome spark, String master, Map<String, String> conf, Path archive, Map<String, String> environment) {
        return SparkCommand.of(
                new ClusterOptions(master, conf, archive, Path.of("/shared"), ""),
                spark,
                SparkSite.of(spark, environment),
                SecretSettings.none(),
                Path.of("/shared/x.jar"));
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
        assertThat(k8s).contains("spark.kubernetes.container.image=spark:4.2", "spark.executor.memory=1g");
        assertThat(after(k8s, "--deploy-mode")).isEqualTo("client"); // the driver stays beside the command
        List<String> yarn = command("yarn", Map.of("spark.yarn.queue", "lab", "spark.driver.memory", "2g"), null);
        assertThat(after(yarn, "--master")).isEqualTo("yarn");
        assertThat(yarn).contains("spark.yarn.queue=lab", "-Xmx2g").doesNotContain("--archives");
    }

    @Test
    void the_class_path_has_what_sparks_own_launcher_puts_there() {
        assertThat(after(command("yarn", Map.of(), null), "-cp")).isEqualTo("/opt/spark/conf:/opt/spark/jars/*");
        List<String> site = command(
                SPARK,
                "yarn",
                Map.of("spark.driver.extraClassPath", "/mine.jar"),
                null,
                Map.of(
                        "HADOOP_CONF_DIR", "/etc/hadoop/conf",
                        "YARN_CONF_DIR", "/etc/yarn",
                        "SPARK_DIST_CLASSPATH", "/h/*:/h/lib/*",
                        "SPARK_CONF_DIR", "/etc/spark"));
        assertThat(after(site, "-cp"))
                .isEqualTo("/mine.jar:/etc/spark:/opt/spark/jars/*:/etc/hadoop/conf:/etc/yarn:/h/*:/h/lib/*");
    }

    @Test
    void a_sites_own_spark_is_started_by_its_own_program() throws IOException {
        Path submit = Files.createDirectories(folder.resolve("bin")).resolve("spark-submit");
        Files.writeString(submit, "#!/usr/bin/env bash\n");
        List<String> command = command(
                new SparkHome(folder, "4.2.0", false), "yarn", Map.of("spark.yarn.queue", "lab"), null, Map.of());
        assertThat(command.subList(0, 4)).containsExactly("bash", submit.toString(), "--master", "yarn");
        assertThat(command)
                .contains("spark.yarn.queue=lab", "spark.driver.memory=640m")
                .doesNotContain("-cp");
        assertThat(command(new SparkHome(folder, "4.2.0", true), "yarn", Map.of(), null, Map.of()))
                .contains("-cp");
    }

    @Test
    void what_a_sites_file_says_holds_and_what_the_command_says_beats_it() throws IOException {
        Files.writeString(folder.resolve("spark-defaults.conf"), """
                # a site's
                spark.executor.memory              4g
                spark.executor.extraJavaOptions    -Xss2m
                spark.excludeOnFailure.enabled=false
                spark.driver.memory                1g
                spark.driver.extraJavaOptions      -Da="b c" -Dd
                spark.executor.memoryOverhead      9g
                spark.task.cpus                    4
                spark.archives                     /site.zip
                """);
        Map<String, String> environment = Map.of("SPARK_CONF_DIR", folder.toString());
        List<String> command =
                command(SPARK, "yarn", Map.of("spark.task.cpus", "2"), Path.of("/loupe.tar.gz"), environment);
        assertThat(command)
                .contains("-Xmx1g", "-Da=b c", "-Dd", "spark.task.cpus=2", "spark.scheduler.mode=FIFO")
                .contains("spark.excludeOnFailure.task.maxTaskAttemptsPerNode=3")
                .noneMatch(c -> c.startsWith("spark.executor.memory"))
                .noneMatch(c -> c.startsWith("spark.executor.extraJavaOptions"))
                .noneMatch(c -> c.startsWith("spark.driver."))
                .noneMatch(c -> c.startsWith("spark.excludeOnFailure.enabled"));
        assertThat(after(command, "--archives")).isEqualTo("/site.zip,/loupe.tar.gz#loupe");
        assertThat(command(SPARK, "yarn", Map.of("spark.executor.memory", "6g"), null, environment))
                .contains("spark.executor.memory=6g");
    }

    @Test
    void spark_takes_few_of_the_cores_and_the_users_settings_win() {
        assertThat(command("yarn", Map.of(), null))
                .contains("spark.executor.extraJavaOptions=-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
                .contains("-XX:+UseSerialGC", "-Xmx640m")
                .noneMatch(c -> c.contains("SharedArchiveFile"));
        assertThat(command("yarn", Map.of("spark.executor.extraJavaOptions", "-Xss2m"), null))
                .contains("spark.executor.extraJavaOptions=-Xss2m");
        SparkHome ours = new SparkHome(Path.of("/home/.cache/loupe/spark"), "4.2.0", true);
        assertThat(command(ours, "local-cluster[2,1,1024]", Map.of(), null, Map.of()))
                .anyMatch(c -> c.endsWith("/home/.cache/loupe/spark/driver.jsa"))
                .anyMatch(c -> c.startsWith("spark.executor.extraJavaOptions=") && c.contains("executor.jsa"));
    }

    @Test
    void what_holds_a_key_is_no_argument_and_all_else_is() throws IOException {
        Map<String, String> conf =
                Map.of("spark.hadoop.fs.s3a.secret.key", "s3cr3t", "spark.executorEnv.HF_TOKEN", "hf", "spark.a", "b");
        // a setting of Loupe's own, with a path in it that looks like a key
        SparkHome ours = new SparkHome(folder.resolve("tokens"), "4.2.0", true);
        SparkSite site = SparkSite.of(ours, Map.of());
        try (SecretSettings secrets = SecretSettings.of(conf, site)) {
            List<String> command = SparkCommand.of(
                    new ClusterOptions("local-cluster[2,1,1024]", conf, null, folder, ""),
                    ours,
                    site,
                    secrets,
                    Path.of("/shared/x.jar"));
            assertThat(command)
                    .contains("spark.a=b", "--properties-file")
                    .anyMatch(
                            c -> c.startsWith("spark.executor.extraJavaOptions=") && c.contains("/tokens/executor.jsa"))
                    .noneMatch(c -> c.contains("s3cr3t") || c.contains("HF_TOKEN"));
        }
    }

    @Test
    void a_key_among_the_options_of_the_drivers_jvm_is_refused_by_name() {
        for (String setting : List.of("spark.driver.extraJavaOptions", "spark.driver.defaultJavaOptions")) {
            assertThatThrownBy(() -> command("yarn", Map.of(setting, "-Xss2m -Dmy.password='s3 cr3t'"), null))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("The option -Dmy.password of " + setting)
                    .hasMessageContaining("everybody on this machine can read")
                    .message()
                    .doesNotContain("cr3t");
        }
        assertThat(command("yarn", Map.of("spark.driver.extraJavaOptions", "-Dlog.file=/tokens/log.xml"), null))
                .as("a path is no key")
                .contains("-Dlog.file=/tokens/log.xml");
    }

    @Test
    void spark_is_fetched_by_the_maven_of_the_path_or_that_of_the_checkout() throws IOException {
        String root = ProjectRoot.path().toString();
        Path mvn = Files.createDirectories(folder.resolve("bin")).resolve("mvn");
        Map<String, String> none = Map.of("PATH", folder.resolve("empty").toString());
        assertThat(SparkHome.maven(none, root))
                .isEqualTo(ProjectRoot.resolve("mvnw").toString());
        assertThatThrownBy(() -> SparkHome.maven(none, folder.toString()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("no Maven (mvn) on the PATH")
                .hasMessageContaining("set SPARK_HOME")
                .hasMessageContaining("nothing was begun");
        Files.writeString(mvn, "#!/bin/sh\n");
        assertThat(mvn.toFile().setExecutable(true)).isTrue();
        assertThat(SparkHome.maven(Map.of("PATH", mvn.getParent().toString()), root))
                .isEqualTo(mvn.toString());
    }

    @Test
    void containers_get_room_for_the_processes_of_tasks_where_nobody_said_how_much() {
        assertThat(command("yarn", Map.of(), null)).contains("spark.executor.memoryOverhead=3072m");
        assertThat(command("k8s://h", Map.of("spark.executor.cores", "8", "spark.task.cpus", "2"), null))
                .contains("spark.executor.memoryOverhead=12288m");
        assertThat(command("yarn", Map.of("spark.executor.memoryOverheadFactor", "4"), null))
                .noneMatch(c -> c.startsWith("spark.executor.memoryOverhead="));
        assertThat(command("spark://h:7077", Map.of(), null))
                .noneMatch(c -> c.startsWith("spark.executor.memoryOverhead"));
    }

    @Test
    void lost_machines_do_not_add_up_over_days_and_spark_does_not_wait_before_loupe_does() {
        assertThat(command("k8s://h", Map.of(), null))
                .contains("spark.executor.failuresValidityInterval=15m")
                .contains("spark.scheduler.minRegisteredResourcesRatio=0");
        assertThat(command("k8s://h", Map.of("spark.executor.failuresValidityInterval", "1h"), null))
                .contains("spark.executor.failuresValidityInterval=1h");
        assertThat(command("spark://h:7077", Map.of(), null))
                .noneMatch(c -> c.startsWith("spark.executor.failuresValidityInterval"));
    }

    @Test
    void a_driver_far_from_the_command_is_refused_by_name() {
        assertThatThrownBy(() -> command("yarn", Map.of("spark.submit.deployMode", "cluster"), null))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("spark.submit.deployMode=cluster")
                .hasMessageContaining("leave it out");
    }
}
