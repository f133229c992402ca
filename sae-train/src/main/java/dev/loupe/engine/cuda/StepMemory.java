package dev.loupe.engine.cuda;

import dev.loupe.engine.Selection;
import dev.loupe.engine.StepRule;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The memory that the steps of a session need beside the state: made to measure, and only ever growing. */
final class StepMemory {
    /** Rows of a matrix that one thread sums. */
    static final int COLUMN_ROWS = 128;

    /** Chunks of rows that the grouping makes at most. */
    private static final int CHUNKS = 256;

    private static final int HISTOGRAM = 2048;
    private static final int SQUARES = 256;

    private final CudaDevice device;
    private final DeviceMemory memory;
    private final StepBlock block;
    private final long stream;
    private List<Integer> writtenEnds = List.of();
    private List<Integer> writtenIn = List.of();
    private List<Integer> writtenOut = List.of();
    private long hitRoom;

    StepMemory(CudaDevice device, DeviceMemory memory, StepBlock block, long stream) {
        this.device = device;
        this.memory = memory;
        this.block = block;
        this.stream = stream;
    }

    private void need(String name, long count, int bytes) {
        block.pointer(name, count == 0 ? 0 : memory.need(name, Math.multiplyExact(count, (long) bytes)));
    }

    /** Memory of the whole life of a session. */
    void begin(int n, int dIn, int dOut, boolean gated) {
        block.set("n", n);
        block.set("d_in", dIn);
        block.set("d_out", dOut);
        block.set("d_pad", Math.ceilDiv(dIn, 8) * 8);
        need("since", n, 4);
        need("activity", n, 8);
        need("gain", gated ? n : 0, 4);
        need("dead", n, 4);
        need("sums", (long) n * device.layout().constant("LATENT_SUMS"), 8);
        need("starts", n + 1L, 4);
        need("target_sum", dOut, 8);
        need("input_sum", dIn, 8);
        need("bias_gradient", dOut, 8);
        need("histogram", HISTOGRAM, 4);
        long totals = device.layout().constant("TOTALS");
        long report = memory.need("report", 8 * totals + 4L * device.layout().constant("WORDS"));
        block.pointer("totals", report);
        block.pointer("words", report + 8 * totals);
        device.driver().zero(block.pointer("histogram"), 4L * HISTOGRAM, stream);
    }

    /** What a step in dense products needs more; where it is not one, the memory stays for steps that may come. */
    void dense(int rows) {
        int n = block.get("n");
        int width = DenseProducts.width(n);
        block.set("dense_width", width);
        need("dense_pi", (long) rows * width, 4);
        need("dense_d", (long) rows * width, 4);
        need("dense_parts", (long) DenseProducts.parts(rows) * device.layout().constant("LATENT_SUMS") * width, 8);
        need("kept_enc", (long) n * block.get("d_in"), 4);
        need("kept_dec", (long) n * block.get("d_out"), 4);
    }

    /** Gives back what only steps in dense products need. */
    void sparse(boolean keep) {
        for (String name : List.of("dense_pi", "dense_d", "dense_parts")) {
            release(name);
        }
        if (!keep) {
            release("kept_enc");
            release("kept_dec");
        }
    }

    private void release(String name) {
        memory.free(name);
        block.pointer(name, 0);
    }

