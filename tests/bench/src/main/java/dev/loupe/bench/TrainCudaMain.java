package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.engine.cuda.CudaFloors;
import dev.loupe.engine.cuda.CudaMemory;
import dev.loupe.engine.cuda.CudaReport;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./loupe bench train-cuda}: training steps on the first GPU against the peers in one run, with the memory of both, and
 * each phase of a step against what the card does at best, which is measured first.
 */
@Command(
        name = "loupe bench train-cuda",
        description = "Steps on the GPU: peers, memory, and each phase against measured floors.",
        mixinStandardHelpOptions = true)
public final class TrainCudaMain implements Callable<Integer> {
    private static final String TIMES = "loupe.cuda.times";

    @Option(
            names = "--python",
            paramLabel = "VENV",
            description = "Environment of the peers, with a CUDA build of torch; without it only ours is run.")
    private @Nullable Path venv;

    @Option(names = "--rounds", defaultValue = "5", description = "Measured runs of each (default 5).")
    private int rounds;

    @Option(names = "--warmups", defaultValue = "2", description = "Unmeasured runs of each before (default 2).")
    private int warmups;

    @Option(names = "--seconds", defaultValue = "240", description = "Begin nothing new after so long (default 240).")
    private int seconds;

    @Option(names = "--tiny", description = "A few small steps, to see that the command works.")
    private boolean tiny;

    @Option(names = "--json", paramLabel = "FILE", description = "Write all figures there, too.")
    private @Nullable Path json;

    private final PrintWriter out;
    private final Map<String, Object> figures = new LinkedHashMap<>();

    TrainCudaMain(PrintWriter out) {
        this.out = out;
    }

    /** Runs; returns the exit code: 0 done, 1 failed, 2 wrong use, 3 no GPU. */
    static int run(PrintWriter out, String... args) {
        CommandLine line = new CommandLine(new TrainCudaMain(out));
        line.setExecutionExceptionHandler((e, command, result) -> {
            if (e instanceof LoupeException) {
                out.println(e.getMessage());
            } else {
                e.printStackTrace(out);
            }
            out.flush();
            return 1;
        });
        return line.execute(args);
    }

    @Override
    public Integer call() throws Exception {
        List<CudaReport> missing =
                CudaReport.of(System.getenv()).stream().filter(l -> !l.there()).toList();
        if (!missing.isEmpty()) {
            CudaReport first = missing.getFirst();
            out.println("No GPU was found to measure on (" + first.name() + ": " + first.value() + ").");
            out.flush();
            return 3;
        }
        long begin = System.nanoTime();
        CudaMemory memory = CudaMemory.of(0);
        say("%s, %.1f of %.1f GB free", memory.card(), memory.free() / 1e9, memory.all() / 1e9);
        CudaFloors card = tiny ? CudaFloors.measure(0, 64, 1 << 20) : CudaFloors.measure(0, 8192, 1L << 31);
        say(
                "At best, measured: product of bf16 %.0f, TF32 %.0f, fp32 %.1f TFLOP/s; memory %.0f GB/s read and written",
                card.bfloat16() / 1e12, card.tf32() / 1e12, card.float32() / 1e12, card.memory() / 1e9);
        figures.put("card", memory.card());
        figures.put("floors", card);
        List<String> skipped = new ArrayList<>();
        for (StepsBench.Case what : cases()) {
            if ((System.nanoTime() - begin) / 1e9 > seconds) {
                skipped.add(what.id());
                continue;
            }
            compare(what);
        }
        for (StepsBench.Case what : tiny ? cases() : List.of(StepsBench.Case.GPU_TOPK, StepsBench.Case.GPU_LARGE)) {
            if ((System.nanoTime() - begin) / 1e9 > seconds) {
                skipped.add("phases of " + what.id());
                continue;
            }
            phases(what, card);
        }
        if (!skipped.isEmpty()) {
            say("Not run for want of time (--seconds %d): %s", seconds, String.join(", ", skipped));
        }
        if (json != null) {
            Files.writeString(json, Json.line(figures));
        }
        return 0;
    }

    private List<StepsBench.Case> cases() {
        return tiny
                ? List.of(StepsBench.Case.GPU_TINY)
                : List.of(
                        StepsBench.Case.GPU_TOPK,
                        StepsBench.Case.GPU_TOPK_SPARSIFY,
                        StepsBench.Case.GPU_TOPK_DICTIONARY,
                        StepsBench.Case.GPU_LARGE,
                        StepsBench.Case.GPU_LARGE_SPARSIFY,
                        StepsBench.Case.GPU_BATCHTOPK,
                        StepsBench.Case.GPU_JUMPRELU);
    }

    private void compare(StepsBench.Case what) {
        try {
            BenchResult r = measure(what, venv, rounds);
            say("%s", line(what, r));
            figures.put(what.id(), r);
        } catch (Exception e) { // a peer that is not there, or fails, must not keep the others from being measured
            say("%s against %s failed: %s", what.id(), what.against(), String.valueOf(e.getMessage()));
            figures.put(what.id(), String.valueOf(e.getMessage()));
        }
    }

    static String line(StepsBench.Case what, BenchResult r) {
        String line = format(
                "%s: ours %.4g tokens/s (%.0f %%), %.0f MB",
                r.name(), r.ours(), 100 * r.oursSpread(), r.beside().getOrDefault(StepsBench.GPU, Double.NaN));
        if (r.peer() != null && r.peerSpread() != null && r.ratio() != null) {
            line += format(
                    "; %s %.4g (%.0f %%), %.0f MB; ratio %.2f",
                    what.against(),
                    r.peer(),
                    100 * r.peerSpread(),
                    r.beside().getOrDefault("peer's " + StepsBench.GPU, Double.NaN),
                    r.ratio());
        }
        return line;
    }

    private void phases(StepsBench.Case what, CudaFloors card) throws Exception {
        System.setProperty(TIMES, "on");
        try {
            BenchResult r = measure(what, null, Math.min(3, rounds));
            Map<String, Double> floors = what.floors().milliseconds(card);
            say("Phases of %s (the card waits between them, so their sum is above a step):", what.id());
            floors.forEach((phase, floor) -> {
                double took = r.beside().getOrDefault(phase, Double.NaN);
                say("  %-13s %8.3f, at best %8.3f: %3.0f %%", phase, took, floor, 100 * floor / took);
            });
            figures.put("phases of " + what.id(), Map.of("measured", r.beside(), "floors", floors));
        } finally {
            System.clearProperty(TIMES);
        }
    }

    private BenchResult measure(StepsBench.Case what, @Nullable Path peers, int times) throws Exception {
        Path folder = Files.createTempDirectory("loupe-bench-");
        Path script = Path.of(System.getProperty("loupe.root", "."), "tests/python/bench/peer.py");
        int threads = Runtime.getRuntime().availableProcessors();
        try (Benchmark b = new StepsBench(what)) {
            return Comparison.run(b, folder, peers, script, warmups, times, threads);
        } finally {
            AtomicFiles.deleteTree(folder);
        }
    }

    private void say(String format, Object... values) {
        out.println(format(format, values));
        out.flush();
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
