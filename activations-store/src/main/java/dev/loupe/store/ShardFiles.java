package dev.loupe.store;

import dev.loupe.store.StoreManifest.DataFile;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/**
 * The activations of one shard on disk, under names of their own until the store's writer takes them in.
 *
 * @param shard its number
 * @param files by hook point
 * @param sums what the shard adds to the statistics, by hook point
 */
public record ShardFiles(int shard, SequencedMap<String, DataFile> files, Map<String, HookSums> sums) {
    /** Of a store without hook points. */
    public static ShardFiles none(ShardPlan plan) {
        return new ShardFiles(plan.shard(), new LinkedHashMap<>(), Map.of());
    }
}
