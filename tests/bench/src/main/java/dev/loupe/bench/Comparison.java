package dev.loupe.bench;

import dev.loupe.base.LoupeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Runs ours and the peer in turn, so that whatever else the machine does hits both alike. */
final class Comparison {
    private Comparison() {}

    /** Threads of the other side may spin for a while after its work (OpenMP's do); neither side is to be measured then. */
    private static final int REST_MILLIS = 500;

    /**
     * Compares.
     *
     * @param venv the peer's virtual environment, null to measure ours alone
     * @param rounds measured runs of each, after {@code warmups} unmeasured ones
     * @throws LoupeException if the two answers differ: a fast wrong answer is no result
     */
    static BenchResult run(
            Benchmark b, Path folder, @Nullable Path venv, Path script, int warmups, int rounds, int threads)
            throws Exception {
        b.prepare(folder);
        List<Double> ours = new ArrayList<>();
        List<Double> peers = new ArrayList<>();
        Benchmark.Measured mine = new Benchmark.Measured(0, 1, Double.NaN);
        Benchmark.Measured other = null;
        Map<String, List<Double>> beside = new LinkedHashMap<>();
        try (Peer peer = venv == null || !b.hasPeer() ? null : Peer.start(venv, script, b.peer(), folder, threads)) {
            for (int i = -warmups; i < rounds; i++) {
                rest(peer);
                mine = b.run();
                rest(peer);
                other = peer == null ? null : peer.run(b.name());
                if (i >= 0) {
                    ours.add(mine.rate());
                    if (other != null) {
                        peers.add(other.rate());
                    }
                }
            }
            beside.putAll(b.beside());
            if (peer != null && beside.containsKey(LoadBench.PEAK)) {
                beside.put("peer's " + LoadBench.PEAK, peer.peaks());
            }
            if (peer != null && !peer.gpuPeaks().isEmpty()) {
                beside.put("peer's " + StepsBench.GPU, peer.gpuPeaks());
            }
        }
        if (other != null && !agree(mine.answer(), other.answer(), b.tolerance())) {
            throw new LoupeException(
                    "In " + b.name() + " ours came to " + mine.answer() + " and the peer to " + other.answer()
                            + "; the two must agree within " + b.tolerance() + " before speed means anything.");
        }
        double median = BenchResult.median(ours);
        Double peerMedian = other == null ? null : (Double) BenchResult.median(peers);
        return new BenchResult(
                b.name(),
                b.setting(),
                b.unit(),
                median,
                peerMedian,
                peerMedian == null ? null : (Double) (median / peerMedian),
                BenchResult.spread(ours),
                other == null ? null : (Double) BenchResult.spread(peers),
                List.copyOf(ours),
                List.copyOf(peers),
                mine.answer(),
                other == null ? null : (Double) other.answer(),
                threads,
                medians(beside, rounds));
    }

    /** Medians of the measured runs, which are the last ones. */
    private static Map<String, Double> medians(Map<String, List<Double>> beside, int rounds) {
        Map<String, Double> medians = new LinkedHashMap<>();
        beside.forEach((name, all) -> {
            List<Double> measured = all.subList(Math.max(0, all.size() - rounds), all.size());
            if (!measured.isEmpty()) {
                medians.put(name, BenchResult.median(measured));
            }
        });
        return medians;
    }

    private static void rest(@Nullable Peer peer) throws InterruptedException {
        if (peer != null) {
            Thread.sleep(REST_MILLIS);
        }
    }

    static boolean agree(double a, double b, double tolerance) {
        if (Double.isInfinite(tolerance)) {
            return true;
        }
        return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
    }
}
