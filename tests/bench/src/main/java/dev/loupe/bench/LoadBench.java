package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.base.ProcessMemory;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** From a folder on disk (in the system's cache) to the logits of one token; the peer is transformers' from_pretrained. */
final class LoadBench implements Benchmark {
    /** What the largest amount of memory that a process had is called. */
    static final String PEAK = "MB at the peak";

    private final List<Double> peaks = new ArrayList<>();
    private @Nullable Path path;

    @Override
    public String name() {
        return "load";
    }

    @Override
    public String setting() {
        return RandomModel.SMOLLM2.title() + " float32 checkpoint, warm file cache, opened and run over one token";
    }

    @Override
    public String unit() {
        return "MB/s";
    }

    @Override
    public double tolerance() {
        return 1e-4;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        path = RandomModel.SMOLLM2.write(folder);
        Json.write(folder.resolve("setup.json"), Map.of("model", path.toString(), "dtype", "float32"));
    }

    @Override
    public Measured run() throws Exception {
        Path folder = Objects.requireNonNull(path);
        PeakMemory.forget();
        long start = System.nanoTime();
        double answer = 0;
        try (LanguageModel model = LanguageModels.open(folder, ModelOptions.defaults())) {
            for (float logit : model.forward(TokenBatch.of(new int[] {1}), Taps.none(), Want.LAST_LOGITS)
                    .lastLogits(0)) {
                answer += Math.abs(logit);
            }
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        peaks.add(ProcessMemory.peakBytes() / 1e6);
        return new Measured(Files.size(folder.resolve("model.safetensors")) / 1e6, seconds, answer);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return Map.of(PEAK, peaks);
    }

    @Override
    public void close() {}
}
