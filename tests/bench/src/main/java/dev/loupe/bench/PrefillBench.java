package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.model.Forward;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** One pass over 8 x 128 tokens to the last logits; the peer is transformers' model with {@code logits_to_keep=1}. */
final class PrefillBench implements Benchmark {
    private static final int BATCH = 8;
    private static final int LENGTH = 128;

    private final RandomModel shape;
    private final Precision precision;
    private @Nullable LanguageModel model;
    private @Nullable TokenBatch tokens;

    PrefillBench(RandomModel shape, Precision precision) {
        this.shape = shape;
        this.precision = precision;
    }

    @Override
    public String name() {
        return "prefill" + (shape == RandomModel.GPT2 ? "-gpt2" : "") + precision.suffix();
    }

    @Override
    public String setting() {
        return shape.title() + " random model, " + BATCH + " x " + LENGTH + " tokens to the last logits, "
                + precision.text();
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public double tolerance() {
        return precision.tolerance();
    }

    @Override
    public void prepare(Path folder) throws Exception {
        Path path = shape.write(folder);
        int[][] ids = ids(BATCH, LENGTH, shape.vocab());
        tokens = new TokenBatch(ids);
        Json.write(
                folder.resolve("setup.json"), Map.of("model", path.toString(), "ids", ids, "dtype", precision.peer()));
        model = LanguageModels.open(path, precision.options(ModelOptions.defaults()));
    }

    static int[][] ids(int batch, int length, int vocab) {
        SplittableRandom random = new SplittableRandom(2);
        int[][] ids = new int[batch][length];
        for (int[] row : ids) {
            java.util.Arrays.setAll(row, i -> random.nextInt(vocab));
        }
        return ids;
    }

    @Override
    public Measured run() {
        LanguageModel m = Objects.requireNonNull(model);
        long start = System.nanoTime();
        Forward forward = m.forward(Objects.requireNonNull(tokens), Taps.none(), Want.LAST_LOGITS);
        double seconds = (System.nanoTime() - start) / 1e9;
        double answer = 0;
        for (int b = 0; b < BATCH; b++) {
            for (float logit : forward.lastLogits(b)) {
                answer += Math.abs(logit);
            }
        }
        return new Measured((double) BATCH * LENGTH, seconds, answer);
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
