package dev.loupe.engine.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.engine.Selection;
import dev.loupe.math.Matrix;
import dev.loupe.math.StatisticalTopK;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A finished SAE's encoder on a GPU: weights are brought there once, and of a batch only the active latents come back. The
 * product is in float32, so that it chooses what the processor chooses but for rounding; selection is that of a training
 * step. For one thread at a time; others wait.
 */
public final class CudaEncoder implements AutoCloseable {
    /** Rows that are on the card at a time. */
    private static final int ROWS = 4096;

    /** Pairs that a choice of k latents per row may take. */
    private static final long PAIRS = 1L << 26;

    private final CudaDevice device;
    private final int threads;
    private final Arena arena = Arena.ofShared();
    private final Holdings held = new Holdings();
    private final long stream;
    private final DeviceMemory memory;
    private final StepBlock block;
    private final long workspace;
    private final Selection selection;
    private final int n;
    private final int dIn;
    private final int k;
    private final int most;
    private long room;

    /**
     * What a row's latents are.
     *
     * @param weights [d_sae, d_in]: row i is the direction that latent i reads
     * @param bEnc [d_sae]
     * @param minus [d_in], subtracted from the input; empty for nothing
     * @param threshold [d_sae] that pre-activations must exceed; empty without
     * @param selection one of POSITIVE, TOPK, STATISTICAL and THRESHOLD
     * @param k active latents per row; 0 where they are not counted
     */
    public record Weights(Matrix weights, float[] bEnc, float[] minus, float[] threshold, Selection selection, int k) {}

    /**
     * The active latents of a batch, ascending within a row, all with values above 0.
     *
     * @param counts of each row
     * @param ids row after row
     * @param values at the same places
     * @param badRow the first row that holds NaN or an infinity (then nothing else is told); -1 for none
     */
    public record Codes(int[] counts, int[] ids, float[] values, int badRow) {}

    /**
     * Brings weights to a card.
     *
     * @param card its number
     * @throws dev.loupe.base.LoupeException in a sentence if there is no such card, a library is missing or memory is short
     */
    public CudaEncoder(int card, Weights weights) {
        this(CudaDevice.open(card), CudaEngine.THREADS, weights);
    }

    CudaEncoder(CudaDevice device, int threads, Weights w) {
        if (w.selection() == Selection.BATCH_TOPK || w.selection() == Selection.GATE) {
            throw new UsageException(
                    "The selection " + w.selection() + " is one of training: finished SAEs have another.");
        }
        this.device = device;
        this.threads = threads;
        this.selection = w.selection();
        n = Math.toIntExact(w.weights().rows());
        dIn = w.weights().cols();
        k = Math.min(w.k(), n);
        most = (int) Math.clamp(PAIRS / Math.max(1, k), 1, ROWS);
        device.use();
        try {
            held.add(arena::close);
            stream = device.driver().newStream();
            held.add(() -> device.driver().freeStream(stream));
            memory = new DeviceMemory(device, stream);
            held.add(memory::close);
            block = new StepBlock(device.layout(), arena);
            workspace = memory.need("workspace", CublasLt.WORKSPACE);
            numbers(w);
            keep("enc", w.weights().segment());
            keep("b_enc", MemorySegment.ofArray(w.bEnc()));
            keep("b_dec", MemorySegment.ofArray(w.minus()));
            keep("theta", MemorySegment.ofArray(w.threshold()));
            need("input", 4L * most * dIn);
            need("seen", 4L * most * dIn);
            need("row_errors", 4L * most);
            need("row_limit", 4L * most);
            need("hit_start", 4L * most);
            need("hit_count", 4L * most);
            need("words", 4L * device.layout().constant("WORDS"));
            need("tile", 4L * block.get("tile_stride") * tileRows());
            hits(selection == Selection.TOPK ? (long) most * k : 64L * most);
        } catch (RuntimeException e) {
            throw held.after(e);
        }
    }

    private void numbers(Weights w) {
        block.set("n", n);
        block.set("d_in", dIn);
        block.set("d_out", dIn);
        block.set("k", k);
        block.set("selection", selection.ordinal());
        block.set("subtract_bias", w.minus().length > 0);
        block.set("bandwidth", 0.0); // thresholds are met or not
        boolean some = k > 0 && k < n;
        block.set("quantile", some ? StatisticalTopK.quantile(1 - (double) k / n) : 0.0);
        block.set("tile_stride", Math.ceilDiv(n, 32) * 32);
    }

    private void need(String name, long bytes) {
        block.pointer(name, bytes == 0 ? 0 : memory.need(name, bytes));
    }

    private void keep(String name, MemorySegment values) {
        need(name, values.byteSize());
        if (values.byteSize() > 0) {
            memory.upload(block.pointer(name), values);
        }
    }

