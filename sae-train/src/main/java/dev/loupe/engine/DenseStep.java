package dev.loupe.engine;

import dev.loupe.kernel.PackedColumns;
import dev.loupe.kernel.PackedPanels;
import dev.loupe.kernel.PanelType;
import dev.loupe.math.Parallel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.jspecify.annotations.Nullable;

/**
 * The operands of a step in dense products, which take the place of sums over (row, latent) pairs where many latents are
 * active (early training): the decoder packed both ways, inputs and errors as rows and as columns. Pre-activations are not
 * kept but made again for the gradients, so memory does not grow with the number of active latents.
 */
final class DenseStep {
    /**
     * From one active latent in so many on, dense products are faster than sums over pairs: a pair costs the traffic of
     * four rows, a dense slot five multiply-adds per dimension at the speed of the kernel. Measured, see the decisions.
     */
    static final int SPARSE = 10;

    private static final int PACK = 256;

    private final StepInput s;
    private final Arena arena = Arena.ofAuto();
    final PackedColumns decoder;
    final PackedPanels decoderRows;
    private @Nullable PackedColumns errors;
    private @Nullable PackedColumns inputs;
    private @Nullable MemorySegment inputTile;
    private @Nullable MemorySegment errorTile;
    private final ConcurrentLinkedDeque<DenseRows> rowScratch = new ConcurrentLinkedDeque<>();
    private final ConcurrentLinkedDeque<DenseChunk> chunkScratch = new ConcurrentLinkedDeque<>();

    DenseStep(StepInput s) {
        this.s = s;
        decoder = new PackedColumns(arena, new int[] {s.n}, s.dOut);
        decoderRows = new PackedPanels(arena, PanelType.FLOAT32, s.n, s.dOut);
    }

    /** Packs the decoder as it is now. */
    void begin() {
        Parallel.run(Math.ceilDiv(s.n, PACK), c -> {
            for (int i = c * PACK; i < Math.min(s.n, (c + 1) * PACK); i++) {
                long at = s.parameters.decoderRows().offset(i);
                decoder.setRow(i, s.parameters.decoderRows().segment(), at);
                decoderRows.setRow(i, s.parameters.decoderRows().segment(), at, 1);
            }
        });
    }

    /** Packs inputs and errors; after all rows are through. */
    void rows() {
        if (errors == null || errors.inner() != s.rows) {
            errors = new PackedColumns(arena, new int[] {s.rows}, s.dOut);
            inputs = new PackedColumns(arena, new int[] {s.rows}, s.dIn);
            inputTile = arena.allocate(s.encoder.panels.tileBytes(s.rows), 64);
            errorTile = arena.allocate(decoderRows.tileBytes(s.rows), 64);
            chunkScratch.clear();
        }
        PackedColumns e = errors;
        PackedColumns x = inputs;
        MemorySegment xs = inputTile;
        MemorySegment es = errorTile;
        if (x == null || xs == null || es == null) {
            throw new IllegalStateException();
        }
        Parallel.run(Math.ceilDiv(s.rows, PACK), c -> {
            try (Arena own = Arena.ofConfined()) {
                MemorySegment row = own.allocate(4L * Math.max(s.dIn, s.dOut), 64);
                for (int r = c * PACK; r < Math.min(s.rows, (c + 1) * PACK); r++) {
                    e.setRow(r, s.errors, r * s.dOut);
                    x.setRow(r, s.centred, r * s.dIn);
                    MemorySegment.copy(s.centred, r * s.dIn, row, ValueLayout.JAVA_FLOAT, 0, s.dIn);
                    s.encoder.panels.packRow(row, 0, 1, r, xs);
                    MemorySegment.copy(s.errors, r * s.dOut, row, ValueLayout.JAVA_FLOAT, 0, s.dOut);
                    decoderRows.packRow(row, 0, 1, r, es);
                }
            }
        });
        s.encoder.panels.fill(s.rows, xs);
        decoderRows.fill(s.rows, es);
    }

    /** What the products of a tile of rows need, for one thread. */
    DenseRows tile() {
        DenseRows mine = rowScratch.pollFirst();
        return mine == null ? new DenseRows(decoder, arena) : mine;
    }

    /** Takes back what {@link #tile} gave. */
    void done(DenseRows scratch) {
        rowScratch.addFirst(scratch);
    }

    /** What the gradients of a range of latents need, for one thread; after {@link #rows}. */
    DenseChunk chunk() {
        DenseChunk mine = chunkScratch.pollFirst();
        if (mine != null) {
            return mine;
        }
        if (errors == null || inputs == null || inputTile == null || errorTile == null) {
            throw new IllegalStateException("rows are packed before gradients are made");
        }
        return new DenseChunk(s, errors, inputs, inputTile, errorTile, decoderRows, arena);
    }

    /** Takes back what {@link #chunk} gave. */
    void done(DenseChunk scratch) {
        chunkScratch.addFirst(scratch);
    }
}
