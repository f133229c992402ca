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
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The hidden folder of a store in the making: {@code spec.json} says what it will be, {@code commit-N.json}, written
 * after the files of shard N, says that the shard is whole.
 */
final class PartialStore {
    static final String SPEC = "spec.json";
    private static final Pattern COMMIT = Pattern.compile("commit-(\\d{5,9})\\.json");

    private final Path folder;
    private final SortedMap<Integer, Shard> commits;
    private final RunningSums sums;
    private final Set<Integer> kept;

    /** A whole shard. */
    private record Commit(Shard shard) {}

    private PartialStore(Path folder, SortedMap<Integer, Shard> commits, RunningSums sums) {
        this.folder = folder;
        this.commits = commits;
        this.sums = sums;
        this.kept = Set.copyOf(commits.keySet());
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
                return new PartialStore(folder, new TreeMap<>(), RunningSums.open(folder, spec));
            }
            SortedMap<Integer, Shard> commits = new TreeMap<>();
            RunningSums sums = RunningSums.open(folder, spec);
            for (int shard : committed(folder)) {
                Commit commit = Json.read(commitFile(folder, shard), Commit.class);
                if (isWhole(folder, commit, spec) && sums.recall(shard)) {
                    commits.put(shard, commit.shard());
                } else {
                    Files.delete(commitFile(folder, shard));
                }
            }
            PartialStore result = new PartialStore(folder, commits, sums);
            result.sweep();
            return result;
        } catch (IOException e) {
            throw AtomicFiles.failure(folder, e);
        }
    }

    /** The shards that say that they are whole. */
    private static List<Integer> committed(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> COMMIT.matcher(String.valueOf(f.getFileName())))
                    .filter(Matcher::matches)
                    .map(m -> Integer.parseInt(m.group(1)))
                    .sorted()
                    .toList();
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
        try {
            verify(folder, commit.shard(), spec);
            return true;
        } catch (LoupeException e) {
            return false; // it will be written again
        }
    }

    /**
     * Compares every byte of a shard with its checksums.
     *
     * @throws LoupeException naming the file that is missing or damaged
     */
    static void verify(Path folder, Shard shard, StoreSpec spec) {
        try (Arena arena = Arena.ofConfined()) {
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
        return kept.size();
    }

    /** Whether a shard was whole at open. */
    boolean isKept(int shard) {
        return kept.contains(shard);
    }

    Shard shard(int shard) {
        return Objects.requireNonNull(commits.get(shard));
    }

    List<Shard> shards(int count) {
        return IntStream.range(0, count).mapToObj(this::shard).toList();
    }

    /** The sums over the rows of all shards, by hook point. */
    Map<String, HookSums> sums(int count) {
        return sums.of(count);
    }

    /**
     * Notes that all files of a shard are on disk.
     *
     * @param added what it adds to the statistics, by hook point
     */
    void add(int number, Shard shard, Map<String, HookSums> added) {
        sums.add(number, added);
        Json.write(commitFile(folder, number), new Commit(shard));
        commits.put(number, shard);
    }

    /** Forgets shards that the finished store does not have, and what attempts left that nobody waited for. */
    void dropAfter(int shards) {
        try {
            for (int s : commits.tailMap(shards).keySet()) {
                Files.deleteIfExists(commitFile(folder, s));
            }
            sweep();
        } catch (IOException e) {
            throw AtomicFiles.failure(folder, e);
        }
    }

    /** Deletes what killed writers left under temporary names. */
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
            for (int s : commits.keySet()) {
                Files.deleteIfExists(commitFile(store, s));
            }
            RunningSums.clear(store);
            Files.deleteIfExists(store.resolve(SPEC));
        } catch (IOException e) {
            throw AtomicFiles.failure(store, e);
        }
    }
}
