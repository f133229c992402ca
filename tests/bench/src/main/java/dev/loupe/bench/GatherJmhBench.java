package dev.loupe.bench;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/** {@link GatherJmh}: gather and memcpy in one JMH run. */
final class GatherJmhBench implements LoneBenchmark {
    private final Beside beside = new Beside();

    @Override
    public String name() {
        return "gather-jmh";
    }

    @Override
    public String setting() {
        return "JMH: 1 GiB by MemorySegment.copy, and as random rows of 768 float32 from the page cache in batches of 4096";
    }

    @Override
    public String unit() {
        return "rows/s";
    }

    @Override
    public void prepare(Path folder) {}

    @Override
    public Measured run() throws RunnerException {
        double memcpy = 0;
        double gather = 0;
        // in this process: a fork would not have the flags of .jvmopts
        for (RunResult r : new Runner(new OptionsBuilder()
                        .include(GatherJmh.class.getName())
                        .forks(0)
                        .verbosity(VerboseMode.SILENT)
                        .build())
                .run()) {
            double seconds = r.getPrimaryResult().getScore() / 1e3;
            if (r.getPrimaryResult().getLabel().equals("memcpy")) {
                memcpy = GatherJmh.BYTES / seconds / 1e9;
            } else {
                gather = GatherJmh.gathered() / seconds / 1e9;
            }
        }
        beside.add("memcpy GB/s", memcpy);
        beside.add("gather GB/s", gather);
        beside.add("of memcpy", gather / memcpy);
        double rows = gather * 1e9 / (4.0 * StoreData.WIDTH);
        return new Measured(rows, 1, 0);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {}
}
