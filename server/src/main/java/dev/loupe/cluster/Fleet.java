package dev.loupe.cluster;

import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Task;
import dev.loupe.cluster.spark.Ready;
import dev.loupe.cluster.spark.Wire;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The executors that Spark has given: which of them can do the work, how many tasks they do at once, how much memory each
 * task has. Told by the thread that reads what Spark says, so that an executor hears at once whether it may begin.
 */
final class Fleet {
    /** What a task's JVM takes beside the work: its heap ({@code .jvmopts}) and its code, about. */
    static final long CHILD_BYTES = 3L << 29;

    /** What Spark's own JVM takes of a container's overhead, and a little more. */
    private static final long SPARKS_OWN_MIB = 256;

    /** Others may be just behind the one that is no good. */
    private static final long OTHERS_NANOS = 3_000_000_000L;

    /** How many executors Spark asks YARN and Kubernetes for where nobody says it. */
    private static final int USUAL = 2;

    private static final String TASK_CPUS = "spark.task.cpus";

    private final ClusterOptions options;
    private final String probe;
    private final Map<String, Machine> machines = new LinkedHashMap<>();
    private final Map<String, Integer> cores = new HashMap<>();
    private final Map<String, String> refused = new LinkedHashMap<>();
    private Map<String, String> settings = Map.of();
    private long refusedAt;

    /**
     * Of one cluster.
     *
     * @param probe what the probe file holds
     */
    Fleet(ClusterOptions options, String probe) {
        this.options = options;
        this.probe = probe;
    }

    /** Takes what Spark says; the verdict over an executor that has just told what it is, null for anything else. */
    synchronized @Nullable String see(Wire.Frame frame) {
        switch (frame.kind()) {
            case Wire.READY -> settings = Ready.of(frame.text()).settings();
            case Wire.CORES -> cores.put(frame.text(), (int) frame.task());
            case Wire.EXECUTOR -> {
                return look(Machine.of(frame.text()));
            }
            case Wire.GONE -> {
                String name = frame.text().split("\n", 2)[0];
                machines.remove(name);
                cores.remove(name);
                refused.remove(name);
            }
            default -> {
                // not about executors
            }
        }
        return null;
    }

    private String look(Machine machine) {
        try {
            machine.check(options, probe);
            machines.put(machine.executor(), machine);
            return machine.executor() + "\n";
        } catch (LoupeException e) {
            refused.put(machine.executor(), String.valueOf(e.getMessage()));
            refusedAt = System.nanoTime();
            return machine.executor() + "\n" + e.getMessage();
        }
    }

    /** Why an executor may not work; null if nothing is wrong with it. */
    synchronized @Nullable String refusal(String executor) {
        return refused.get(executor);
    }

    /** Whether some executor can be given work. */
    synchronized boolean isReady() {
        return size() > 0;
    }

    /** How many executors can be given work. */
    synchronized int size() {
        return (int) machines.keySet().stream().filter(cores::containsKey).count();
    }

    /** Bytes that a task's work can have wherever it is done; {@link Long#MAX_VALUE} while there is no executor. */
    synchronized long memoryEach() {
        return machines.values().stream()
                .mapToLong(m -> share(m) - CHILD_BYTES)
                .min()
                .orElse(Long.MAX_VALUE);
    }

    /**
     * Looks whether there is hope for an executor that can do the work.
     *
     * @throws LoupeException if all that came are no good, in the sentence of the last one
     */
    synchronized void hope() {
        boolean others = !machines.isEmpty() || cores.keySet().stream().anyMatch(e -> !refused.containsKey(e));
        if (!refused.isEmpty() && !others && System.nanoTime() - refusedAt > OTHERS_NANOS) {
            throw new LoupeException(refused.values().stream().reduce("", (a, b) -> b));
        }
    }

    /** A setting of Spark as it holds for this application. */
    synchronized String setting(String key, String otherwise) {
        return settings.getOrDefault(key, otherwise);
    }

    /** How many executors come at the start, wherever that was set; 0 if that is the cluster's to say. */
    synchronized int wanted() {
        String master = setting("spark.master", options.master());
        if (master.startsWith("local-cluster[")) {
            return Integer.parseInt(master.replaceAll("local-cluster\\[\\s*(\\d+).*", "$1"));
        }
        boolean some = ClusterOptions.isContained(master); // a standalone cluster gives all that it has
        boolean later = Boolean.parseBoolean(setting("spark.dynamicAllocation.enabled", "false")); // with the tasks
        return some && !later ? (int) number("spark.executor.instances", USUAL) : 0;
    }

    /** Processors of the executors, if they differ in what decides the bits of results; else empty. */
    synchronized String mixed() {
        TreeSet<String> kinds = new TreeSet<>();
        machines.values().forEach(m -> kinds.add(m.processor()));
        return kinds.size() > 1 ? String.join(" and ", kinds) : "";
    }

    /** How many tasks they do at once. */
    synchronized int slots() {
        return machines.keySet().stream().mapToInt(this::slots).sum();
    }

    /** Of one executor: by its cores, and by its GPUs where a task takes some. */
    private int slots(String executor) {
        double each = Math.max(1, number(TASK_CPUS, 1));
        int most = (int) (cores.getOrDefault(executor, 0) / each);
        double gpus = number("spark.task.resource.gpu.amount", 0);
        if (gpus > 0) {
            most = Math.min(most, (int) (number("spark.executor.resource.gpu.amount", 0) / gpus + 1e-9));
        }
        return most;
    }

    private double number(String key, double otherwise) {
        try {
            return Double.parseDouble(setting(key, ""));
        } catch (NumberFormatException e) {
            return otherwise;
        }
    }

    /** Bytes that a task has on an executor when all that it can do at once are under way. */
    private long share(Machine machine) {
        int tasks = Math.max(1, slots(machine.executor()));
        if (!machine.contained()) { // all executors of a machine live on the same memory
            tasks = Math.max(
                    1,
                    machines.values().stream()
                            .filter(m -> !m.contained() && m.host().equals(machine.host()))
                            .mapToInt(m -> slots(m.executor()))
                            .sum());
        }
        return machine.memory() / tasks;
    }

    /**
     * Refuses what no executor has the memory for.
     *
     * @param weights bytes of the model that a task opens
     */
    synchronized void fits(Task<?> task, long weights) {
        Machine best = null;
        for (Machine m : machines.values()) {
            best = best == null || share(m) > share(best) ? m : best;
        }
        long need = task.memoryBytes() + weights + CHILD_BYTES;
        if (best == null || need <= share(best)) {
            return;
        }
        int slots = (int) Math.max(1, best.memory() / Math.max(1, share(best)));
        throw new LoupeException(task.title() + " needs about " + Fmt.bytes(need) + " of memory, but "
                + (best.contained() ? "the largest executor (" : "the largest machine (") + best.host() + ") has "
                + Fmt.bytes(best.memory()) + " for " + slots + (slots == 1 ? " task" : " tasks at once") + ": "
                + (best.contained()
                        ? "ask for more with --conf spark.executor.memoryOverhead="
                                + ((need * slots >> 20) + SPARKS_OWN_MIB) + "m"
                        : "choose larger machines")
                + (slots == 1
                        ? ", or make the work smaller."
                        : ", or have fewer tasks at once there (--conf " + TASK_CPUS + "=N)."));
    }
}
