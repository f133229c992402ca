package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.base.ProcessMemory;
import dev.loupe.base.Progress;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.Document;
import dev.loupe.corpus.DocumentParts;
import dev.loupe.corpus.DocumentPool;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.HeldOut;
import dev.loupe.corpus.LanguageLabeler;
import dev.loupe.corpus.Packer;
import dev.loupe.model.LanguageModel;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.StoreSpec;
import dev.loupe.store.StoreWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;

/**
 * Runs a model over a text and stores what passes its hook points: all of them in one pass that ends at the last one.
 *
 * <p>Held-out documents come first, up to an eighth of the rows, so that every store has rows to report on; then
 * documents for training, in an order that the seed decides. A capture that was stopped or killed continues from its
 * last whole shard when the same request is run again, and ends with the same bytes.
 */
public final class CaptureJob {
    /** Held-out rows are at most this share of the rows asked for: 1 in 8. */
    static final int HELD_OUT_PART = 8;

    private final CaptureRequest request;
    private final LanguageModel model;
    private final Progress progress;
    private final int shardRows;
    private final boolean tokensOnly;

    private CaptureJob(
            CaptureRequest request, LanguageModel model, Progress progress, int shardRows, boolean tokensOnly) {
        this.tokensOnly = tokensOnly;
        this.request = request;
        this.model = model;
        this.progress = progress;
        this.shardRows = shardRows;
    }

    /**
     * Captures, or continues an interrupted capture of the same request, or finds that the store is there already.
     *
     * @throws dev.loupe.base.UsageException if the request does not fit the model, naming what does
     * @throws LoupeException if the text is empty, the disk is full, another store has the name, or another process
     *     captures it; what was finished is kept
     * @throws dev.loupe.base.CancelledException if the progress was cancelled; what was finished is kept
     */
    public static CaptureResult run(CaptureRequest request, LanguageModel model, Progress progress) {
        return run(request, model, progress, CapturePlan.MOST_SHARD_ROWS);
    }

    /** The same with smaller shards. */
    static CaptureResult run(CaptureRequest request, LanguageModel model, Progress progress, int shardRows) {
        return new CaptureJob(request, model, progress, shardRows, false).run();
    }

    /** Writes what a capture would but the activations: a store without hook points. No pass of the model is made. */
    static CaptureResult tokensOnly(CaptureRequest request, LanguageModel model, Progress progress, int shardRows) {
        return new CaptureJob(request, model, progress, shardRows, true).run();
    }

    private CaptureResult run() {
        long start = System.nanoTime();
        progress.stage("read " + request.text(), -1, "documents");
        DocumentSource source = Corpora.of(request.text(), request.jsonField());
        HeldOut heldOut = heldOutRule(request, source, model);
        CapturePlan full = CapturePlan.of(request, model, source, heldOut, shardRows);
        CapturePlan plan = tokensOnly ? full.withoutRows() : full;
        Path folder = request.folder();
        if (Files.exists(folder.resolve(StoreManifest.FILE))) {
            return reuse(folder, plan.spec(), start);
        }
        try (DocumentParts text = new DocumentParts(source, heldOut, request.seed(), plan.poolCharacters(), progress)) {
            DocumentPool first = text.next();
            DiskSpace.check(request, plan);
            try (StoreWriter writer = StoreWriter.create(folder, plan.spec())) {
                LanguageLabeler labeler = LanguageLabeler.of(source.languages());
                StoreManifest manifest = capture(writer, plan, first.heldOut(), text.trainFrom(first), labeler);
                return result(manifest, writer.shardsKept(), false, start);
            }
        }
    }

    static HeldOut heldOutRule(CaptureRequest request, DocumentSource source, LanguageModel model) {
        if (!request.heldOut().isBlank()) {
            return HeldOut.parse(request.heldOut());
        }
        List<String> known = source.spec().startsWith(Corpora.EUROPARL) ? model.heldOutHashes() : List.of();
        return known.isEmpty() ? HeldOut.share(0.01) : HeldOut.ofHashes(known);
    }

