package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureIndexer;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.feature.IndexOptions;
import dev.loupe.math.Matrix;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The feature index of one SAE; the peer makes the same numbers with PyTorch (codes, best example per document,
 * histograms, rates per document, logit lens, neighbours) but writes no files and no text.
 */
final class IndexBench implements Benchmark {
    private static final int TOKENS = 30_000;
    private static final String HOOK = "blocks.3.hook_resid_post";

    private @Nullable LanguageModel model;
    private @Nullable ActivationStore store;
    private @Nullable Sae sae;
    private @Nullable Path folder;

    @Override
    public String name() {
        return "index";
    }

    @Override
    public String setting() {
        return TOKENS + " tokens, TopK of " + SaeData.K + " among " + SaeData.LATENTS
                + " latents of width " + SaeData.WIDTH + ", examples, histograms, logit lens, neighbours; the peer"
                + " writes nothing";
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public double tolerance() {
        return 1e-4;
    }

    @Override
    public void prepare(Path where) throws Exception {
        folder = where;
        model = Builtin.open(where, Map.of("k", SaeData.K));
        CaptureRequest request = CaptureRequest.of(
                "bench", where.resolve("stores"), "builtin", "builtin:europarl", List.of(HOOK), TOKENS);
        CaptureJob.run(request, model, Progress.silent());
        store = ActivationStore.open(request.folder());
        float[][] d = SaeData.directions(1, SaeData.LATENTS, 0.5);
        sae = SaeData.topk("bench", d, d);
        NpyFile.write(where.resolve("decoder.npy"), d);
        int n = (int) store.rows();
        float[][] rows = new float[n][];
        long[] documents = new long[n];
        try (Arena arena = Arena.ofConfined()) {
            Matrix all = Matrix.allocate(arena, n, SaeData.WIDTH);
            store.reader(HOOK).read(0, n, all);
            for (int i = 0; i < n; i++) {
                rows[i] = all.row(i);
                documents[i] = store.tokens().document(i);
            }
        }
        NpyFile.write(where.resolve("rows.npy"), rows);
        NpyFile.write(where.resolve("documents.npy"), documents);
    }

    @Override
    public Measured run() throws Exception {
        Path features = Objects.requireNonNull(folder).resolve("features");
        long start = System.nanoTime();
        FeatureIndex index = FeatureIndexer.build(
                Objects.requireNonNull(sae),
                Objects.requireNonNull(store),
                Objects.requireNonNull(model),
                IndexOptions.standard(),
                features,
                Progress.silent());
        double seconds = (System.nanoTime() - start) / 1e9;
        double fired = index.all().stream().mapToLong(FeatureSummary::fired).sum();
        AtomicFiles.deleteTree(features);
        return new Measured(Objects.requireNonNull(store).rows(), seconds, fired);
    }

    @Override
    public void close() {
        if (store != null) {
            store.close();
        }
        if (model != null) {
            model.close();
        }
    }
}
