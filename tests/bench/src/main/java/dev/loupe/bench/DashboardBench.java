package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
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
 * included on both sides. The index holds all latents, and is written to disk with its search index. SAEDashboard makes
 * dashboards of the first ones, in one of two ways: {@code peer=runner} is its own program as people run it (the loop that
 * Neuronpedia's pages are made with, at its own defaults: 128 latents at a time, activations of the model kept on disk in
 * between, JSON files written); {@code peer=call} is its inner call alone, one batch of all of them, token batches four times
 * as large as its default, nothing kept or written.
 */
final class DashboardBench implements Benchmark {
    private static final int TOKENS = 65_536;
    private static final int CONTEXT = 128;
    private static final String HOOK = "blocks.3.hook_resid_post";
    private static final List<String> WAYS = List.of("call", "runner");

    private final int[] sizes = {SaeData.LATENTS, 128}; // all latents, and SAEDashboard's
    private String way = "call";
    private @Nullable LanguageModel model;
    private @Nullable Sae sae;
    private @Nullable Path folder;

    @Override
    public String name() {
        return "dashboard";
    }

    @Override
    public void set(String key, String value) {
        switch (key) {
            case "latents" -> sizes[0] = number(key, value);
            case "features" -> sizes[1] = number(key, value);
            case "peer" -> {
                if (!WAYS.contains(value)) {
                    throw new UsageException("peer is one of " + String.join(", ", WAYS) + ".");
                }
                way = value;
            }
            default ->
                throw new UsageException("The settings are latents (of the SAE; " + SaeData.LATENTS
                        + "), features (of them, SAEDashboard's; 128) and peer (call or runner).");
        }
        if (sizes[1] > sizes[0]) {
            throw new UsageException("SAEDashboard cannot look at more features than there are latents.");
        }
    }

    private static int number(String key, String value) {
        if (!value.matches("[1-9][0-9]{0,6}")) {
            throw new UsageException(key + " is a whole number above 0, not \"" + value + "\".");
        }
        return Integer.parseInt(value);
    }

    @Override
    public String setting() {
        return TOKENS + " tokens in sequences of " + CONTEXT + ", TopK of " + SaeData.K + " among " + sizes[0]
                + " latents of width " + SaeData.WIDTH
                + ": all latents, indexed and written, against SAEDashboard's first "
                + sizes[1] + " by its "
                + (way.equals("call")
                        ? "inner call (one batch of all of them, 128 sequences a pass, nothing written)"
                        : "own runner (Neuronpedia's loop at its defaults, JSON written)")
                + ", model passes included on both sides; answers: sum of the strongest activations of those";
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
                Map.of(
                        "sae",
                        where.resolve("sae").toAbsolutePath().toString(),
                        "features",
                        sizes[1],
                        "way",
                        way,
                        "hook",
                        HOOK));
        float[][] d = SaeData.directions(1, sizes[0], 0.5);
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
        for (int i = 0; i < sizes[1]; i++) {
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
