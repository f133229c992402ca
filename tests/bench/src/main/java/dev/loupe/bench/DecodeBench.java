package dev.loupe.bench;

import dev.loupe.model.Generation;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenListener;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writing text greedily with a cache of keys and values; the peer is transformers' generate in float32, whatever our
 * weights are. Beside it: the weights that are read for a token, the memory's bandwidth in the same minute, and which share of it
 * that reading comes to.
 */
final class DecodeBench extends SizedBench {
    private static final int PROMPT = 8;
    private static final int TOKENS = 48;

    private final List<Double> read = new ArrayList<>();
    private final List<Double> bandwidth = new ArrayList<>();
    private final List<Double> share = new ArrayList<>();

    DecodeBench(RandomModel shape, WeightType precision) {
        super("decode", shape, precision);
    }

    @Override
    public String setting() {
        return shape.title() + " random model, " + TOKENS + " greedy tokens after " + PROMPT + ", one sequence, "
                + precision.text() + " (peer float32)";
    }

    @Override
    public double tolerance() {
        return precision == WeightType.FLOAT32 ? 0 : Double.POSITIVE_INFINITY; // near ties, rounding decides
    }

    @Override
    int[][] ids() {
        return randomIds(1, PROMPT);
    }

    @Override
    String peerType() {
        return "float32";
    }

    @Override
    Map<String, Object> more() {
        return Map.of("tokens", TOKENS);
    }

    @Override
    public Measured run() {
        long start = System.nanoTime();
        Generation g = model().generate(ids()[0], Sampling.greedy(TOKENS), Taps.none(), TokenListener.silent());
        double seconds = (System.nanoTime() - start) / 1e9;
        double answer = 0; // the ids themselves, in order
        for (int i = 0; i < g.tokens().length; i++) {
            answer += (i + 1.0) * g.tokens()[i];
        }
        double gigabytes = shape.readForToken() * precision.bytes() / 1e9;
        double most = Bandwidth.gigabytesPerSecond();
        read.add(gigabytes);
        bandwidth.add(most);
        share.add(gigabytes * g.tokens().length / seconds / most);
        return new Measured(g.tokens().length, seconds, answer);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return Map.of("GB read a token", read, "GB/s of memory", bandwidth, "share of bandwidth", share);
    }
}