    private CaptureResult reuse(Path folder, StoreSpec spec, long start) {
        StoreManifest manifest = StoreManifest.read(folder);
        if (!StoreSpec.of(manifest).sameAs(spec)) {
            throw new LoupeException("There is already an activation store " + request.name() + " in "
                    + request.storesDir()
                    + ", made with other settings; choose another --name, or delete that folder first.");
        }
        progress.message("The store " + request.name() + " is there already; nothing to do.");
        return result(manifest, manifest.content().shards().size(), true, start);
    }

    private StoreManifest capture(
            StoreWriter writer,
            CapturePlan plan,
            List<Document> heldOutDocuments,
            Iterator<Document> trainDocuments,
            LanguageLabeler labeler) {
        if (writer.shardsKept() > 0) {
            progress.message("Continuing an interrupted capture: " + writer.shardsKept() + " shards are kept.");
        }
        progress.stage((tokensOnly ? "cut the text of " : "capture ") + request.name(), request.tokens(), "tokens");
        ForwardPass forward = new ForwardPass(model, plan.hooks(), plan.batchTokens(), progress);
        long heldOutRows = Math.max(1, request.tokens() / HELD_OUT_PART);
        Packer heldOut = packer(plan, heldOutDocuments.iterator(), labeler, heldOutRows);
        Packer train;
        try (ShardBuffer buffer = writer.buffer(plan.shardRows())) {
            ShardFiller filler = new ShardFiller(writer, buffer, forward, progress);
            filler.addAll(heldOut, true);
            train = packer(plan, trainDocuments, labeler, request.tokens() - (heldOutRows - heldOut.rowsLeft()));
            filler.addAll(train, false);
            filler.flush();
        }
        if (train.rowsLeft() > 0) {
            progress.message("The text ended before " + request.tokens() + " tokens: the store has "
                    + (request.tokens() - train.rowsLeft()) + ".");
        }
        return writer.finish();
    }

    private Packer packer(CapturePlan plan, Iterator<Document> documents, LanguageLabeler labeler, long rows) {
        return new Packer(
                documents,
                new DocumentTokens(model.tokenizer(), plan.bos()),
                some -> labeler.label(some, progress),
                plan.packing(),
                rows);
    }

    private CaptureResult result(StoreManifest manifest, int kept, boolean reused, long start) {
        StoreManifest.Content c = manifest.content();
        double seconds = (System.nanoTime() - start) / 1e9;
        long captured = c.shards().stream()
                .skip(kept)
                .mapToLong(StoreManifest.Shard::rows)
                .sum();
        return new CaptureResult(
                request.name(),
                request.folder(),
                List.copyOf(c.hooks().keySet()),
                c.tokens(),
                c.trainTokens(),
                c.heldOutTokens(),
                c.documents(),
                c.sequences(),
                c.shards().size(),
                kept,
                reused,
                captured / seconds,
                seconds,
                ProcessMemory.peakBytes());
    }

    /** Gathers sequences into shards; runs the model over a shard when it is full, unless the shard is kept. */
    private final class ShardFiller {
        private final StoreWriter writer;
        private final ForwardPass forward;
        private final Progress progress;
        private final ShardBuffer buffer;
        private long rows;
        private int document = -1;

        ShardFiller(StoreWriter writer, ShardBuffer buffer, ForwardPass forward, Progress progress) {
            this.writer = writer;
            this.forward = forward;
            this.progress = progress;
            this.buffer = buffer;
        }

        void addAll(Packer packer, boolean heldOut) {
            for (Packer.Sequence s; (s = packer.next()) != null; ) {
                if (s.rows() > buffer.capacity() - buffer.rows()) {
                    flush();
                }
                int[] documents = new int[s.parts().size()];
                int[] from = new int[documents.length];
                for (int i = 0; i < documents.length; i++) {
                    Packer.Part part = s.parts().get(i);
                    if (part.starts()) {
                        Document d = part.document();
                        document = writer.addDocument(d.name(), d.label(), d.confidence(), heldOut);
                    }
                    documents[i] = document;
                    from[i] = part.from();
                }
                buffer.add(documents, from, s.tokens(), s.labels());
            }
        }

        void flush() {
            if (buffer.rows() > 0) {
                progress.check();
                if (!tokensOnly && !writer.nextShardIsKept()) {
                    forward.fill(buffer, rows);
                }
                rows += buffer.rows();
                writer.write(buffer);
                progress.advance(rows);
                buffer.clear();
            }
        }
    }
}
