package dev.loupe.bench;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Dtype;
import dev.loupe.store.RowReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Random rows of a store into a batch, as training does; the peer indexes a memory-mapped NumPy array. Beside it in the
 * same run on the same threads: {@code MemorySegment.copy} of 1 GiB, and gathers of the same rows as float16 and bf16.
 */
final class GatherBench implements Benchmark {
    private static final int ROWS = 327_680;
    private static final int WIDTH = StoreData.WIDTH;
    private static final int BATCH = 4096;
    private static final int BATCHES = 40;
    private static final long COPY = 1L << 30;
    private static final double GB = 1e9;

    private final long[] rows = new long[BATCH * BATCHES];
    private final Arena arena = Arena.ofShared();
    private final Matrix batch = Matrix.allocate(arena, BATCH, WIDTH);
    private final Map<Dtype, ActivationStore> stores = new LinkedHashMap<>();
    private final Beside beside = new Beside();
    private @Nullable MemorySegment from;
    private @Nullable MemorySegment to;

    @Override
    public String name() {
        return "gather";
    }

    @Override
    public String setting() {
        return BATCHES + " batches of " + BATCH + " random rows of " + ROWS + " x " + WIDTH + " float32, files in the"
                + " page cache";
    }

    @Override
    public String unit() {
        return "rows/s";
    }

    @Override
    public double tolerance() {
        return 1e-5;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        float[][] base = StoreData.base();
        NpyFile.write(folder.resolve("rows.npy"), ROWS, WIDTH, r -> StoreData.row(base, r));
        for (Dtype dtype : List.of(Dtype.FLOAT32, Dtype.FLOAT16, Dtype.BF16)) {
            // float16 ends at 65,504
            int count = dtype == Dtype.FLOAT32 ? ROWS : 65_408;
            stores.put(dtype, ActivationStore.open(StoreData.write(folder.resolve(dtype.id()), count, dtype)));
        }
        Cases.Random random = Cases.Random.of(2);
        for (int i = 0; i < rows.length; i++) {
            rows[i] = random.nextInt(ROWS);
        }
        NpyFile.write(folder.resolve("ids.npy"), rows);
        from = arena.allocate(COPY, 64).fill((byte) 1);
        to = arena.allocate(COPY, 64).fill((byte) 2);
    }

    @Override
    public Measured run() {
        Measured measured = gather(Dtype.FLOAT32, rows);
        double bytes = 4.0 * WIDTH * rows.length / measured.seconds();
        double memcpy = memcpy();
        beside.add("memcpy GB/s", memcpy / GB);
        beside.add("gather GB/s", bytes / GB);
        beside.add("of memcpy", bytes / memcpy);
        long[] fewer = new long[rows.length];
        for (int i = 0; i < rows.length; i++) {
            fewer[i] = rows[i] % 65_408;
        }
        beside.add("float16 rows/s", gather(Dtype.FLOAT16, fewer).rate());
        beside.add("bf16 rows/s", gather(Dtype.BF16, fewer).rate());
        return measured;
    }

    private Measured gather(Dtype dtype, long[] ids) {
        RowReader reader = Objects.requireNonNull(stores.get(dtype)).reader(StoreData.HOOK);
        double answer = 0;
        long start = System.nanoTime();
        for (int b = 0; b < BATCHES; b++) {
            reader.gather(ids, b * BATCH, BATCH, batch);
            answer += batch.get(b, b);
        }
        return new Measured(ids.length, (System.nanoTime() - start) / 1e9, answer);
    }

    private double memcpy() {
        MemorySegment src = Objects.requireNonNull(from);
        MemorySegment dst = Objects.requireNonNull(to);
        int threads = Parallel.threads();
        long part = COPY / threads;
        long start = System.nanoTime();
        Parallel.run(threads, t -> MemorySegment.copy(src, t * part, dst, t * part, part));
        return part * threads / ((System.nanoTime() - start) / 1e9);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {
        stores.values().forEach(ActivationStore::close);
        arena.close();
    }
}
