package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.model.LanguageModel;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** Benchmarks of a random model of a well-known size, which the peer opens from the same folder. */
abstract class SizedBench implements Benchmark {
    final RandomModel shape;
    final WeightType precision;
    private final String what;
    private @Nullable LanguageModel model;

    /** @param what the first part of the name, also that of the peer's function */
    SizedBench(String what, RandomModel shape, WeightType precision) {
        this.what = what;
        this.shape = shape;
        this.precision = precision;
    }

    @Override
    public String name() {
        return what + (shape == RandomModel.GPT2 ? "-gpt2" : "") + precision.suffix();
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    /** The token ids that both sides begin with. */
    abstract int[][] ids();

    /** PyTorch's name of the type in which the peer computes. */
    abstract String peerType();

    /** What else the peer needs to know. */
    abstract Map<String, Object> more();

    @Override
    public void prepare(Path folder) throws Exception {
        Path path = shape.write(folder);
        Map<String, Object> setup = new java.util.LinkedHashMap<>(more());
        setup.putAll(Map.of("model", path.toString(), "ids", ids(), "dtype", peerType()));
        Json.write(folder.resolve("setup.json"), setup);
        model = precision.open(shape, path);
    }

    LanguageModel model() {
        return Objects.requireNonNull(model);
    }

    int[][] randomIds(int batch, int length) {
        SplittableRandom random = new SplittableRandom(2);
        int[][] ids = new int[batch][length];
        for (int[] row : ids) {
            java.util.Arrays.setAll(row, i -> random.nextInt(shape.vocab()));
        }
        return ids;
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
