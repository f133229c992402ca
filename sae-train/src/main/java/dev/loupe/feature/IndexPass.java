package dev.loupe.feature;

import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.DocumentTable;
import dev.loupe.store.RowReader;
import dev.loupe.store.SequenceTable;
import dev.loupe.store.TokenTable;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The one pass over the store. Whole sequences are read block by block and encoded on all cores; then all cores update
 * the latents, each latent from its own entries only, in row order. So nothing depends on the number of threads, and
 * memory depends on the number of latents, not on that of tokens.
 */
final class IndexPass {
    /** Rows of a block, so that a latent of usual density has enough of them to be worth a visit. */
    static final int BLOCK_ROWS = 8192;

    private static final int LATENTS_PER_TASK = 64;

    private final Sae sae;
    private final ActivationStore store;
    private final RowReader reader;
    private final IndexOptions options;
    private final Neighbours neighbours;
    private final Totals totals;
    private final @Nullable LatentStats[] stats;
    private final CodeSpool spool;

    IndexPass(
            Sae sae,
            ActivationStore store,
            RowReader reader,
            int vocabulary,
            IndexOptions options,
            Neighbours neighbours,
            CodeSpool spool) {
        this.spool = spool;
        this.sae = sae;
        this.store = store;
        this.reader = reader;
        this.options = options;
        this.neighbours = neighbours;
        this.stats = new LatentStats[sae.dSae()];
        DocumentTable documents = store.documents();
        List<String> labels = new ArrayList<>();
        for (int d = 0; d < documents.size(); d++) {
            labels.add(documents.label(d));
        }
        this.totals = new Totals(labels, vocabulary);
    }

    IndexPass run(Progress progress) {
        SequenceTable sequences = store.sequences();
        progress.stage("index " + sae.name(), store.rows(), "tokens");
        if (spool.restorableRows() > 0) {
            progress.message("The index of " + sae.name() + " goes on behind " + Fmt.count(spool.restorableRows())
                    + " tokens that an earlier run encoded.");
        }
        int number = 0;
        try (Arena arena = Arena.ofShared()) {
            Matrix memory = Matrix.allocate(arena, BLOCK_ROWS + longest(sequences), sae.dIn());
            for (int s = 0; s < sequences.size(); ) {
                progress.check();
                int end = s;
                int rows = 0;
                while (end < sequences.size() && rows < BLOCK_ROWS) {
                    rows += sequences.rows(end++);
                }
                if (rows > 0) {
                    Block block = describe(sequences, s, end, rows);
                    if (!spool.restore(number, block)) {
                        Matrix x = memory.rows(0, rows);
                        reader.read(block.firstRow, rows, x);
                        block.turn(sae.encode(x), sae.dSae());
                        spool.append(block);
                    }
                    number++;
                    totals.add(block);
                    update(block);
                    progress.advance(block.firstRow + rows);
                }
                s = end;
            }
        }
        return this;
    }

    Totals totals() {
        return totals;
    }

    /** What was gathered about every latent; null where it never fired. Not to be changed. */
    @Nullable LatentStats[] stats() {
        return stats;
    }

    /** The sketches of all latents. */
    Sketches sketches() {
        int n = stats.length;
        int[][] hashes = new int[n][];
        long[] limits = new long[n];
        long[] fired = new long[n];
        for (int i = 0; i < n; i++) {
            LatentStats s = stats[i];
            hashes[i] = s == null ? new int[0] : s.sketch.hashes();
            limits[i] = s == null ? RowSketch.WHOLE : s.sketch.limit();
            fired[i] = s == null ? 0 : s.fired;
        }
        return new Sketches(hashes, limits, fired, totals.rows);
    }

    /** What was gathered about a latent; null if it never fired. */
    @Nullable LatentStats stats(int latent) {
        return stats[latent];
    }

    static int longest(SequenceTable sequences) {
        int longest = 0;
        for (int s = 0; s < sequences.size(); s++) {
            longest = Math.max(longest, sequences.rows(s));
        }
        return longest;
    }

    private Block describe(SequenceTable sequences, int from, int to, int rows) {
        TokenTable tokens = store.tokens();
        DocumentTable documents = store.documents();
        Block block = new Block(sequences.firstRow(from), rows);
        int vocabulary = totals.tokens.length;
        int r = 0;
        for (int s = from; s < to; s++) {
            int[] ids = sequences.tokens(s);
            int document = sequences.document(s);
            int label = totals.label(document);
            boolean held = documents.heldOut(document);
            for (int i = 0; i < sequences.rows(s); i++, r++) {
                int position = tokens.position(block.firstRow + r);
                block.position[r] = position;
                block.token[r] = ids[position];
                block.previous[r] = position == 0 ? -1 : ids[position - 1];
                block.sequence[r] = s;
                block.document[r] = document;
                block.label[r] = label;
                block.heldOut[r] = held;
                if (block.token[r] < 0 || block.token[r] >= vocabulary || block.previous[r] >= vocabulary) {
                    throw new LoupeException("The activation store " + store.name() + " holds the token "
                            + block.token[r] + ", but the model knows " + vocabulary
                            + " tokens only: the store belongs to another model.");
                }
            }
        }
        return block;
    }

    private void update(Block block) {
        int n = sae.dSae();
        int tasks = Math.ceilDiv(n, LATENTS_PER_TASK);
        Parallel.run(tasks, t -> {
            int[] stamps = new int[block.rows];
            int first = t * LATENTS_PER_TASK;
            for (int i = first; i < Math.min(n, first + LATENTS_PER_TASK); i++) {
                int from = block.start(i);
                int to = block.end(i);
                if (from < to) {
                    LatentStats latent = stats[i];
                    if (latent == null) {
                        latent = new LatentStats(i, totals.labels().size(), neighbours.ids(i).length, options);
                        stats[i] = latent;
                    }
                    latent.add(block, from, to);
                    latent.addTogether(block, i, neighbours.ids(i), stamps, i - first + 1);
                }
            }
        });
    }
}
