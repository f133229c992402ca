package dev.loupe.cluster.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** How the process of a task is started, what its end means, and what memory it has. */
class ChildTest {
    private static final long MIB = 1L << 20;
    private static final long TOTAL = 64L << 30;

    @Test
    void a_task_sees_the_gpus_that_spark_gave_it_and_no_others() {
        Launch launch = new Launch("", "/jdk", List.of("-cp", "x"), List.of("--workspace", "/w"));
        ProcessBuilder gpu = Child.process(launch, "3,1", 2);
        assertThat(gpu.command())
                .endsWith("--workspace", "/w", "--threads", "2", "--device", "cuda:0", "task", "--piped");
        assertThat(gpu.environment())
                .containsEntry("CUDA_VISIBLE_DEVICES", "3,1")
                .containsEntry("LOUPE_ON", "local");
        ProcessBuilder cpu = Child.process(launch, "", 2);
        assertThat(cpu.command()).endsWith("--threads", "2", "task", "--piped").doesNotContain("--device");
        assertThat(cpu.environment().get("CUDA_VISIBLE_DEVICES")).isEqualTo(System.getenv("CUDA_VISIBLE_DEVICES"));
    }

    @Test
    void a_process_that_the_system_killed_is_told_with_the_cure() {
        assertThat(Child.sentence(137, ""))
                .contains("code 137")
                .contains("no memory left")
                .contains("spark.executor.memoryOverhead")
                .contains("spark.task.cpus");
        assertThat(Child.sentence(139, "why")).contains("killed by signal 11").endsWith(": why");
        assertThat(Child.sentence(3, "")).isEqualTo("The process of the task ended with code 3.");
    }

    @Test
    void a_container_has_what_is_left_of_it_beside_sparks_own_jvm() {
        Map<String, String> contained =
                Map.of("spark.master", "yarn", "spark.executor.memory", "1g", "spark.executor.memoryOverhead", "8g");
        assertThat(ExecutorMemory.of(Map.of("spark.master", "spark://h:7077", "spark.executor.memory", "1g"), TOTAL))
                .isEqualTo(new ExecutorMemory(TOTAL - 1024 * MIB, false));
        assertThat(ExecutorMemory.of(contained, TOTAL)).isEqualTo(new ExecutorMemory((8192 - 200) * MIB, true));
        assertThat(ExecutorMemory.of(Map.of("spark.master", "yarn", "spark.executor.memory", "8g"), TOTAL))
                .isEqualTo(new ExecutorMemory((long) (0.1 * 8192 * MIB) - 200 * MIB, true));
        assertThat(ExecutorMemory.of(
                        Map.of(
                                "spark.master",
                                "k8s://h",
                                "spark.executor.memory",
                                "512m",
                                "spark.kubernetes.memoryOverheadFactor",
                                "4"),
                        TOTAL))
                .isEqualTo(new ExecutorMemory((4 * 512 - 200) * MIB, true));
        // the machine itself has less than the container may take
        assertThat(ExecutorMemory.of(contained, 4096 * MIB))
                .isEqualTo(new ExecutorMemory((4096 - 1024 - 200) * MIB, true));
    }
}
