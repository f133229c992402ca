package dev.loupe.compare;

import dev.loupe.base.Progress;
import dev.loupe.engine.cuda.ChosenCard;
import dev.loupe.engine.cuda.CudaCosines;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import java.lang.foreign.Arena;
import java.util.stream.IntStream;

/**
 * The pass of {@link Candidates} on a GPU, with the same lists, bit for bit. The card names more partners of each row than
 * are wanted; their cosines are computed again here as {@link CosineTiles} computes them, and the best are kept. A cosine
 * that the card did not name is below the last one that it did, but for rounding; a row whose list that does not settle
 * (equal rows, say) is done again on the processor.
 */
final class CardCandidates {
    /** Partners that the card names beyond those that are wanted. */
    private static final int MORE = 16;

    /** Rows of A that are brought to the card at a time. */
    private static final int PIECE = 4096;

    private static final double UNIT = 0x1p-24;

    private final UnitRows a;
    private final UnitRows b;
    private final TopLists byRow;
    private final TopLists byColumn;
    private final int named;
    private final float rounding;
    private int redone;

    private CardCandidates(UnitRows a, UnitRows b, TopLists byRow, TopLists byColumn) {
        this.a = a;
        this.b = b;
        this.byRow = byRow;
        this.byColumn = byColumn;
        this.named = named(byRow.capacity());
        this.rounding = (float) (2.1 * a.width() * UNIT); // of both sums, of rows of length one
    }

    private static int named(int wanted) {
        return Math.min(CudaCosines.LONGEST, wanted + MORE);
    }

    /** Whether a GPU was chosen that pays for so many cosines, and lists are short enough for it. */
    static boolean wanted(UnitRows a, UnitRows b, int perRow) {
        return perRow > 0
                && named(perRow) >= perRow + MORE / 2
                && ChosenCard.pays((double) a.size() * b.size() * a.width());
    }

    /**
     * Fills the lists.
     *
     * @param from the first row of B that they do not have
     * @return rows that were done again on the processor
     */
    static int fill(UnitRows a, UnitRows b, int from, TopLists byRow, TopLists byColumn, Progress progress) {
        CardCandidates c = new CardCandidates(a, b, byRow, byColumn);
        try (CudaCosines card = new CudaCosines(ChosenCard.index(), a.size(), a.width(), CosineTiles.BLOCK, c.named)) {
            c.fill(card, from, progress);
        }
        return c.redone;
    }

    private void fill(CudaCosines card, int from, Progress progress) {
        for (int first = 0; first < a.size(); first += PIECE) {
            progress.check();
            int end = Math.min(a.size(), first + PIECE);
            try (Arena arena = Arena.ofShared()) {
                card.rows(first, unit(a, first, end, arena), dead(a, first, end));
            }
        }
        for (int first = from; first < b.size(); first += CosineTiles.BLOCK) {
            progress.check();
            progress.advance(first);
            int end = Math.min(b.size(), first + CosineTiles.BLOCK);
            CudaCosines.Found found;
            try (Arena arena = Arena.ofShared()) {
                found = card.block(first, unit(b, first, end, arena), dead(b, first, end));
            }
            columns(first, end, found);
        }
        progress.check();
        rows(card.rows(), from);
    }

    private static Matrix unit(UnitRows rows, int from, int end, Arena arena) {
        Matrix unit = Matrix.allocate(arena, end - from, rows.width());
        Parallel.run(Math.ceilDiv(end - from, 64), t -> {
            float[] row = new float[rows.width()];
            float[] scratch = new float[rows.width()];
            for (int i = from + t * 64; i < Math.min(end, from + t * 64 + 64); i++) {
                rows.copy(i, row, 0, scratch);
                unit.setRow(i - from, row);
            }
        });
        return unit;
    }

    private static byte[] dead(UnitRows rows, int from, int end) {
        byte[] dead = new byte[end - from];
        for (int i = from; i < end; i++) {
            dead[i - from] = (byte) (rows.dead(i) ? 1 : 0);
        }
        return dead;
    }

    private void columns(int first, int end, CudaCosines.Found found) {
        float[] values = exact(b, first, end - first, a, found.ids());
        for (int j = first; j < end; j++) {
            offer(byColumn, j, -1 - j, found.ids(), values, j - first);
        }
        boolean all = named >= a.size() - a.deadRows();
        int[] open = IntStream.range(first, end)
                .filter(j -> !all && !b.dead(j) && !settled(byColumn, j, found.cuts()[j - first]))
                .toArray();
        again(b, open, a, byColumn, true);
    }

    private void rows(CudaCosines.Found found, int from) {
        float[] values = exact(a, 0, a.size(), b, found.ids());
        for (int i = 0; i < a.size(); i++) {
            offer(byRow, i, i, found.ids(), values, i);
        }
        boolean all = named >= b.size() - from;
        int[] open = IntStream.range(0, a.size())
                .filter(i -> !all && !a.dead(i) && !settled(byRow, i, found.cuts()[i]))
                .toArray();
        again(a, open, b, byRow, false);
    }

    /** Cosines of rows with those that are named for them, with the bits of {@link CosineTiles}. */
    private float[] exact(UnitRows of, int first, int count, UnitRows others, int[] ids) {
        EdgeList.ByRow pairs = pairs(first, count, of.size(), ids);
        UnitRows.cosines(of, others, pairs);
        float[] values = new float[ids.length];
        int at = 0;
        for (int e = 0; e < ids.length; e++) {
            values[e] = ids[e] < 0 ? 0 : pairs.values()[at++];
        }
        return values;
    }

    private EdgeList.ByRow pairs(int first, int count, int rows, int[] ids) {
        int[] start = new int[rows + 1];
        int size = 0;
        for (int i = 0; i < rows; i++) {
            start[i] = size;
            for (int e = 0; i >= first && i < first + count && e < named; e++) {
                size += ids[(i - first) * named + e] >= 0 ? 1 : 0;
            }
        }
        start[rows] = size;
        return new EdgeList.ByRow(start, IntStream.of(ids).filter(id -> id >= 0).toArray(), new float[size]);
    }

    private void offer(TopLists lists, int list, int tie, int[] ids, float[] values, int at) {
        for (int e = at * named; e < (at + 1) * named; e++) {
            if (ids[e] >= 0) {
                lists.offer(list, tie, values[e], ids[e]);
            }
        }
    }

    private boolean settled(TopLists lists, int list, float cut) {
        return cut == Float.NEGATIVE_INFINITY || lists.cut(list) > cut + rounding;
    }

    /** Makes lists anew from all cosines, on the processor. */
    private void again(UnitRows of, int[] open, UnitRows others, TopLists lists, boolean columns) {
        redone += open.length;
        for (int i : open) {
            lists.clear(i);
        }
        for (int from = 0; open.length > 0 && from < others.size(); from += CosineTiles.BLOCK) {
            int first = from;
            int end = Math.min(others.size(), from + CosineTiles.BLOCK);
            CosineTiles.block(of, open, others, from, end, () -> "", (none, at, count, cosines, stride) -> {
                for (int r = 0; r < count; r++) {
                    int list = open[at + r];
                    for (int j = first; j < end; j++) {
                        if (!columns || !others.dead(j)) { // as Candidates has it: dead rows of A take no part
                            lists.offer(list, columns ? -1 - list : list, cosines[r * stride + j - first], j);
                        }
                    }
                }
            });
        }
    }
}
