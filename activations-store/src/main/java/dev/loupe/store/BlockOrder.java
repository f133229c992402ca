package dev.loupe.store;

import dev.loupe.math.Permutation;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * {@link Shuffle#BLOCK}: blocks are what a set of rows has in one record batch. Needs memory for the blocks only; any
 * place of any epoch is known at once.
 */
final class BlockOrder implements RowOrder {
    /** Rows of a group, at least; only the last one has fewer. */
    static final int GROUP_ROWS = 65_536;

    private final long seed;
    private final long[] blockStart; // in the set; one more entry: its size
    private final AtomicReferenceArray<@Nullable Plan> recent = new AtomicReferenceArray<>(2);

    /**
     * An order of a set of rows.
     *
     * @param batchStarts first row of every record batch, and one more entry: the number of all rows
     */
    BlockOrder(RowSet rows, long[] batchStarts, long seed) {
        this.seed = seed;
        long[] starts = new long[batchStarts.length];
        int blocks = 0;
        for (int b = 0; b + 1 < batchStarts.length; b++) {
            long start = rows.rank(batchStarts[b]);
            if (rows.rank(batchStarts[b + 1]) > start) {
                starts[blocks++] = start;
            }
        }
        starts[blocks] = rows.size();
        this.blockStart = Arrays.copyOf(starts, blocks + 1);
    }

    @Override
    public String description() {
        return Shuffle.BLOCK.description();
    }

    @Override
    public Plan epoch(long epoch) {
        int slot = (int) (epoch & 1); // reading ahead may be one epoch further than the batches
        Plan plan = recent.get(slot);
        if (plan == null || plan.epoch != epoch) {
            plan = new Plan(epoch);
            recent.set(slot, plan);
        }
        return plan;
    }

    /** One epoch: the groups and their blocks. */
    final class Plan implements Epoch {
        private final long epoch;
        private final int[] block; // by place in the permuted order
        private final long[] before; // rows in all earlier blocks of that order
        private final int[] groupBlock; // first block of each group; one more entry
        private final long[] groupStart; // rows in all earlier groups; one more entry

        private Plan(long epoch) {
            this.epoch = epoch;
            int blocks = blockStart.length - 1;
            block = new int[blocks];
            before = new long[blocks + 1];
            Permutation order = new Permutation(blocks, seed, epoch);
            int[] first = new int[blocks + 1];
            int groups = 0;
            long inGroup = 0;
            for (int b = 0; b < blocks; b++) {
                block[b] = (int) order.at(b);
                long rows = blockStart[block[b] + 1] - blockStart[block[b]];
                before[b + 1] = before[b] + rows;
                inGroup += rows;
                if (inGroup >= GROUP_ROWS || b + 1 == blocks) {
                    first[++groups] = b + 1;
                    inGroup = 0;
                }
            }
            groupBlock = Arrays.copyOf(first, groups + 1);
            groupStart = new long[groups + 1];
            for (int g = 0; g <= groups; g++) {
                groupStart[g] = before[groupBlock[g]];
            }
        }

        int groups() {
            return groupBlock.length - 1;
        }

        /** The group of a place. */
        int group(long place) {
            int g = Arrays.binarySearch(groupStart, place);
            return g >= 0 ? g : -g - 2;
        }

        /** The place behind a group. */
        long end(int group) {
            return groupStart[group + 1];
        }

        /** The blocks of a group as places in the set: pairs of first and end. */
        long[][] blocks(int group) {
            long[][] result = new long[groupBlock[group + 1] - groupBlock[group]][];
            for (int i = 0; i < result.length; i++) {
                int b = block[groupBlock[group] + i];
                result[i] = new long[] {blockStart[b], blockStart[b + 1]};
            }
            return result;
        }

        @Override
        public long at(long place) {
            int group = group(place);
            long rows = groupStart[group + 1] - groupStart[group];
            long mixed = new Permutation(rows, seed ^ 0x5bd1e995L, epoch << 32 | group).at(place - groupStart[group]);
            long target = groupStart[group] + mixed;
            int b = Arrays.binarySearch(before, groupBlock[group], groupBlock[group + 1], target);
            b = b >= 0 ? b : -b - 2;
            return blockStart[block[b]] + (target - before[b]);
        }
    }
}
