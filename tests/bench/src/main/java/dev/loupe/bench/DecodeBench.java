package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.model.Generation;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenListener;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Writing text greedily with a cache of keys and values; the peer is transformers' generate. */
final class DecodeBench implements Benchmark {
    private static final int PROMPT = 8;
    private static final int TOKENS = 48;

    private final RandomModel shape;
    private final Precision precision;
    private @Nullable LanguageModel model;

    DecodeBench(RandomModel shape, Precision precision) {
        this.shape = shape;
        this.precision = precision;
    }

    @Override
    public String name() {
        return "decode" + (shape == RandomModel.GPT2 ? "-gpt2" : "") + precision.suffix();
    }

    @Override
    public String setting() {
        return shape.title() + " random model, " + TOKENS + " greedy tokens after " + PROMPT + ", one sequence, "
                + precision.text();
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public double tolerance() {
        return precision == Precision.FLOAT32 ? 0 : Double.POSITIVE_INFINITY; // near ties, rounding decides
    }

    @Override
    public void prepare(Path folder) throws Exception {
        Path path = shape.write(folder);
        Map<String, Object> setup =
                Map.of("model", path.toString(), "ids", List.of(prompt()), "tokens", TOKENS, "dtype", precision.peer());
        Json.write(folder.resolve("setup.json"), setup);
        model = LanguageModels.open(path, precision.options(ModelOptions.defaults()));
    }

    private int[] prompt() {
        return PrefillBench.ids(1, PROMPT, shape.vocab())[0];
    }

    @Override
    public Measured run() {
        long start = System.nanoTime();
        Generation g = Objects.requireNonNull(model)
                .generate(prompt(), Sampling.greedy(TOKENS), Taps.none(), TokenListener.silent());
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
