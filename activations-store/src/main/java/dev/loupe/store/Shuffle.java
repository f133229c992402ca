package dev.loupe.store;

import dev.loupe.base.UsageException;

/** How training rows are mixed. In every mode each row comes exactly once an epoch, in an order that the seed decides. */
public enum Shuffle {
    /** One permutation of all rows: a batch is a uniform sample. Reads single rows: for stores in memory or on fast disks. */
    FULL("full", "feistel-splitmix64-6/1: permutation of the training rows per (seed, epoch)"),
    /**
     * Record batches in random order, taken in groups; the rows of a group in random order. A batch is a uniform sample of
     * its group, {@value BlockOrder#GROUP_ROWS} rows or more from all over the store. Reads whole record batches: for stores
     * larger than memory, spinning disks and remote storage.
     */
    BLOCK(
            "block",
            "block-feistel-splitmix64-6/1: record batches permuted per (seed, epoch), groups of 65536 rows or more, rows of"
                    + " a group permuted");

    private final String id;
    private final String description;

    Shuffle(String id, String description) {
        this.id = id;
        this.description = description;
    }

    /** The name on the command line. */
    public String id() {
        return id;
    }

    /** What {@code loupe.json} says about the order of the data. */
    public String description() {
        return description;
    }

    /**
     * The mode of a name.
     *
     * @throws UsageException naming the valid ones
     */
    public static Shuffle of(String id) {
        for (Shuffle shuffle : values()) {
            if (shuffle.id.equals(id)) {
                return shuffle;
            }
        }
        throw new UsageException("There is no shuffle \"" + id + "\"; choose full or block.");
    }
}
