package dev.loupe.store;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.store.StoreManifest.DataFile;
import dev.loupe.store.StoreManifest.Shard;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A file of a shard that is missing or not the one once written.
 *
 * @param shard number of the shard, from 0
 * @param key {@code tokens}, {@code sequences} or a hook point
 * @param problem what is wrong, one sentence
 */
public record StoreDamage(int shard, String key, String problem) {

    /**
     * Compares every byte of every shard with its checksum, also where the store as a whole cannot be opened.
     *
     * @return the damaged files, in the order of shards
     * @throws LoupeException if the manifest itself is damaged
     */
    public static List<StoreDamage> find(Path folder, Progress progress) {
        StoreManifest manifest = StoreManifest.read(folder);
        List<Shard> shards = manifest.content().shards();
        List<StoreDamage> found = new ArrayList<>();
        progress.stage("check shards", shards.size(), "shards");
        for (int s = 0; s < shards.size(); s++) {
            progress.check();
            for (Map.Entry<String, DataFile> file : shards.get(s).files().entrySet()) {
                String problem = check(folder, manifest, shards.get(s), file.getKey(), file.getValue());
                if (!problem.isEmpty()) {
                    found.add(new StoreDamage(s, file.getKey(), problem));
                }
            }
            progress.advance(s + 1L);
        }
        return found;
    }

    private static String check(Path folder, StoreManifest manifest, Shard shard, String key, DataFile entry) {
        try (Arena arena = Arena.ofConfined()) {
            CheckedFile file = open(folder, manifest, shard, key, entry, arena);
            for (int b = 0; b < file.batches(); b++) {
                file.verify(b);
            }
            return "";
        } catch (LoupeException e) {
            return String.valueOf(e.getMessage());
        }
    }

    private static CheckedFile open(
            Path folder, StoreManifest manifest, Shard shard, String key, DataFile entry, Arena arena) {
        return switch (key) {
            case ManifestCheck.TOKENS -> CheckedFile.open(folder, entry, shard.rows(), arena, StoreTables.TOKENS);
            case ManifestCheck.SEQUENCES ->
                CheckedFile.open(folder, entry, shard.sequences(), arena, StoreTables.SEQUENCES);
            default -> {
                StoreManifest.Hook hook = manifest.hooks().get(key);
                if (hook == null) {
                    throw new LoupeException("The file " + entry.file() + " belongs to no hook point.");
                }
                yield CheckedFile.open(
                        folder, entry, shard.rows(), arena, StoreTables.activation(hook.width(), hook.dtype()));
            }
        };
    }
}
