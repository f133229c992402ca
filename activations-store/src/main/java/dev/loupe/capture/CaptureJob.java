package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.base.MachineMemory;
import dev.loupe.base.OffsetProgress;
import dev.loupe.base.ProcessMemory;
import dev.loupe.base.Progress;
import dev.loupe.base.TaskExecutor;
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
import dev.loupe.store.ShardFiles;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.StoreSpec;
import dev.loupe.store.StoreWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

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
    private final TaskExecutor executor;
    private final Progress progress;
    private final int shardRows;
    private final boolean tokensOnly;

    private CaptureJob(
            CaptureRequest request,
            LanguageModel model,
            TaskExecutor executor,
            Progress progress,
            int shardRows,
            boolean tokensOnly) {
        this.tokensOnly = tokensOnly;
        this.request = request;
        this.model = model;
        this.executor = executor;
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
        return run(request, model, TaskExecutor.local(), progress);
    }

    /** The same with the model's passes done elsewhere; the store has the same bytes. */
    public static CaptureResult run(
            CaptureRequest request, LanguageModel model, TaskExecutor executor, Progress progress) {
        return run(request, model, executor, progress, CapturePlan.MOST_SHARD_ROWS);
    }

    /** The same with smaller shards. */
    static CaptureResult run(CaptureRequest request, LanguageModel model, Progress progress, int shardRows) {
        return run(request, model, TaskExecutor.local(), progress, shardRows);
    }

    /** Writes what a capture would but the activations: a store without hook points. No pass of the model is made. */
    static CaptureResult tokensOnly(CaptureRequest request, LanguageModel model, Progress progress, int shardRows) {
        return new CaptureJob(request, model, TaskExecutor.local(), progress, shardRows, true).run();
    }

    /** The same with smaller shards, elsewhere. */
    static CaptureResult run(
            CaptureRequest request, LanguageModel model, TaskExecutor executor, Progress progress, int shardRows) {
        return new CaptureJob(request, model, executor, progress, shardRows, false).run();
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
            if (!executor.remote()) { // machines of a cluster are looked at by whoever knows them
                ShardMemory.check(request, plan, MachineMemory.bytes());
            }
            try (StoreWriter writer = StoreWriter.create(folder, plan.spec())) {
                LanguageLabeler labeler = LanguageLabeler.of(source.languages());
                StoreManifest manifest = capture(writer, plan, first.heldOut(), text.trainFrom(first), labeler);
                return result(manifest, writer.shardsKept(), writer.rowsKept(), false, start);
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
        StoreManifest.Content c = manifest.content();
        return result(manifest, c.shards().size(), c.tokens(), true, start);
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
        long heldOutRows = Math.max(1, request.tokens() / HELD_OUT_PART);
        Packer heldOut = packer(plan, heldOutDocuments.iterator(), labeler, heldOutRows);
        Train train = new Train(
                () -> packer(plan, trainDocuments, labeler, request.tokens() - (heldOutRows - heldOut.rowsLeft())));
        try (ShardBuffer buffer = writer.sequenceBuffer(plan.shardRows());
                ShardCapture here = new ShardCapture(model)) {
            executor.run(
                    new ShardTasks(writer, buffer, request, plan, new HeldOutDocuments(heldOut), train),
                    ShardFiles.class,
                    tokensOnly ? (task, p) -> ShardFiles.none(task.plan()) : here::run,
                    (task, made) -> writer.commit(task.plan(), made),
                    new OffsetProgress(progress, writer::rowsKept));
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

    private CaptureResult result(StoreManifest manifest, int kept, long rowsKept, boolean reused, long start) {
        StoreManifest.Content c = manifest.content();
        double seconds = (System.nanoTime() - start) / 1e9;
        long captured = c.tokens() - rowsKept;
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

    private record HeldOutDocuments(Packer packer) implements ShardTasks.Source {
        @Override
        public Packer.@Nullable Sequence next() {
            return packer.next();
        }

        @Override
        public boolean heldOut() {
            return true;
        }
    }

    /** Documents for training; how many rows they may fill is known when those held out are packed. */
    private static final class Train implements ShardTasks.Source {
        private final Supplier<Packer> begin;
        private @Nullable Packer packer;

        Train(Supplier<Packer> begin) {
            this.begin = begin;
        }

        private Packer packer() {
            Packer p = packer;
            if (p == null) {
                p = begin.get();
                packer = p;
            }
            return p;
        }

        @Override
        public Packer.@Nullable Sequence next() {
            return packer().next();
        }

        @Override
        public boolean heldOut() {
            return false;
        }

        long rowsLeft() {
            return packer().rowsLeft();
        }
    }
}
