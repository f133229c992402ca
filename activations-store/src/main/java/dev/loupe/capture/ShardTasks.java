package dev.loupe.capture;

import dev.loupe.corpus.Document;
import dev.loupe.corpus.Packer;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.ShardPlan;
import dev.loupe.store.StoreWriter;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The shards of a capture as tasks, made while they are asked for: text is packed into sequences, sequences are gathered
 * until a shard is full, and its tables are written. Shards that an earlier run left whole are passed over.
 */
final class ShardTasks implements Iterator<CaptureShardTask> {
    private final StoreWriter writer;
    private final ShardBuffer buffer;
    private final CaptureRequest request;
    private final long rowBytes;
    private final Queue<Source> sources = new ArrayDeque<>();
    private Packer.@Nullable Sequence waiting; // did not fit into the last shard
    private int document = -1;
    private @Nullable CaptureShardTask next;

    /** Documents of one kind, packed when the ones before have ended. */
    interface Source {
        Packer.@Nullable Sequence next();

        boolean heldOut();
    }

    ShardTasks(StoreWriter writer, ShardBuffer buffer, CaptureRequest request, CapturePlan plan, Source... sources) {
        this.writer = writer;
        this.buffer = buffer;
        this.request = request;
        this.sources.addAll(java.util.List.of(sources));
        this.rowBytes = plan.spec().hooks().values().stream()
                .mapToLong(h -> 4L * h.width())
                .sum();
    }

    @Override
    public boolean hasNext() {
        while (next == null && fill()) {
            Optional<ShardPlan> shard = writer.plan(buffer);
            buffer.clear();
            next = shard.map(
                            s -> new CaptureShardTask(folder(), request.model(), s, CapturePlan.BATCH_TOKENS, rowBytes))
                    .orElse(null);
        }
        return next != null;
    }

    private Path folder() {
        return request.folder().toAbsolutePath().normalize();
    }

    @Override
    public CaptureShardTask next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        CaptureShardTask task = java.util.Objects.requireNonNull(next);
        next = null;
        return task;
    }

    /** Gathers sequences until no more fit; false if there are none. */
    private boolean fill() {
        while (true) {
            Packer.Sequence s = waiting;
            waiting = null;
            while (s == null && !sources.isEmpty()) {
                s = sources.element().next();
                if (s == null) {
                    sources.remove();
                }
            }
            if (s == null) {
                return buffer.rows() > 0;
            }
            if (s.rows() > buffer.capacity() - buffer.rows()) {
                waiting = s;
                return true;
            }
            add(s, sources.element().heldOut());
        }
    }

    private void add(Packer.Sequence s, boolean heldOut) {
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
