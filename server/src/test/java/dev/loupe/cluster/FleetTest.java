package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Task;
import dev.loupe.base.UsageException;
import dev.loupe.cluster.spark.Ready;
import dev.loupe.cluster.spark.Wire;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** How many tasks executors do at once, and what memory each task has. */
class FleetTest {
    private static final long GIB = 1L << 30;

    private record Sized(long memoryBytes) implements Task<String> {
        @Override
        public String kind() {
            return "sized";
        }

        @Override
        public String title() {
            return "Some work";
        }

        @Override
        public long size() {
            return 1;
        }
    }

    private static Fleet fleet(Map<String, String> settings) {
        Fleet fleet = new Fleet(new ClusterOptions("spark://h:7077", Map.of(), null, Path.of("/w"), ""), "probe");
        fleet.see(new Wire.Frame(Wire.READY, 0, new Ready("4.2.0", "http://h:4040", settings).text()));
        return fleet;
    }

    private static Fleet fleet(String master, Map<String, String> settings) {
        Map<String, String> all = new HashMap<>(settings);
        all.put("spark.master", master); // what holds, wherever it was set
        return fleet(all);
    }

    private static String executor(Fleet fleet, String name, String host, int cores, long memory, String kind) {
        fleet.see(new Wire.Frame(Wire.CORES, cores, name));
        return String.valueOf(fleet.see(new Wire.Frame(
                Wire.EXECUTOR,
                0,
                String.join(
                        "\n", name, host, "25.0.3", "4.2.0", "probe", "yes", Long.toString(memory), kind, "x avx2"))));
    }

    @Test
    void cores_are_divided_by_what_a_task_takes_wherever_that_was_set() {
        Fleet fleet = fleet(Map.of("spark.task.cpus", "4"));
        assertThat(fleet.isReady()).isFalse();
        assertThat(executor(fleet, "0", "a", 16, 64 * GIB, "shared")).isEqualTo("0\n");
        executor(fleet, "1", "b", 6, 64 * GIB, "shared");
        assertThat(fleet.slots()).isEqualTo(5);
        fleet.see(new Wire.Frame(Wire.GONE, 0, "0\nit was killed"));
        assertThat(fleet.slots()).isEqualTo(1);
    }

    @Test
    void how_many_executors_come_is_known_by_the_site_as_well() {
        String asked = "spark.executor.instances";
        assertThat(fleet("yarn", Map.of(asked, "7")).wanted()).isEqualTo(7);
        assertThat(fleet("k8s://https://h:6443", Map.of(asked, "7")).wanted()).isEqualTo(7);
        assertThat(fleet("yarn", Map.of()).wanted())
                .as("what Spark asks for where nobody says it")
                .isEqualTo(2);
        assertThat(fleet("local-cluster[3, 1, 1024]", Map.of()).wanted()).isEqualTo(3);
        assertThat(fleet("spark://h:7077", Map.of(asked, "7")).wanted())
                .as("a standalone cluster gives all that it has")
                .isZero();
        Map<String, String> dynamic = Map.of(asked, "7", "spark.dynamicAllocation.enabled", "true");
        assertThat(fleet("yarn", dynamic).wanted()).isZero();
    }

    @Test
    void tasks_that_take_gpus_are_no_more_than_the_gpus_allow() {
        Map<String, String> gpus =
                Map.of("spark.executor.resource.gpu.amount", "2", "spark.task.resource.gpu.amount", "0.5");
        Fleet fleet = fleet(gpus);
        executor(fleet, "0", "a", 16, 64 * GIB, "shared");
        assertThat(fleet.slots()).isEqualTo(4);
        executor(fleet, "1", "b", 3, 64 * GIB, "shared");
        assertThat(fleet.slots()).isEqualTo(7);
    }

    @Test
    void the_memory_of_an_executor_is_shared_by_the_tasks_that_it_does_at_once() {
        Fleet fleet = fleet(Map.of());
        executor(fleet, "0", "a", 4, 16 * GIB, "contained");
        long most = 4 * GIB - Fleet.CHILD_BYTES;
        assertThatCode(() -> fleet.fits(new Sized(most), 0)).doesNotThrowAnyException();
        assertThatCode(() -> fleet.fits(new Sized(0), most)).doesNotThrowAnyException();
        assertThatThrownBy(() -> fleet.fits(new Sized(most - 10), 11)) // the model counts as well
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("Some work needs about 4.0 GiB of memory, but the largest executor (a) has 16.0"
                        + " GiB for 4 tasks at once")
                .hasMessageContaining("spark.executor.memoryOverhead=16640m")
                .hasMessageContaining("spark.task.cpus=N");
    }

    @Test
    void executors_of_one_machine_live_on_the_same_memory() {
        Fleet fleet = fleet(Map.of());
        executor(fleet, "0", "a", 1, 8 * GIB, "shared");
        assertThatCode(() -> fleet.fits(new Sized(6 * GIB), 0)).doesNotThrowAnyException();
        executor(fleet, "1", "a", 1, 8 * GIB, "shared");
        assertThatThrownBy(() -> fleet.fits(new Sized(6 * GIB), 0))
                .hasMessageContaining(
                        "the largest machine (a) has 8.0 GiB for 2 tasks at once: choose larger machines");
        executor(fleet, "2", "b", 1, 8 * GIB, "shared");
        assertThatCode(() -> fleet.fits(new Sized(6 * GIB), 0)).doesNotThrowAnyException();
    }

    @Test
    void the_longest_wait_is_a_time() {
        assertThat(Waiting.nanos("90")).isEqualTo(TimeUnit.SECONDS.toNanos(90));
        assertThat(Waiting.nanos(" 10min ")).isEqualTo(Waiting.nanos("10m")).isEqualTo(Waiting.nanos("600s"));
        assertThat(Waiting.nanos("2h")).isEqualTo(TimeUnit.HOURS.toNanos(2));
        for (String wrong : new String[] {"soon", "", "-1s", "5 days"}) {
            assertThatThrownBy(() -> Waiting.nanos(wrong))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("spark.loupe.wait");
        }
    }
}
