package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureResult;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.Document;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Streams;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.io.BufferedWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A capture from text to files against nothing but the passes it needs, in turns: the figure is the share of the bare
 * passes' speed that is left. Both run the same sequences, sorted by length, as many streams at a time.
 */
final class CaptureShareBench implements Benchmark {
    private static final int DOCUMENTS = 64;
    private static final int CHARACTERS = 255; // one token each, and BOS
    private static final int BATCH_TOKENS = 2048;
    private static final int LAYER = 15;

    private final List<Double> captured = new ArrayList<>();
    private final List<Double> bare = new ArrayList<>();
    private @Nullable LanguageModel model;
    private @Nullable Path folder;
    private final List<int[]> sequences = new ArrayList<>();
    private int runs;

    @Override
    public String name() {
        return "capture-share";
    }

    @Override
    public String setting() {
        return "capture of blocks." + LAYER + ".hook_resid_post, disk included / the bare passes to that layer, "
                + DOCUMENTS + " documents of " + CHARACTERS + " tokens, " + RandomModel.SMOLLM2.title()
                + " random model, float32";
    }

    @Override
    public String unit() {
        return "of the bare speed";
    }

    @Override
    public double tolerance() {
        return Double.POSITIVE_INFINITY; // no peer
    }

    @Override
    public boolean hasPeer() {
        return false;
    }

    @Override
    public void prepare(Path where) throws Exception {
        folder = where;
        LanguageModel m = WeightType.FLOAT32.open(RandomModel.SMOLLM2, RandomModel.SMOLLM2.write(where));
        model = m;
        try (BufferedWriter out = Files.newBufferedWriter(where.resolve("text.jsonl"));
                Stream<Document> documents = Corpora.of(Corpora.EUROPARL, "").open()) {
            for (Document d : documents
                    .filter(x -> x.text().length() > 400)
                    .limit(DOCUMENTS)
                    .toList()) {
                String text = d.text().replaceAll("[^\\x20-\\x7e]", " ");
                text = text.substring(0, CHARACTERS).strip();
                out.write(Json.line(Map.of("text", text)) + "\n");
                sequences.add(m.tokenizer().encode(text));
            }
        }
        sequences.sort(Comparator.comparingInt((int[] s) -> -s.length));
    }

    @Override
    public Measured run() throws Exception {
        double passes = passes();
        double capture = capture();
        bare.add(passes);
        captured.add(capture);
        return new Measured(capture, passes, capture / passes);
    }

    private double passes() {
        List<TokenBatch> batches = new ArrayList<>();
        int tokens = 0;
        for (int from = 0; from < sequences.size(); ) {
            int n = Math.min(sequences.size() - from, Math.max(1, BATCH_TOKENS / sequences.get(from).length));
            batches.add(new TokenBatch(sequences.subList(from, from + n).toArray(new int[0][])));
            for (int[] s : sequences.subList(from, from + n)) {
                tokens += s.length;
            }
            from += n;
        }
        Taps read = Taps.read(HookPoint.residPost(LAYER));
        long start = System.nanoTime();
        Streams.run(batches.size(), i -> Objects.requireNonNull(model).forward(batches.get(i), read, Want.NOTHING));
        return tokens / ((System.nanoTime() - start) / 1e9);
    }

    private double capture() throws Exception {
        Path where = Objects.requireNonNull(folder);
        CaptureRequest request = CaptureRequest.of(
                        "run" + runs++,
                        where.resolve("stores"),
                        "random",
                        where.resolve("text.jsonl").toString(),
                        List.of("blocks." + LAYER + ".hook_resid_post"),
                        1_000_000)
                .withHeldOut("0")
                .withContext(512);
        long start = System.nanoTime();
        CaptureResult r = CaptureJob.run(request, Objects.requireNonNull(model), Progress.silent());
        double seconds = (System.nanoTime() - start) / 1e9;
        AtomicFiles.deleteTree(r.folder());
        return r.tokens() / seconds;
    }

    @Override
    public Map<String, List<Double>> beside() {
        return Map.of("captured tokens/s", captured, "bare tokens/s", bare);
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
