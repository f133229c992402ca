package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sentences for what Spark says in pages. */
class SparkLogTest {
    @TempDir
    Path folder;

    @Test
    void the_reason_of_a_lost_task_is_its_innermost_message() {
        assertThat(
                        SparkLog.lost(
                                "Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, most recent failure:"
                                        + " Lost task 0.3 in stage 3.0 (TID 9) (127.0.0.1 executor 1): java.io.IOException: The disk is"
                                        + " full: /x could not be written.\n\tat dev.loupe.cluster.spark.ChildTask.call(ChildTask.java)"))
                .isEqualTo("The disk is full: /x could not be written");
        assertThat(SparkLog.lost(
                        "Job aborted due to stage failure: \nAborting TaskSet 0.0 because task 0 (partition 0)\ncannot"
                                + " run anywhere due to node and executor excludeOnFailure.\nMost recent failure:\nLost task"
                                + " 0.2 in stage 0.0 (TID 2) (127.0.0.1 executor 0): java.io.IOException: No room.\n\tat"
                                + " dev.loupe.cluster.spark.ChildTask.call(ChildTask.java)\n"))
                .isEqualTo("No room");
        assertThat(SparkLog.lost("")).isEqualTo("no reason given");
        assertThat(SparkLog.lost("Job 3 cancelled as part of cancellation of all jobs"))
                .isEqualTo("Job 3 cancelled as part of cancellation of all jobs");
    }

    @Test
    void the_reason_of_a_drivers_end_is_read_from_its_log() throws Exception {
        Path log = folder.resolve("log");
        assertThat(SparkLog.reason(log)).isEqualTo("no log");
        Files.writeString(
                log, "26/11/25 INFO begin\nException in thread \"main\" org.apache.spark.SparkException: no k8s\n");
        assertThat(SparkLog.reason(log)).isEqualTo("no k8s");
        Files.writeString(log, "ERROR java.io.InvalidClassException: org.apache.spark.X; local class incompatible\n");
        assertThat(SparkLog.reason(log)).contains("another version of Spark").contains("SPARK_HOME");
    }

    @Test
    void an_application_that_yarn_has_ended_says_what_its_containers_said() throws Exception {
        Path log = folder.resolve("yarn.log");
        assertThat(SparkLog.ended(log)).isEqualTo("the cluster has ended the application");
        Files.writeString(log, "INFO begin\nCaused by: java.lang.Exception: no.\n\tat x\n");
        assertThat(SparkLog.ended(log)).isEqualTo("the cluster has ended the application");
        String end =
                "12:00 ERROR YarnClientSchedulerBackend: Diagnostics message: Max number of executor failures (3) reached\n";
        Files.writeString(log, Files.readString(log) + end + "Caused by: java.io.IOException: Failed to send RPC\n");
        assertThat(SparkLog.ended(log))
                .isEqualTo("YARN has ended the application: Max number of executor failures (3) reached; the last"
                        + " container that failed said: java.lang.Exception: no");
        Files.writeString(
                log, end.replace("Max number of executor failures (3) reached", "Application killed by user."));
        assertThat(SparkLog.ended(log)).isEqualTo("YARN has ended the application: Application killed by user");
    }

    @Test
    void a_folder_without_spark_or_with_another_version_is_refused() throws Exception {
        assertThatThrownBy(() -> SparkHome.of(folder.resolve("none"), false))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("no folder jars")
                .hasMessageContaining("SPARK_HOME");
        Path jars = Files.createDirectories(folder.resolve("old/jars"));
        assertThatThrownBy(() -> SparkHome.of(folder.resolve("old"), false))
                .hasMessageContaining("no Spark for Scala 2.13");
        Files.writeString(jars.resolve("spark-core_2.13-3.5.8.jar"), "");
        assertThatThrownBy(() -> SparkHome.of(folder.resolve("old"), false))
                .hasMessageContaining("version 3.5.8")
                .hasMessageContaining("4.2.");
        Files.move(jars.resolve("spark-core_2.13-3.5.8.jar"), jars.resolve("spark-core_2.13-4.2.1.jar"));
        assertThat(SparkHome.of(folder.resolve("old"), false).version()).isEqualTo("4.2.1");
    }

