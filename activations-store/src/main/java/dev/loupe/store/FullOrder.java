package dev.loupe.store;

import dev.loupe.math.Permutation;

/** {@link Shuffle#FULL}. */
record FullOrder(long size, long seed) implements RowOrder {
    @Override
    public String description() {
        return Shuffle.FULL.description();
    }

    @Override
    public Epoch epoch(long epoch) {
        Permutation permutation = new Permutation(size, seed, epoch);
        return permutation::at;
    }
}
