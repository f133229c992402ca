package dev.loupe.store;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.store.StoreManifest.DataFile;
import dev.loupe.store.StoreManifest.Shard;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The hidden folder of a store in the making: {@code spec.json} says what it will be, {@code commit-N.json}, written
 * after the files of shard N, says that the shard is whole.
 */
final class PartialStore {
    private static final String SPEC = "spec.json";

    private final Path folder;
    private final List<Commit> commits;
    private final int kept;

    /** A whole shard and what it adds to the statistics. */
    record Commit(Shard shard, Map<String, HookSums> sums) {}

    private PartialStore(Path folder, List<Commit> commits) {
        this.folder = folder;
        this.commits = commits;
        this.kept = commits.size();
    }

    /** Where the half-written store of a name lies. */
    static Path folderOf(Path store) {
        return store.resolveSibling("." + store.getFileName() + ".partial");
    }

    /** Opens the half-written store of an equal spec, or begins a new one in the place of any other. */
    static PartialStore open(Path store, StoreSpec spec) {
        Path folder = folderOf(store);
        try {
            if (!Files.exists(folder.resolve(SPEC)) || !isSame(folder, spec)) {
                AtomicFiles.deleteTree(folder);
                Json.write(folder.resolve(SPEC), spec);
                return new PartialStore(folder, new ArrayList<>());
            }
            List<Commit> commits = new ArrayList<>();
            while (Files.exists(commitFile(folder, commits.size()))) {
                Commit commit = Json.read(commitFile(folder, commits.size()), Commit.class);
                if (!isWhole(folder, commit, spec)) {
                    break;
                }
                commits.add(commit);
            }
            PartialStore result = new PartialStore(folder, commits);
            result.dropAfter(commits.size());
            result.sweep();
            return result;
        } catch (IOException e) {
            throw AtomicFiles.failure(folder, e);
        }
    }

    private static boolean isSame(Path folder, StoreSpec spec) {
        try {
            return Json.tree(folder.resolve(SPEC)).equals(Json.MAPPER.readTree(Json.line(spec)));
        } catch (LoupeException e) {
            return false;
        }
    }

    /** Compares every byte of a shard with its checksums: the machine may have lost power since. */
    private static boolean isWhole(Path folder, Commit commit, StoreSpec spec) {
        try (Arena arena = Arena.ofConfined()) {
            Shard shard = commit.shard();
            for (Map.Entry<String, DataFile> entry : shard.files().entrySet()) {
                StoreSpec.HookSpec hook = spec.hooks().get(entry.getKey());
                List<ArrowColumn> columns = hook != null
                        ? StoreTables.activation(hook.width(), hook.dtype())
                        : entry.getKey().equals(ManifestCheck.TOKENS) ? StoreTables.TOKENS : StoreTables.SEQUENCES;
                int rows = entry.getKey().equals(ManifestCheck.SEQUENCES) ? shard.sequences() : shard.rows();
                CheckedFile file = CheckedFile.open(folder, entry.getValue(), rows, arena, columns);
                for (int b = 0; b < file.batches(); b++) {
                    file.verify(b);
                }
            }
            return true;
        } catch (LoupeException e) {
            return false; // it will be written again
        }
    }

    private static Path commitFile(Path folder, int shard) {
        return folder.resolve(String.format("commit-%05d.json", shard));
    }

    Path folder() {
        return folder;
    }

    /** Shards that were whole at open. */
    int kept() {
        return kept;
    }

    Commit commit(int shard) {
        return commits.get(shard);
    }

    List<Shard> shards(int count) {
        return commits.subList(0, count).stream().map(Commit::shard).toList();
    }

    /** Notes that all files of the next shard are on disk. */
    void add(Commit commit) {
        Json.write(commitFile(folder, commits.size()), commit);
        commits.add(commit);
    }

    /** Forgets shards that the finished store does not have. */
    void dropAfter(int shards) {
        try {
            for (int s = shards; Files.exists(commitFile(folder, s)); s++) {
                Files.delete(commitFile(folder, s));
            }
        } catch (IOException e) {
            throw AtomicFiles.failure(folder, e);
        }
    }

    /** Deletes what a killed writer left under temporary names. */
    private void sweep() throws IOException {
        List<Path> leftovers;
        try (Stream<Path> tree = Files.walk(folder)) {
            leftovers = tree.filter(AtomicFiles::isTemporary).toList();
        }
        for (Path leftover : leftovers) {
            AtomicFiles.deleteTree(leftover);
        }
    }

    /** Gives the finished store its name, then deletes the writer's notes, which nobody needs any more. */
    void publish(Path store) {
        AtomicFiles.publishFolder(folder, store);
        try {
            for (int s = 0; s < commits.size(); s++) {
                Files.deleteIfExists(commitFile(store, s));
            }
            Files.deleteIfExists(store.resolve(SPEC));
        } catch (IOException e) {
            throw AtomicFiles.failure(store, e);
        }
    }
}
