package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureResult;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.Document;
import dev.loupe.model.LanguageModel;
import dev.loupe.store.ActivationStore;
import java.io.BufferedWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Text to stored activations of two hook points; the peer is transformers with hidden states written by NumPy. */
final class CaptureBench implements Benchmark {
    private static final int DOCUMENTS = 120;
    private static final int LONGEST = 600;
    private static final String[] HOOKS = {"blocks.1.hook_resid_post", "blocks.3.hook_resid_post"};

    private @Nullable LanguageModel model;
    private @Nullable Path folder;
    private int runs;

    @Override
    public String name() {
        return "capture";
    }

    @Override
    public String setting() {
        return DOCUMENTS + " Europarl documents of at most " + LONGEST + " characters, embedded model, two residual"
                + " hooks, text to files";
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public double tolerance() {
        return 1e-3;
    }

    @Override
    public void prepare(Path where) throws Exception {
        folder = where;
        model = Builtin.open(where, Map.of("layers", List.of(1, 3), "batch", 16));
        try (BufferedWriter out = Files.newBufferedWriter(where.resolve("text.jsonl"));
                Stream<Document> documents = Corpora.of(Corpora.EUROPARL, "").open()) {
            for (Document d : documents.limit(DOCUMENTS).toList()) {
                String text = d.text();
                text = text.substring(0, Math.min(LONGEST, text.length())).strip();
                out.write(Json.line(Map.of("text", text)) + "\n");
            }
        }
    }

    @Override
    public Measured run() throws Exception {
        Path where = Objects.requireNonNull(folder);
        Path stores = where.resolve("stores");
        CaptureRequest request = CaptureRequest.of(
                        "run" + runs++,
                        stores,
                        "builtin",
                        where.resolve("text.jsonl").toString(),
                        List.of(HOOKS),
                        1_000_000)
                .withHeldOut("0")
                .withContext(512);
        long start = System.nanoTime();
        CaptureResult r = CaptureJob.run(request, Objects.requireNonNull(model), Progress.silent());
        double seconds = (System.nanoTime() - start) / 1e9;
        double answer;
        try (ActivationStore store = ActivationStore.open(r.folder())) {
            answer = store.meanSquaredNorm(HOOKS[1]);
        }
        AtomicFiles.deleteTree(r.folder());
        return new Measured(r.tokens(), seconds, answer);
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
