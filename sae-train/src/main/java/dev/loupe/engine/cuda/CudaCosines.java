package dev.loupe.engine.cuda;

import dev.loupe.math.Matrix;
import java.lang.foreign.MemorySegment;

/**
 * The largest cosines of every row of A and of every row of B on a GPU: products in float32, block by block of rows of B, and
 * lists of the largest that stay on the card. Of equal cosines a mix of row and column decides, so that the lists depend
 * on nothing but the rows. What comes back are candidates: the sums are made in another order than on the processor.
 */
public final class CudaCosines implements AutoCloseable {
    /** The longest list. */
    public static final int LONGEST = 64;

    private static final int ROWS = 8192;

    private final CudaDevice device;
    private final int threads;
    private final Holdings held = new Holdings();
    private final long stream;
    private final DeviceMemory memory;
    private final long workspace;
    private final int n;
    private final int d;
    private final int block;
    private final int listed;
    private final int tileRows;
    private final int stride;
    private final long a;
    private final long deadA;
    private final long b;
    private final long deadB;
    private final long tile;
    private final long turned;
    private final Lists byRow;
    private final Lists byColumn;

    /**
     * Lists, the best first.
     *
     * @param ids [lists, listed]; -1 behind the last
     * @param cuts per list: no value that is not in it was larger on the card; minus infinity where all are in it
     */
    public record Found(int[] ids, float[] cuts) {}

    /** Lists on the card. */
    private final class Lists {
        final int count;
        final long keys;
        final long ids;

        Lists(String name, int count) {
            this.count = count;
            keys = memory.need("the keys of " + name, 8L * count * listed);
            ids = memory.need("the ids of " + name, 4L * count * listed);
            clear();
        }

        void clear() {
            device.driver().zero(keys, 8L * count * listed, stream);
            device.driver().fill(ids, (byte) -1, 4L * count * listed, stream);
        }

        Found download(int lists) {
            long[] key = new long[lists * listed];
            int[] id = new int[lists * listed];
            memory.download(MemorySegment.ofArray(key), keys);
            memory.download(MemorySegment.ofArray(id), ids);
            float[] cuts = new float[lists];
            for (int l = 0; l < lists; l++) {
                int last = l * listed + listed - 1;
                cuts[l] = id[last] < 0 ? Float.NEGATIVE_INFINITY : value((int) (key[last] >>> 32));
            }
            return new Found(id, cuts);
        }
    }

    /** The float of a whole number in the order of floats. */
    private static float value(int key) {
        return Float.intBitsToFloat(key < 0 ? key & 0x7fffffff : ~key);
    }

    /**
     * Makes room for all of A, a block of B, and the lists.
     *
     * @param card its number
     * @param n rows of A
     * @param d width
     * @param block rows of B at a time
     * @param listed length of the lists, at most {@link #LONGEST}
     * @throws dev.loupe.base.LoupeException in a sentence if there is no such card, a library is missing or memory is short
     */
    public CudaCosines(int card, int n, int d, int block, int listed) {
        this(CudaDevice.open(card), CudaEngine.THREADS, n, d, block, listed, ROWS);
    }

    CudaCosines(CudaDevice device, int threads, int n, int d, int block, int listed, int tileRows) {
        if (listed < 1 || listed > LONGEST) {
            throw new IllegalArgumentException("lists of " + listed);
        }
        this.device = device;
        this.threads = threads;
        this.n = n;
        this.d = d;
        this.block = block;
        this.listed = listed;
        this.tileRows = Math.min(tileRows, Math.ceilDiv(n, 32) * 32);
        this.stride = Math.ceilDiv(block, 32) * 32;
        device.use();
        try {
            stream = device.driver().newStream();
            held.add(() -> device.driver().freeStream(stream));
            memory = new DeviceMemory(device, stream);
            held.add(memory::close);
            workspace = memory.need("workspace", CublasLt.WORKSPACE);
            a = memory.need("the directions of one SAE", 4L * n * d);
            deadA = memory.need("its dead rows", n);
            b = memory.need("a block of the other's", 4L * block * d);
            deadB = memory.need("the block's dead rows", block);
            tile = memory.need("a tile of cosines", 4L * this.tileRows * stride);
            turned = memory.need("a turned tile", 4L * this.tileRows * stride);
            byRow = new Lists("rows", n);
            byColumn = new Lists("columns", block);
        } catch (RuntimeException e) {
            throw held.after(e);
        }
    }

    /**
     * Brings rows of A.
     *
     * @param from the first one's number
     * @param unit rows of length one, or zeros
     * @param dead for each not 0 where it has no direction
     */
    public void rows(int from, Matrix unit, byte[] dead) {
        device.use();
        memory.upload(a + 4L * from * d, unit.segment());
        memory.upload(deadA + from, MemorySegment.ofArray(dead));
    }

    /**
     * The cosines of all of A with a block of B.
     *
     * @param from number of the block's first row
     * @param unit rows of length one, or zeros
     * @param dead for each not 0 where it has no direction
     * @return for each row of the block the rows of A with the largest cosines
     */
    public Found block(int from, Matrix unit, byte[] dead) {
        device.use();
        int columns = Math.toIntExact(unit.rows());
        memory.upload(b, unit.segment());
        memory.upload(deadB, MemorySegment.ofArray(dead));
        byColumn.clear();
        for (int first = 0; first < n; first += tileRows) {
            int rows = Math.min(tileRows, n - first);
            CublasLt.Shape shape =
                    new CublasLt.Shape(CublasLt.Type.FLOAT32, CublasLt.Form.ROWS, rows, columns, d, d, d, stride, 0);
            device.products().multiply(shape, a + 4L * first * d, b, tile, workspace, stream);
            launch(
                    "top_lists",
                    rows,
                    1,
                    tile,
                    stride,
                    columns,
                    first,
                    first,
                    1,
                    from,
                    listed,
                    deadA,
                    0L,
                    byRow.keys,
                    byRow.ids);
            launch(
                    "turn_tile",
                    Math.ceilDiv(columns, 32),
                    Math.ceilDiv(rows, 32),
                    tile,
                    stride,
                    rows,
                    columns,
                    turned,
                    tileRows);
            launch(
                    "top_lists",
                    columns,
                    1,
                    turned,
                    tileRows,
                    rows,
                    0,
                    -1 - from,
                    -1,
                    first,
                    listed,
                    deadB,
                    deadA,
                    byColumn.keys,
                    byColumn.ids);
        }
        return byColumn.download(columns);
    }

    private void launch(String kernel, int gridX, int gridY, Object... more) {
        device.launch(kernel, gridX, gridY, threads, 0, stream, null, more);
    }

    /** For each row of A the rows of B, of all blocks so far, with the largest cosines. */
    public Found rows() {
        device.use();
        return byRow.download(n);
    }

    @Override
    public void close() {
        device.use();
        held.close();
    }
}
