package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.corpus.Packing;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.store.ShardRewriter;
import dev.loupe.store.StoreDamage;
import dev.loupe.store.StoreManifest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Makes damaged files of a store again by running the model over the sequences of their shards alone. */
public final class Recapture {
    private Recapture() {}

    /**
     * What was done.
     *
     * @param shards shards with files that were written again
     * @param identical how many of them have the bytes that they had when they were captured
     */
    public record Result(List<Integer> shards, int identical) {}

    /**
     * Repairs a store.
     *
     * @throws LoupeException if the model has other weights, or a sequence table is damaged
     */
    public static Result run(Path folder, LanguageModel model, Progress progress) {
        StoreManifest manifest = StoreManifest.read(folder);
        String weights = manifest.content().model().weightsChecksum();
        if (!weights.equals(model.weightsChecksum())) {
            throw new LoupeException("The store " + folder.getFileName() + " was captured from "
                    + manifest.content().model().id() + " with other weights than those of " + model.id()
                    + ": repair it with the same model.");
        }
        Map<Integer, Set<String>> damaged = new LinkedHashMap<>();
        for (StoreDamage damage : StoreDamage.find(folder, progress)) {
            damaged.computeIfAbsent(damage.shard(), s -> new LinkedHashSet<>()).add(damage.key());
        }
        boolean packed = !manifest.content().sequence().packing().equals(Packing.DOCUMENTS.description());
        if (packed && damaged.values().stream().anyMatch(keys -> keys.contains("tokens"))) {
            throw new LoupeException("A token table of " + folder.getFileName() + " is damaged, and its sequences hold"
                    + " several documents each, which only that table tells apart: drop the shard or capture the store"
                    + " again.");
        }
        int identical = 0;
        for (Map.Entry<Integer, Set<String>> shard : damaged.entrySet()) {
            List<HookPoint> hooks = new ArrayList<>();
            for (String key : shard.getValue()) {
                if (manifest.hooks().containsKey(key)) {
                    hooks.add(model.hook(key).hook());
                }
            }
            progress.stage(
                    "capture shard " + shard.getKey() + " again",
                    manifest.content().shards().get(shard.getKey()).rows(),
                    "tokens");
            boolean same = ShardRewriter.rewrite(folder, shard.getKey(), shard.getValue(), buffer -> {
                if (!hooks.isEmpty()) {
                    new ForwardPass(model, hooks, CapturePlan.BATCH_TOKENS, progress).fill(buffer, 0);
                }
            });
            identical += same ? 1 : 0;
        }
        return new Result(List.copyOf(damaged.keySet()), identical);
    }
}
