package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureResult;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.Document;
import dev.loupe.math.Matrix;
import dev.loupe.model.LanguageModel;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.StoreSpec;
import dev.loupe.store.StoreWriter;
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

    private final Beside beside = new Beside();
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
            beside.add("storing share", storing(store, stores.resolve("again")) / seconds);
        }
        AtomicFiles.deleteTree(stores.resolve("again"));
        AtomicFiles.deleteTree(r.folder());
        return new Measured(r.tokens(), seconds, answer);
    }

    /** Seconds that writing the rows of a store takes once they are known: files, checksums, statistics, fsync. */
    private static double storing(ActivationStore store, Path target) {
        long spent = 0;
        try (StoreWriter writer = StoreWriter.create(target, StoreSpec.of(store.manifest()));
                ShardBuffer buffer = writer.buffer(65_536)) {
            long row = 0;
            int document = writer.addDocument("all", "", 0, false);
            for (int s = 0; row < store.rows(); s++) {
                int[] tokens = store.sequenceTokens(s);
                int count = buffer.rowsOf(tokens);
                if (buffer.rows() + count > buffer.capacity()) {
                    spent += timed(() -> writer.write(buffer));
                    buffer.clear();
                }
                int first = buffer.add(document, tokens);
                for (String hook : HOOKS) {
                    Matrix all = buffer.activations(hook);
                    store.reader(hook).read(row, count, all.rows(first, first + count));
                }
                row += count;
            }
            spent += timed(() -> writer.write(buffer));
            spent += timed(writer::finish);
        }
        return spent / 1e9;
    }

    private static long timed(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return System.nanoTime() - start;
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
