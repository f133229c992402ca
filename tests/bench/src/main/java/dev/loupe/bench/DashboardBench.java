package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureRules;
import dev.loupe.capture.TextRows;
import dev.loupe.corpus.Packing;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureIndexer;
import dev.loupe.feature.IndexOptions;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.store.SequenceTable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The browser's index against SAEDashboard, by latents a second: the same SAE on the same tokens, the model's passes
 * included on both sides. SAEDashboard makes dashboards of the first {@value #FEATURES} latents, the index holds all.
 */
final class DashboardBench implements Benchmark {
    private static final int TOKENS = 65_536;
    private static final int CONTEXT = 128;
    private static final int FEATURES = Integer.getInteger("loupe.bench.features", 128);
    private static final String HOOK = "blocks.3.hook_resid_post";

    private @Nullable LanguageModel model;
    private @Nullable Sae sae;
    private @Nullable Path folder;

    @Override
    public String name() {
        return "dashboard";
    }

    @Override
    public String setting() {
        return TOKENS + " tokens in sequences of " + CONTEXT + ", TopK of " + SaeData.K + " among " + SaeData.LATENTS
                + " latents of width " + SaeData.WIDTH + ": all latents against SAEDashboard's first " + FEATURES
                + ", model passes included; answers: sum of the strongest activations of those";
    }

    @Override
    public String unit() {
        return "latents/s";
    }

    @Override
    public double tolerance() {
        return 0.01; // the last, shorter sequence is ours alone
    }

    private CaptureRequest request() {
        return CaptureRequest.of(
                        "text",
                        Objects.requireNonNull(folder).resolve("texts"),
                        "builtin",
                        "builtin:europarl",
                        List.of(HOOK),
                        TOKENS)
                .withContext(CONTEXT)
                .withRules(new CaptureRules(Packing.CONCATENATED, 0, null, null));
    }

    @Override
    public void prepare(Path where) throws Exception {
        folder = where;
        model = Builtin.open(
                where,
                Map.of("sae", where.resolve("sae").toAbsolutePath().toString(), "features", FEATURES, "hook", HOOK));
        float[][] d = SaeData.directions(1, SaeData.LATENTS, 0.5);
        sae = SaeData.topk("sae", d, d);
        sae.save(where.resolve("sae"));
        try (TextRows rows = TextRows.open(request(), model, Progress.silent())) {
            SequenceTable sequences = rows.tokens().sequences();
            List<int[]> whole = new ArrayList<>();
            for (int s = 0; s < sequences.size(); s++) {
                int[] ids = sequences.tokens(s);
                if (ids.length == CONTEXT) {
                    whole.add(ids);
                }
            }
            NpyFile.write(where.resolve("tokens.npy"), whole.toArray(int[][]::new));
        }
    }

    @Override
    public Measured run() throws Exception {
        Path features = Objects.requireNonNull(folder).resolve("features");
        long start = System.nanoTime();
        FeatureIndex index;
        try (TextRows rows = TextRows.open(request(), Objects.requireNonNull(model), Progress.silent())) {
            index = FeatureIndexer.build(
                    Objects.requireNonNull(sae),
                    rows.tokens(),
                    rows,
                    model,
                    IndexOptions.standard(),
                    features,
                    Progress.silent());
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        double strongest = 0;
        for (int i = 0; i < FEATURES; i++) {
            strongest += index.summary(i).max();
        }
        AtomicFiles.deleteTree(features);
        return new Measured(index.size(), seconds, strongest);
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