    private int tileRows() {
        return StepMemory.tileRows(device, most, block.get("tile_stride"));
    }

    private void hits(long count) {
        room = count;
        block.set("hit_room", Math.toIntExact(count));
        need("hit_id", 4 * count);
        need("hit_pi", 4 * count);
    }

    /** The active latents of raw activations [rows, d_in]. */
    public synchronized Codes encode(Matrix x) {
        device.use();
        int rows = Math.toIntExact(x.rows());
        int[] counts = new int[rows];
        int[] ids = new int[Math.max(16, 32 * rows)];
        float[] values = new float[ids.length];
        int size = 0;
        for (int first = 0; first < rows; first += most) {
            int count = Math.min(most, rows - first);
            memory.upload(block.pointer("input"), x.rows(first, first + count).segment());
            int found = choose(count);
            int bad = badRow(count);
            if (bad >= 0) {
                return new Codes(new int[0], new int[0], new float[0], first + bad);
            }
            if (size + (long) found > Integer.MAX_VALUE - 8) {
                throw new UsageException(
                        "More than two billion latents are active in " + rows + " rows: encode fewer rows at a time.");
            }
            int[] here = new int[count];
            int[] chosen = new int[found];
            float[] pi = new float[found];
            memory.download(MemorySegment.ofArray(here), block.pointer("hit_count"));
            memory.download(MemorySegment.ofArray(chosen), block.pointer("hit_id"));
            memory.download(MemorySegment.ofArray(pi), block.pointer("hit_pi"));
            if (size + found > ids.length) {
                int length = (int) Math.min(Integer.MAX_VALUE - 8, 2L * (size + found));
                ids = Arrays.copyOf(ids, length);
                values = Arrays.copyOf(values, length);
            }
            int from = 0;
            for (int r = 0; r < count; r++) {
                int before = size;
                for (int e = from; e < from + here[r]; e++) {
                    if (pi[e] > 0) { // the k largest, and what exceeds a threshold, are rectified
                        ids[size] = chosen[e];
                        values[size++] = pi[e];
                    }
                }
                from += here[r];
                counts[first + r] = size - before;
            }
        }
        return new Codes(counts, Arrays.copyOf(ids, size), Arrays.copyOf(values, size), -1);
    }

    /** Chooses latents of the rows that are on the card; returns how many. */
    private int choose(int rows) {
        block.set("rows", rows);
        int words = device.layout().constant("WORDS");
        MemorySegment told = MemorySegment.ofArray(new int[words]);
        while (true) {
            device.driver().zero(block.pointer("words"), 4L * words, stream);
            launch("see_rows", rows);
            int tileRows = tileRows();
            for (int first = 0; first < rows; first += tileRows) {
                tile(first, Math.min(tileRows, rows - first));
            }
            if (selection == Selection.TOPK) {
                return rows * k;
            }
            memory.download(told, block.pointer("words"));
            int hits = told.getAtIndex(JAVA_INT, device.layout().constant("HITS"));
            if (told.getAtIndex(JAVA_INT, device.layout().constant("STATUS")) == 0) {
                return hits;
            }
            if (room >= Integer.MAX_VALUE - 8) {
                throw new LoupeException("So many latents are active on " + rows
                        + " rows that they cannot be counted on the GPU; encode fewer rows at a time.");
            }
            hits(Math.min(Integer.MAX_VALUE - 8L, Math.max(room + 1, hits + hits / 4L)));
        }
    }

    private void tile(int first, int count) {
        CublasLt.Shape shape = new CublasLt.Shape(
                CublasLt.Type.FLOAT32, CublasLt.Form.ROWS, count, n, dIn, dIn, dIn, block.get("tile_stride"), 0);
        long from = block.pointer("seen") + 4L * first * dIn;
        device.products().multiply(shape, from, block.pointer("enc"), block.pointer("tile"), workspace, stream);
        if (selection == Selection.TOPK) {
            launch("select_top", count, first);
        } else {
            launch("count_hits", count, first);
            launch("scan_hits", 1, first, count);
            launch("fill_hits", count, first);
        }
    }

    private void launch(String kernel, int grid, Object... more) {
        device.launch(kernel, grid, 1, threads, 0, stream, block.memory(), more);
    }

    private int badRow(int rows) {
        float[] squares = new float[rows];
        memory.download(MemorySegment.ofArray(squares), block.pointer("row_errors"));
        for (int r = 0; r < rows; r++) {
            if (!Float.isFinite(squares[r])) {
                return r;
            }
        }
        return -1;
    }

    @Override
    public synchronized void close() {
        device.use();
        held.close();
    }
}
