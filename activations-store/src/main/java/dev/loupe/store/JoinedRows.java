package dev.loupe.store;

import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.BiConsumer;

/** Rows of several hook points side by side, in the order of the hook points. */
final class JoinedRows implements RowReader {
    private final List<RowReader> parts;
    private final int width;

    JoinedRows(List<RowReader> parts) {
        this.parts = List.copyOf(parts);
        this.width = parts.stream().mapToInt(RowReader::width).sum();
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public long rows() {
        return parts.getFirst().rows();
    }

    @Override
    public void gather(long[] rows, int from, int count, Matrix dst) {
        join(count, dst, (part, target) -> part.gather(rows, from, count, target));
    }

    @Override
    public void read(long firstRow, int count, Matrix dst) {
        join(count, dst, (part, target) -> part.read(firstRow, count, target));
    }

    private void join(int count, Matrix dst, BiConsumer<RowReader, Matrix> reading) {
        int at = 0;
        for (RowReader part : parts) {
            try (Arena arena = Arena.ofShared()) {
                Matrix own = Matrix.allocate(arena, count, part.width());
                reading.accept(part, own);
                own.copyInto(dst, at);
            }
            at += part.width();
        }
    }
}
