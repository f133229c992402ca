package dev.loupe.bench;

import dev.loupe.base.LoupeException;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.BatchPrefetcher;
import dev.loupe.store.BatchStream;
import dev.loupe.store.Dtype;
import dev.loupe.store.Shuffle;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * One epoch in block shuffle on cold files (dropped from the page cache by {@code posix_fadvise}), checksums compared on the
 * way; beside it in the same run a sequential read of the same files in pieces of 4 MiB, cold as well.
 */
final class BlockShuffleBench implements LoneBenchmark {
    private static final int ROWS = 327_680;
    private static final int BATCH = 4096;
    private static final int DONTNEED = 4;
    private static final int PIECE = 4 << 20;

    private final Beside beside = new Beside();
    private Path store = Path.of("");

    @Override
    public String name() {
        return "block-shuffle";
    }

    @Override
    public String setting() {
        return "one epoch of batches of " + BATCH + " rows of " + ROWS + " x " + StoreData.WIDTH + " float32 in block"
                + " shuffle, files not in the page cache";
    }

    @Override
    public String unit() {
        return "rows/s";
    }

    @Override
    public void prepare(Path folder) {
        store = StoreData.write(folder.resolve("store"), ROWS, Dtype.FLOAT32);
    }

    @Override
    public Measured run() throws Exception {
        drop();
        double answer = 0;
        double seconds;
        try (ActivationStore opened = ActivationStore.open(store)) {
            BatchStream stream = new BatchStream(opened, StoreData.HOOK, Shuffle.BLOCK, 0, BATCH);
            long start = System.nanoTime();
            try (BatchPrefetcher ahead = new BatchPrefetcher(stream, 0)) {
                for (int step = 0; step < ROWS / BATCH; step++) {
                    answer += ahead.next(step).get(0, 0);
                }
                seconds = (System.nanoTime() - start) / 1e9;
            }
        }
        drop();
        double sequential = sequential();
        double bytes = 4.0 * StoreData.WIDTH * ROWS;
        beside.add("GB/s", bytes / seconds / 1e9);
        beside.add("sequential read GB/s", sequential / 1e9);
        beside.add("of sequential", bytes / seconds / sequential);
        return new Measured(ROWS, seconds, answer);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> all = Files.list(store.resolve(StoreData.HOOK))) {
            return all.sorted().toList();
        }
    }

    private double sequential() throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(PIECE);
        long bytes = 0;
        long start = System.nanoTime();
        for (Path file : files()) {
            try (FileChannel channel = FileChannel.open(file)) {
                for (int n; (n = channel.read(buffer.clear())) > 0; ) {
                    bytes += n;
                }
            }
        }
        return bytes / ((System.nanoTime() - start) / 1e9);
    }

    /** Drops the files from the page cache; they are on disk already, and nobody has them mapped. */
    private void drop() throws IOException {
        Linker linker = Linker.nativeLinker();
        try (Arena arena = Arena.ofConfined()) {
            MethodHandle open = linker.downcallHandle(
                    linker.defaultLookup().find("open").orElseThrow(),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
                    Linker.Option.firstVariadicArg(2));
            MethodHandle close = linker.downcallHandle(
                    linker.defaultLookup().find("close").orElseThrow(),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
            MethodHandle advise = linker.downcallHandle(
                    linker.defaultLookup().find("posix_fadvise").orElseThrow(),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT));
            for (Path file : files()) {
                int descriptor = (int) open.invokeExact(arena.allocateFrom(file.toString()), 0);
                int failed = (int) advise.invokeExact(descriptor, 0L, 0L, DONTNEED);
                int closed = (int) close.invokeExact(descriptor);
                if (descriptor < 0 || failed != 0 || closed != 0) {
                    throw new LoupeException("The file " + file + " cannot be dropped from the page cache.");
                }
            }
        } catch (IOException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new LoupeException("posix_fadvise cannot be called on this machine.", e);
        }
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {}
}