    @Test
    void old_logs_go_and_the_newest_stay() throws Exception {
        long old = System.currentTimeMillis() - java.util.concurrent.TimeUnit.DAYS.toMillis(20);
        for (int i = 0; i < 23; i++) {
            Path log = Files.writeString(folder.resolve("spark-" + new java.util.UUID(0, i) + ".log"), "x");
            assertThat(log.toFile().setLastModified(old + i * 1000L)).isTrue();
        }
        Path other = Files.writeString(folder.resolve("spark-notes.log"), "x");
        assertThat(other.toFile().setLastModified(old)).isTrue();
        SparkLog.prune(folder);
        assertThat(folder.toFile().list()).hasSize(21).contains("spark-notes.log");
        assertThat(folder.resolve("spark-" + new java.util.UUID(0, 2) + ".log")).doesNotExist();
        assertThat(folder.resolve("spark-" + new java.util.UUID(0, 3) + ".log")).exists();
        SparkLog.prune(folder.resolve("none"));
    }

    @Test
    void why_kubernetes_makes_no_pod_is_in_the_log() throws Exception {
        Path log = Files.writeString(folder.resolve("k8s.log"), """
                26/11/26 WARN ExecutorPodsSnapshotsStoreImpl: Exception when notifying snapshot subscriber.
                io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: POST at: \
                http://127.0.0.1:6443/api/v1/namespaces/lab/pods. Message: pods "loupe-1-exec-1" is forbidden: \
                exceeded quota: lab, requested: pods=1. Received status: Status(apiVersion=v1, code=403).
                """);
        assertThat(SparkLog.podsRefused(log))
                .isEqualTo("pods \"loupe-1-exec-1\" is forbidden: exceeded quota: lab, requested: pods=1");
        String refused = Files.readString(log);
        String tooMany = "ERROR ExecutorPodsLifecycleManager: Max number of executor failures (3) reached\n"
                + "java.lang.IllegalStateException: Shutdown hooks cannot be modified during shutdown.\n";
        Files.writeString(log, refused + tooMany);
        for (String why : List.of(SparkLog.reason(log), SparkLog.ended(log))) {
            assertThat(why).contains("exceeded quota").contains("spark.executor.instances=N");
        }
        // pods that were refused once are no reason for what comes hours later
        Files.writeString(log, refused + "org.apache.spark.SparkException: the disk is full\n" + refused);
        assertThat(SparkLog.reason(log)).isEqualTo("the disk is full");
        assertThat(SparkLog.ended(log)).isEqualTo("the cluster has ended the application");
        Files.writeString(
                log, refused + "ERROR YarnClientSchedulerBackend: Diagnostics message: killed by user.\n" + tooMany);
        assertThat(SparkLog.ended(log)).isEqualTo("YARN has ended the application: killed by user");
        Files.writeString(log, tooMany);
        assertThat(SparkLog.reason(log))
                .contains("spark.executor.maxNumFailures")
                .contains("image");
        assertThat(SparkLog.podsRefused(Files.writeString(log, "all is well\n")))
                .isEmpty();
        assertThat(SparkLog.podsRefused(folder.resolve("none.log"))).isEmpty();
    }

    @Test
    void a_queue_without_room_and_a_container_without_memory_are_known() throws Exception {
        Path log = Files.writeString(folder.resolve("yarn.log"), "INFO Application report for a_1 (state: ACCEPTED)\n");
        assertThat(SparkLog.isQueued(log)).isTrue();
        assertThat(SparkLog.isQueued(Files.writeString(log, "Retrying connect to server")))
                .isFalse();
        assertThat(SparkLog.isQueued(folder.resolve("none.log"))).isFalse();
        assertThat(SparkLog.isOutOfMemory("Container killed by YARN for exceeding physical memory limits. 2 GB"))
                .isTrue();
        assertThat(SparkLog.isOutOfMemory("Command exited with code 137")).isTrue();
        assertThat(SparkLog.isOutOfMemory("worker lost")).isFalse();
    }
}
