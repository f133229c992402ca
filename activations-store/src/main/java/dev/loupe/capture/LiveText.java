package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.corpus.Document;
import dev.loupe.corpus.DocumentParts;
import dev.loupe.corpus.DocumentPool;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.HeldOut;
import dev.loupe.corpus.Packer;
import dev.loupe.math.Permutation;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * The training documents of a text as token sequences in blocks, epoch after epoch without end. A text is read in parts of
 * {@link #PART_CHARACTERS}; the documents of a part come in an order that the seed, the epoch and the part decide. A text
 * of one part is kept, a longer one is read anew in every epoch, so memory holds one part. Remembers the last blocks and
 * begins anew for an earlier one. One user at a time.
 */
final class LiveText implements AutoCloseable {
    /** Characters of a part. */
    static final long PART_CHARACTERS = 64L << 20;

    private static final int REMEMBERED = 3; // a block, the one before, and one ahead for its size
    private static final long MOST_PARTS = 1L << 24; // of an epoch

    private final DocumentSource source;
    private final HeldOut heldOut;
    private final long seed;
    private final long partCharacters;
    private final DocumentTokens tokens;
    private final Packer.Rules packing;
    private final int blockRows;
    private final Progress progress;
    private @Nullable DocumentPool whole; // the text, if it is one part
    private Sequences sequences = new Sequences();

    LiveText(
            DocumentSource source,
            HeldOut heldOut,
            long seed,
            long partCharacters,
            DocumentTokens tokens,
            Packer.Rules packing,
            int blockRows,
            Progress progress) {
        this.source = source;
        this.heldOut = heldOut;
        this.seed = seed;
        this.partCharacters = partCharacters;
        this.tokens = tokens;
        this.packing = packing;
        this.blockRows = Math.max(blockRows, packing.context());
        this.progress = progress;
        block(0); // an empty text is refused at once
    }

    /** Most rows of a block. */
    int blockRows() {
        return blockRows;
    }

    /** Characters of a part. */
    long partCharacters() {
        return partCharacters;
    }

    /** How many rows a sequence has. */
    int rows(int[] sequence) {
        int count = 0;
        for (int p = 0; p < sequence.length; p++) {
            count += packing.hasRow().test(sequence[p], p) ? 1 : 0;
        }
        return count;
    }

    /** The sequences of a block. */
    List<int[]> block(int number) {
        if (number < sequences.oldest()) {
            sequences.close();
            sequences = new Sequences();
        }
        return sequences.block(number);
    }

    @Override
    public void close() {
        sequences.close();
    }

    /** One reading, from the first block on. */
    private final class Sequences implements AutoCloseable {
        private final List<List<int[]>> recent = new ArrayList<>();
        private int next; // number of the block that comes next
        private long epoch = -1;
        private @Nullable Epoch documents;
        private @Nullable Packer packer;
        private int @Nullable [] waiting;

        int oldest() {
            return next - recent.size();
        }

        List<int[]> block(int number) {
            while (number >= next) {
                progress.check();
                recent.add(read());
                next++;
                if (recent.size() > REMEMBERED) {
                    recent.removeFirst();
                }
            }
            return recent.get(number - oldest());
        }

        private List<int[]> read() {
            List<int[]> block = new ArrayList<>();
            int rows = 0;
            while (true) {
                int[] sequence = waiting == null ? take() : waiting;
                waiting = null;
                int count = rows(sequence);
                if (rows + count > blockRows) {
                    waiting = sequence;
                    return block;
                }
                rows += count;
                block.add(sequence);
            }
        }

        private int[] take() {
            int tries = 0;
            while (true) {
                Packer.Sequence sequence = packer == null ? null : packer.next();
                if (sequence != null) {
                    return sequence.tokens();
                }
                if (tries++ > 0) {
                    throw new LoupeException("The text " + source.spec()
                            + " has no document for training with any token: all are held out or empty; give more text or"
                            + " hold out less.");
                }
                close();
                epoch++;
                Epoch now = new Epoch(epoch);
                documents = now;
                packer = new Packer(now, tokens, some -> some, packing, Long.MAX_VALUE);
            }
        }

        @Override
        public void close() {
            if (documents != null) {
                documents.close();
            }
        }
    }

    /** The training documents once. */
    private final class Epoch implements Iterator<Document>, AutoCloseable {
        private final long number;
        private @Nullable DocumentParts text; // read from the first part on
        private Iterator<Document> part = List.<Document>of().iterator();
        private long parts;

        Epoch(long number) {
            this.number = number;
        }

        @Override
        public boolean hasNext() {
            while (!part.hasNext() && more()) {}
            return part.hasNext();
        }

        @Override
        public Document next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            return part.next();
        }

        /** Reads the next part; false at the end of the text. */
        private boolean more() {
            DocumentPool kept = whole;
            if (kept != null) {
                if (parts > 0) {
                    return false;
                }
                part = ordered(kept.train());
                return true;
            }
            DocumentParts from = text;
            if (from == null) {
                from = new DocumentParts(source, heldOut, seed, partCharacters, progress);
                text = from;
            }
            if (!from.hasNext()) {
                return false;
            }
            DocumentPool pool = from.next();
            if (parts == 0 && pool.complete()) {
                whole = pool;
                close();
            }
            part = ordered(pool.train());
            return true;
        }

        private Iterator<Document> ordered(List<Document> documents) {
            Permutation order =
                    new Permutation(Math.max(1, documents.size()), seed, (number + 1) * MOST_PARTS + parts++);
            return new Iterator<>() {
                private int at;

                @Override
                public boolean hasNext() {
                    return at < documents.size();
                }

                @Override
                public Document next() {
                    return documents.get((int) order.at(at++));
                }
            };
        }

        @Override
        public void close() {
            if (text != null) {
                text.close();
            }
        }
    }
}
