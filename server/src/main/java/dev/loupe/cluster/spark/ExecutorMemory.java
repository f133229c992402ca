package dev.loupe.cluster.spark;

import java.util.Locale;
import java.util.Map;

/**
 * The memory that the processes of tasks have beside Spark's own JVM on an executor.
 *
 * @param forTasks bytes
 * @param contained whether it is a container's, which is killed when it takes more, rather than a machine's
 */
record ExecutorMemory(long forTasks, boolean contained) {
    private static final double FACTOR = 0.1;
    private static final long MIB = 1L << 20;

    /**
     * By the settings of an application: YARN and Kubernetes give a container what the executor's JVM has and an overhead;
     * elsewhere all of the machine is there.
     *
     * @param total bytes of the machine, or of what the system limits this process to
     */
    static ExecutorMemory of(Map<String, String> conf, long total) {
        long heap = mib(conf.getOrDefault("spark.executor.memory", "1g"));
        String master = conf.getOrDefault("spark.master", "");
        if (!master.equals("yarn") && !master.startsWith("k8s")) {
            return new ExecutorMemory(Math.max(0, total - heap), false);
        }
        String factors = conf.getOrDefault("spark.executor.memoryOverheadFactor", "");
        if (factors.isBlank() && master.startsWith("k8s")) {
            factors = conf.getOrDefault("spark.kubernetes.memoryOverheadFactor", "");
        }
        double factor = factors.isBlank() ? FACTOR : Double.parseDouble(factors);
        String said = conf.getOrDefault("spark.executor.memoryOverhead", "");
        long overhead = said.isBlank()
                ? Math.max(mib(conf.getOrDefault("spark.executor.minMemoryOverhead", "384m")), (long) (factor * heap))
                : mib(said);
        long limit = heap + overhead; // what Spark keeps outside of its heap has room of its own
        // what the JVM takes beside its heap: code, threads, buffers
        long jvm = Math.min(heap / 2, 200 * MIB);
        return new ExecutorMemory(Math.max(0, Math.min(total, limit) - heap - jvm), true);
    }

    /** A size as Spark writes it: a number of MiB, or one with {@code b}, {@code k}, {@code m}, {@code g} or {@code t} behind. */
    private static long mib(String text) {
        String size = text.strip().toLowerCase(Locale.ROOT);
        String number = size.replaceAll("[a-z]+$", "");
        String behind = size.substring(number.length());
        int power = behind.isEmpty() ? -1 : "bkmgtp".indexOf(behind.charAt(0));
        return Long.parseLong(number) * (power < 0 ? MIB : 1L << 10 * power);
    }
}
