package dev.loupe.store;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.store.StoreManifest.DataFile;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes shards of a store in the making for the process that writes it: {@link #open} a plan, fill the activations of the
 * buffer, {@link #write}. Nothing that it leaves behind is part of the store before that process takes it in. Keeps its
 * buffer from one shard to the next; not safe for several threads.
 */
public final class ShardWorker implements AutoCloseable {
    private final Path folder;
    private final StoreSpec spec;
    private final String checksum;
    private final ArrowOutput output = new ArrowOutput(ArrowOutput.Disk.REAL);
    private @Nullable ShardBuffer buffer;
    private @Nullable ShardPlan plan;

    /**
     * A worker for one store.
     *
     * @param store where the finished store will lie
     * @throws LoupeException if nobody is making such a store
     */
    public ShardWorker(Path store) {
        this.folder = PartialStore.folderOf(store.toAbsolutePath().normalize());
        Path file = folder.resolve(PartialStore.SPEC);
        if (!Files.isRegularFile(file)) {
            throw new LoupeException("There is no store in the making at " + folder
                    + ": its capture has ended, or this machine does not see the same folder.");
        }
        this.spec = Json.read(file, StoreSpec.class);
        this.checksum = ShardPlan.checksum(spec);
    }

    /** What a worker on a machine that shares no folder must have before: files of the store in the making. */
    public static List<Path> inputs(Path store, ShardPlan plan) {
        Path partial = PartialStore.folderOf(store.toAbsolutePath().normalize());
        List<Path> files = new ArrayList<>();
        files.add(partial.resolve(PartialStore.SPEC));
        plan.tables().values().forEach(f -> files.add(partial.resolve(f.file())));
        return files;
    }

    /** The files that a worker has written. */
    public static List<Path> outputs(Path store, ShardFiles made) {
        Path partial = PartialStore.folderOf(store.toAbsolutePath().normalize());
        return made.files().values().stream()
                .map(f -> partial.resolve(f.file()))
                .toList();
    }

    /** What is being made. */
    public StoreSpec spec() {
        return spec;
    }

    /** Whether the plan belongs to the spec that this worker read. */
    public boolean fits(ShardPlan other) {
        return checksum.equals(other.spec());
    }

    /**
     * The sequences of a shard, their activations to be filled.
     *
     * @throws LoupeException if the plan is of another store, or a table is missing or damaged
     */
    public ShardBuffer open(ShardPlan next) {
        if (!fits(next)) {
            throw new LoupeException("The store in the making at " + folder + " is not the one that shard "
                    + next.shard() + " was planned for: its capture was started anew.");
        }
        ShardBuffer b = buffer(next.rows());
        DataFile table = Objects.requireNonNull(next.tables().get(ManifestCheck.SEQUENCES));
        try (Arena arena = Arena.ofConfined()) {
            StoreManifest.Shard shard = new StoreManifest.Shard(next.rows(), next.sequences(), next.tables());
            Shards shards = Shards.open(
                    folder,
                    List.of(shard),
                    ManifestCheck.SEQUENCES,
                    StoreManifest.Shard::sequences,
                    arena,
                    StoreTables.SEQUENCES);
            StoreTables.Sequences sequences = new StoreTables.Sequences(shards, next.firstRow() + next.rows());
            for (int s = 0; s < sequences.size(); s++) {
                b.add(s, sequences.tokens(s)); // documents do not matter here, sequences do
            }
        }
        if (b.rows() != next.rows()) {
            throw new LoupeException("The table " + folder.resolve(table.file()) + " has sequences of " + b.rows()
                    + " rows, not " + next.rows() + ": capture the store again.");
        }
        plan = next;
        return b;
    }

    private ShardBuffer buffer(int rows) {
        ShardBuffer b = buffer;
        if (b == null || b.capacity() < rows) {
            if (b != null) {
                b.close();
            }
            b = new ShardBuffer(
                    rows,
                    Set.copyOf(spec.sequence().excludedTokens()),
                    spec.sequence().firstRows(),
                    spec.hooks());
            buffer = b;
        }
        b.clear();
        return b;
    }

    /**
     * Writes the buffer, filled, under names that no other attempt has.
     *
     * @throws LoupeException if the disk is full or an activation is not a finite number
     */
    public ShardFiles write() {
        ShardPlan p = Objects.requireNonNull(plan, "open comes first");
        ShardBuffer b = Objects.requireNonNull(buffer);
        return new ShardOutput(folder, spec, output)
                .write(p.shard(), b, r -> b.sequence[r] < p.heldOutSequences(), p.firstRow(), false);
    }

    @Override
    public void close() {
        ShardBuffer b = buffer;
        if (b != null) {
            b.close();
        }
        output.close();
    }
}
