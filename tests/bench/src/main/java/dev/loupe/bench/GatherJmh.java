package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Dtype;
import dev.loupe.store.RowReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The same bytes two ways on the same threads: {@code MemorySegment.copy} from 1 GiB, and random rows of a mapped store of
 * 1 GB. An operation is one gibibyte, or as many batches as hold it.
 */
@SuppressWarnings("NullAway.Init") // JMH calls prepare first
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 7, time = 2)
public class GatherJmh {
    static final long BYTES = 1L << 30;
    private static final int ROWS = 327_680;
    private static final int BATCH = 4096;

    private final long[] ids = new long[(int) (BYTES / (4L * StoreData.WIDTH) / BATCH) * BATCH];
    private final Arena arena = Arena.ofShared();
    private Path folder = Path.of("");
    private ActivationStore store;
    private RowReader reader;
    private Matrix batch;
    private MemorySegment from;
    private MemorySegment to;

    /** Makes the store and the memory. */
    @Setup(Level.Trial)
    public void prepare() throws IOException {
        folder = Files.createTempDirectory("loupe-gather-");
        store = ActivationStore.open(StoreData.write(folder.resolve("store"), ROWS, Dtype.FLOAT32));
        reader = store.reader(StoreData.HOOK);
        batch = Matrix.allocate(arena, BATCH, StoreData.WIDTH);
        from = arena.allocate(BYTES, 64).fill((byte) 1);
        to = arena.allocate(BYTES, 64).fill((byte) 2);
        Cases.Random random = Cases.Random.of(2);
        for (int i = 0; i < ids.length; i++) {
            ids[i] = random.nextInt(ROWS);
        }
    }

    /** Frees them. */
    @TearDown(Level.Trial)
    public void close() throws IOException {
        store.close();
        arena.close();
        AtomicFiles.deleteTree(folder);
    }

    /** Copies a gibibyte. */
    @Benchmark
    public void memcpy() {
        int threads = Parallel.threads();
        long part = BYTES / threads;
        Parallel.run(threads, t -> MemorySegment.copy(from, t * part, to, t * part, part));
    }

    /** Gathers a gibibyte (less the part of a batch) in batches of 4,096 random rows. */
    @Benchmark
    public float gather() {
        float sum = 0;
        for (int b = 0; b < ids.length; b += BATCH) {
            reader.gather(ids, b, BATCH, batch);
            sum += batch.get(0, 0);
        }
        return sum;
    }

    /** The bytes that one gather copies. */
    static double gathered() {
        return 4.0 * StoreData.WIDTH * (BYTES / (4L * StoreData.WIDTH) / BATCH) * BATCH;
    }
}
