package dev.loupe.store;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The sums of a store in the making. Shards may come in any order, but are added in theirs, so that the digits are those of a
 * writer that was never stopped. What was added is one sum, in memory and in {@code sums.json}: a store of a million shards
 * takes no more than one of a hundred. Only shards that wait for an earlier one, and those since that file was written, have a
 * {@code sums-N.json} of their own.
 */
final class RunningSums {
    private static final String FILE = "sums.json";
    private static final Pattern OWN = Pattern.compile("sums(-\\d{5,9})?\\.json");

    /** So many shards are added between two states of the file. */
    static final int EVERY = 64;

    private final Path folder;
    private final SortedMap<Integer, Map<String, HookSums>> waiting = new TreeMap<>();
    private Total total;
    private int saved;

    /** The sums of the first shards. */
    private record Total(int shards, Map<String, HookSums> sums) {}

    private RunningSums(Path folder, Total total) {
        this.folder = folder;
        this.total = total;
        this.saved = total.shards;
    }

    /** Opens those of a folder; what is missing or damaged there was never added. */
    static RunningSums open(Path folder, StoreSpec spec) {
        Path file = folder.resolve(FILE);
        if (Files.isRegularFile(file)) {
            try {
                return new RunningSums(folder, Json.read(file, Total.class));
            } catch (LoupeException damaged) {
                // its shards are made again
            }
        }
        return new RunningSums(folder, nothing(spec));
    }

    private static Total nothing(StoreSpec spec) {
        Map<String, HookSums> zero = new LinkedHashMap<>();
        spec.hooks().forEach((hook, what) -> zero.put(hook, HookSums.zero(what.width())));
        return new Total(0, zero);
    }

    private Path own(int shard) {
        return folder.resolve(String.format("sums-%05d.json", shard));
    }

    /** Takes what an earlier writer noted of a shard; false if it noted nothing that can be read. */
    boolean recall(int shard) {
        if (shard < total.shards) {
            return true;
        }
        try {
            waiting.put(shard, Json.read(own(shard), Sums.class).hooks);
            return true;
        } catch (LoupeException missingOrDamaged) {
            return false;
        }
    }

    private record Sums(Map<String, HookSums> hooks) {}

    /** Notes the sums of a shard, on disk before this returns; a shard that was made again is not added twice. */
    void add(int shard, Map<String, HookSums> sums) {
        if (shard < total.shards) {
            return;
        }
        Json.write(own(shard), new Sums(sums));
        waiting.put(shard, sums);
        fold();
        if (total.shards - saved >= EVERY) {
            Json.write(folder.resolve(FILE), total);
            for (; saved < total.shards; saved++) {
                AtomicFiles.delete(own(saved));
            }
        }
    }

    private void fold() {
        while (!waiting.isEmpty() && waiting.firstKey() == total.shards) {
            Map<String, HookSums> next = Objects.requireNonNull(waiting.remove(total.shards));
            Map<String, HookSums> sum = new LinkedHashMap<>();
            total.sums.forEach((hook, before) -> sum.put(hook, before.plus(Objects.requireNonNull(next.get(hook)))));
            total = new Total(total.shards + 1, sum);
        }
    }

    /**
     * The sums of all shards.
     *
     * @param shards how many there are, all of which were added
     */
    Map<String, HookSums> of(int shards) {
        fold();
        if (total.shards != shards) {
            throw new LoupeException("The half-written store " + folder + " has the sums of " + total.shards
                    + " shards, but this text gives " + shards + "; delete that folder and start again.");
        }
        return total.sums;
    }

    /** Deletes what a finished store does not need. */
    static void clear(Path store) throws IOException {
        List<Path> all;
        try (Stream<Path> files = Files.list(store)) {
            all = files.filter(f -> OWN.matcher(String.valueOf(f.getFileName())).matches())
                    .toList();
        }
        for (Path file : all) {
            Files.deleteIfExists(file);
        }
    }
}
