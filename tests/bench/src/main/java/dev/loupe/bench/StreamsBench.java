package dev.loupe.bench;

import dev.loupe.model.Continuation;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenListener;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Eight texts that are written together against one that is written alone, in turns: the figure is how many times the
 * tokens of one stream come out of eight.
 */
final class StreamsBench implements Benchmark {
    private static final int STREAMS = 8;
    private static final int TOKENS = 48;

    private final boolean large;
    private final Beside beside = new Beside();
    private @Nullable LanguageModel model;

    /** @param large a random model of SmolLM2-135M's shape instead of the embedded one */
    StreamsBench(boolean large) {
        this.large = large;
    }

    @Override
    public String name() {
        return large ? "decode-streams-smollm2" : "decode-streams";
    }

    @Override
    public String setting() {
        return STREAMS + " streams together / one alone, " + TOKENS + " sampled tokens each after prompts of 5 to 12, "
                + (large ? "random float32 weights of SmolLM2-135M's shape" : "embedded model");
    }

    @Override
    public String unit() {
        return "times one stream";
    }

    @Override
    public double tolerance() {
        return Double.POSITIVE_INFINITY; // no peer
    }

    @Override
    public void prepare(Path folder) throws Exception {
        model = large
                ? LanguageModels.open(RandomModel.SMOLLM2.write(folder), ModelOptions.defaults())
                : Builtin.open(folder, Map.of());
    }

    @Override
    public Measured run() {
        double one = rate(1);
        double many = rate(STREAMS);
        System.err.printf(Locale.ROOT, "  one stream %.1f tokens/s, %d streams %.1f tokens/s%n", one, STREAMS, many);
        return new Measured(many, one, many / one);
    }

    private double rate(int streams) {
        LanguageModel m = Objects.requireNonNull(model);
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < streams; i++) {
            int[] prompt = new int[5 + i % 8];
            for (int j = 0; j < prompt.length; j++) {
                prompt[j] = 300 + 37 * i + 11 * j;
            }
            prompts.add(prompt);
        }
        long start = System.nanoTime();
        int written = 0;
        if (streams == 1) {
            written = m.generate(prompts.getFirst(), sampling(), Taps.none(), TokenListener.silent())
                    .tokens()
                    .length;
        } else {
            written = together(m, prompts, start);
        }
        return written / ((System.nanoTime() - start) / 1e9);
    }

    /** All at once, each heard by a thread of its own; notes when the first tokens and the ends came. */
    private int together(LanguageModel m, List<int[]> prompts, long start) {
        double[] first = new double[prompts.size()];
        double[] last = new double[prompts.size()];
        int written = 0;
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> all = new ArrayList<>();
            for (int i = 0; i < prompts.size(); i++) {
                int number = i;
                Continuation text = m.begin(prompts.get(i), sampling(), Taps.none());
                all.add(threads.submit(() -> text.listen((id, piece, logProb) -> {
                            last[number] = (System.nanoTime() - start) / 1e9;
                            first[number] = first[number] == 0 ? last[number] : first[number];
                            return true;
                        })
                        .tokens()
                        .length));
            }
            for (Future<Integer> one : all) {
                written += one.get();
            }
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
        Arrays.sort(first);
        Arrays.sort(last);
        beside.add(
                "first token p95 ms", 1000 * first[(int) Math.min(first.length - 1, Math.floor(0.95 * first.length))]);
        beside.add("first to end / last to end", last[0] / last[last.length - 1]);
        return written;
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    private static Sampling sampling() {
        return Sampling.random(TOKENS, 1, 1, 7);
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
