package dev.loupe.model;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Large batches in groups of rows whose tensors stay in the processor's caches: 2,048 tokens of the embedded model run
 * about a third faster in groups of 1,024 (docs/decisions.md). Every group is padded to the length of the whole batch, so
 * that results lie one behind another.
 */
final class BatchGroups {
    /** Tokens (with padding) of one group. */
    static final int TOKENS = 1024;

    private BatchGroups() {}

    /** Rows [from, to) of each group. */
    static List<int[]> split(TokenBatch batch) {
        int rows = Math.max(1, TOKENS / batch.positions());
        List<int[]> groups = new ArrayList<>();
        for (int from = 0; from < batch.size(); from += rows) {
            groups.add(new int[] {from, Math.min(batch.size(), from + rows)});
        }
        return groups;
    }

    /** The results of all groups as those of one pass. */
    static ForwardResult join(List<ForwardResult> parts, int[] lengths, Taps taps) {
        ForwardResult first = parts.getFirst();
        Map<HookPoint, Activation> read = new HashMap<>();
        first.read()
                .keySet()
                .forEach(hook -> read.put(
                        hook, joined(parts.stream().map(p -> p.activation(hook)).toList(), lengths, taps)));
        return new ForwardResult(
                read,
                first.last() == null ? null : concat(parts, true, lengths.length),
                null,
                first.loss() == null ? null : concat(parts, false, lengths.length));
    }

    private static Activation joined(List<Activation> parts, int[] lengths, Taps taps) {
        Activation first = parts.getFirst();
        long bytes = parts.stream().mapToLong(p -> p.segment().byteSize()).sum();
        MemorySegment all = taps.memory(bytes);
        long at = 0;
        for (Activation part : parts) {
            MemorySegment.copy(part.segment(), 0, all, at, part.segment().byteSize());
            at += part.segment().byteSize();
        }
        return first.joined(all, lengths);
    }

    private static float[][] concat(List<ForwardResult> parts, boolean last, int n) {
        float[][] rows = new float[n][];
        int at = 0;
        for (ForwardResult part : parts) {
            float[][] some = last ? part.last() : part.loss();
            for (float[] row : some == null ? new float[0][] : some) {
                rows[at++] = row;
            }
        }
        return at == n ? rows : Arrays.copyOf(rows, at);
    }
}