    /** Memory of a batch under a rule. */
    void fit(StepRule rule, int rows, boolean bfloat16, boolean keep) {
        int n = block.get("n");
        int dIn = block.get("d_in");
        int dOut = block.get("d_out");
        int groups = CudaRule.groups(rule);
        int aux = CudaRule.auxRoom(rule, n);
        block.set("rows", rows);
        need("seen", (long) rows * dIn, 4);
        need("seen16", bfloat16 ? (long) rows * block.get("d_pad") : 0, 2);
        need("errors", (long) rows * dOut * (groups + (aux > 0 ? 1 : 0)), 4);
        need("gate_errors", rule.selection() == Selection.GATE ? (long) rows * dOut : 0, 4);
        need("row_errors", rows, 4);
        need("row_stats", (long) rows * device.layout().constant("ROW_STATS"), 8);
        need("hit_start", rows, 4);
        need("hit_count", rows, 4);
        need("row_limit", rows, 4);
        need("ties", rows, 4);
        need("norm", rule.unitDecoder() ? 0 : n, 4);
        need("squares", rule.clip() > 0 ? n : 0, 8);
        need("kept_enc", keep ? (long) n * dIn : 0, 4);
        need("kept_dec", keep ? (long) n * dOut : 0, 4);
        need("skip_gradient", block.pointer("skip") != 0 ? (long) dOut * dIn : 0, 4);
        for (String name : List.of("aux_id", "aux_pi", "aux_row", "aux_d")) {
            need(name, (long) rows * aux, 4);
        }
        tile(rows, n);
        grouping(rows, n, aux);
        long parts = Math.max(
                (long) Math.ceilDiv(rows, COLUMN_ROWS) * Math.max(dIn, dOut),
                (long) Math.ceilDiv(n, COLUMN_ROWS) * dIn);
        need("parts", Math.max(SQUARES, parts), 8);
        long perRow = rule.selection() == Selection.TOPK ? Math.min(rule.k(), n) : Math.min(2L * rule.k() + 32, n);
        hits(Math.max(hitRoom, perRow * rows), rows, aux);
        writtenEnds = places("ends", CudaRule.ends(rule, n), writtenEnds);
        writtenIn = places("in_ends", rule.layout().inEnds(), writtenIn);
        writtenOut = places("out_ends", rule.layout().outEnds(), writtenOut);
    }

    /** A tile of the product takes about half of the second-level cache, so that it is read from there. */
    private void tile(int rows, int n) {
        int stride = Math.ceilDiv(n, 32) * 32;
        int tileRows = tileRows(device, rows, stride);
        block.set("tile_stride", stride);
        tileRowCount = tileRows;
        need("tile", (long) tileRows * stride, 4);
    }

    /** Rows of a tile whose rows are so long. */
    static int tileRows(CudaDevice device, int rows, int stride) {
        long fitting = device.cacheBytes() / 2 / (4L * stride) / 16 * 16;
        return (int) Math.min(Math.clamp(fitting, 16, 4096), Math.ceilDiv(rows, 16) * 16);
    }

    private int tileRowCount;

    /** Rows of a tile. */
    int tileRows() {
        return tileRowCount;
    }

    private void grouping(int rows, int n, int aux) {
        int all = aux > 0 ? 2 * rows : rows;
        int chunkRows = Math.ceilDiv(all, CHUNKS);
        block.set("chunk_rows", chunkRows);
        block.set("chunks", Math.ceilDiv(all, chunkRows));
        need("chunk_counts", (long) block.get("chunks") * n, 4);
    }

    /** Room for so many latents that may act on rows. */
    private void hits(long room, int rows, int aux) {
        long pairs = Math.addExact(room, (long) rows * aux);
        if (pairs >= Integer.MAX_VALUE) {
            throw new dev.loupe.base.LoupeException("More than two billion latents are active in one batch of " + rows
                    + " rows: lower batch, or raise the penalty on activity.");
        }
        hitRoom = room;
        block.set("hit_room", (int) room);
        for (String name : List.of("hit_id", "hit_pi", "hit_row", "hit_z", "hit_d", "hit_x")) {
            need(name, room, 4);
        }
        for (String name : List.of("pair_row", "pair_z", "pair_d", "pair_x")) {
            need(name, pairs, 4);
        }
    }

    /** More room, after a step that had too little. */
    void grow(long hits, int rows, int aux) {
        hits(Math.addExact(hits, hits / 4), rows, aux);
    }

    private List<Integer> places(String name, List<Integer> ends, List<Integer> written) {
        if (!ends.equals(written)) {
            need(name, ends.size(), 4);
            if (!ends.isEmpty()) {
                int[] values = ends.stream().mapToInt(Integer::intValue).toArray();
                memory.upload(block.pointer(name), MemorySegment.ofArray(values));
            }
        }
        return ends;
    }
}
