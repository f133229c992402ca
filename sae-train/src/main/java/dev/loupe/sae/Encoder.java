package dev.loupe.sae;

import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.math.PackedWeights;
import dev.loupe.math.Parallel;
import dev.loupe.math.StatisticalTopK;
import dev.loupe.math.TopK;
import dev.loupe.math.VectorOps;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Encoding on all cores: tiles of rows are multiplied by the packed encoder and selected while they are in the cache. Where a
 * GPU was chosen, large batches go there.
 */
final class Encoder {
    private static final int TILE = 48;

    private static volatile @Nullable EncodingDevice device;

    private final SaeConfig config;
    private final SaeWeights w;
    private volatile @Nullable PackedWeights packed;

    Encoder(SaeConfig config, SaeWeights weights) {
        this.config = config;
        this.w = weights;
    }

    static void encodeOn(@Nullable EncodingDevice other) {
        device = other;
    }

    /** x − b_dec, or x where the SAE does not subtract. */
    float[] centred(float[] x) {
        float[] c = x.clone();
        if (config.applyBDecToInput()) {
            for (int i = 0; i < c.length; i++) {
                c[i] -= w.bDec()[i];
            }
        }
        return c;
    }

    SparseCodes encode(Matrix x) {
        if (x.cols() != w.dIn()) {
            throw new UsageException("The SAE reads " + w.dIn() + " values per token, but the activations have "
                    + x.cols() + ": they come from another place or model.");
        }
        EncodingDevice other = device;
        if (other != null && other.takes((double) x.rows() * w.dSae() * w.dIn())) {
            return other.encode(this, config, w, x);
        }
        PackedWeights weights = packed();
        int rows = Math.toIntExact(x.rows());
        Tile[] tiles = new Tile[Math.ceilDiv(rows, TILE)];
        Parallel.run(tiles.length, t -> {
            int first = t * TILE;
            tiles[t] = new Tile();
            tiles[t].fill(x, first, Math.min(TILE, rows - first), weights);
        });
        int size = 0;
        for (Tile t : tiles) {
            size = Math.addExact(size, t.size);
        }
        int[] offsets = new int[rows + 1];
        int[] ids = new int[size];
        float[] values = new float[size];
        int at = 0;
        int row = 0;
        for (Tile t : tiles) {
            System.arraycopy(t.ids, 0, ids, at, t.size);
            System.arraycopy(t.values, 0, values, at, t.size);
            for (int r = 0; r < t.rows; r++) {
                offsets[row++] = at + t.starts[r];
            }
            at += t.size;
        }
        offsets[rows] = at;
        return new SparseCodes(offsets, ids, values);
    }

    private PackedWeights packed() {
        PackedWeights p = packed;
        if (p == null) {
            p = new PackedWeights(w.dSae(), w.dIn()).pack(w.encoderRows());
            packed = p;
        }
        return p;
    }

    /** The codes of one tile of rows. */
    private final class Tile {
        private final int[] starts = new int[TILE];
        private int[] ids = new int[TILE * 32];
        private float[] values = new float[TILE * 32];
        private int rows;
        private int size;

        void fill(Matrix x, int first, int count, PackedWeights weights) {
            int d = w.dIn();
            int n = w.dSae();
            float[] centred = new float[count * d];
            float[] row = new float[d];
            for (int r = 0; r < count; r++) {
                x.copyRow(first + r, row);
                if (!Float.isFinite(VectorOps.dot(row, 0, row, 0, d))) {
                    throw EncodingDevice.badRow(first + r);
                }
                System.arraycopy(centred(row), 0, centred, r * d, d);
            }
            float[] tile = weights.newTile(count);
            weights.packTile(centred, 0, d, count, tile);
            float[] pi = weights.newResult(count);
            weights.multiply(tile, count, pi);
            TopK topK = new TopK();
            int[] found = new int[n];
            float[] limits = config.architecture() == Architecture.JUMPRELU ? w.threshold() : new float[n];
            rows = count;
            for (int r = 0; r < count; r++) {
                starts[r] = size;
                int at = r * weights.stride();
                VectorOps.axpy(1, w.bEnc(), 0, pi, at, n);
                if (config.approximate()) {
                    Arrays.fill(limits, (float) Math.max(0, StatisticalTopK.threshold(pi, at, n, config.k())));
                }
                int hits = config.architecture() == Architecture.TOPK && !config.approximate()
                        ? topK.select(pi, at, n, config.k(), found)
                        : VectorOps.above(pi, at, at + n, limits, 0, found);
                add(pi, at, found, hits);
            }
        }

        private void add(float[] pi, int at, int[] found, int hits) {
            if (size + hits > ids.length) {
                ids = Arrays.copyOf(ids, 2 * (size + hits));
                values = Arrays.copyOf(values, ids.length);
            }
            for (int h = 0; h < hits; h++) {
                float value = pi[at + found[h]];
                if (value > 0) { // TopK and JumpReLU rectify what they select
                    ids[size] = found[h];
                    values[size++] = value;
                }
            }
        }
    }
}
