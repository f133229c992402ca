package dev.loupe.patch;

import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;
import java.util.ArrayList;
import java.util.List;

/**
 * A cell of a site's grid.
 *
 * @param site its site
 * @param row its row
 * @param column its column
 */
record Cell(Site site, int row, int column) implements Patch {
    @Override
    public HookPoint hook() {
        return site.hook(row);
    }

    @Override
    public boolean changes() {
        return site.changes(row, column);
    }

    @Override
    public void put(Activation a, int batchRow) {
        site.put(row, column, a, batchRow);
    }

    static List<Cell> all(Site site) {
        List<Cell> cells = new ArrayList<>();
        for (int row = 0; row < site.rows(); row++) {
            for (int column = 0; column < site.columns(); column++) {
                cells.add(new Cell(site, row, column));
            }
        }
        return cells;
    }
}
