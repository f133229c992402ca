package dev.loupe.bench;

import dev.loupe.model.Generation;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenListener;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Writing text greedily with a cache of keys and values; the peer is transformers' generate. */
final class DecodeBench implements Benchmark {
    private static final String PROMPT = "The European Parliament";
    private static final int TOKENS = 64;

    private @Nullable LanguageModel model;

    @Override
    public String name() {
        return "decode";
    }

    @Override
    public String setting() {
        return TOKENS + " greedy tokens after a short prompt, embedded model, one sequence";
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public double tolerance() {
        return 0;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        model = Builtin.open(folder, Map.of("prompt", PROMPT, "tokens", TOKENS));
    }

    @Override
    public Measured run() {
        LanguageModel m = Objects.requireNonNull(model);
        int[] prompt = m.tokenizer().encode(PROMPT);
        long start = System.nanoTime();
        Generation g = m.generate(prompt, Sampling.greedy(TOKENS), Taps.none(), TokenListener.silent());
        double seconds = (System.nanoTime() - start) / 1e9;
        double answer = 0; // the ids themselves, in order
        for (int i = 0; i < g.tokens().length; i++) {
            answer += (i + 1.0) * g.tokens()[i];
        }
        return new Measured(g.tokens().length, seconds, answer);
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
