package dev.loupe.train;

import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * Rows of several places side by side, each place multiplied by its own scale, so that a late residual stream with large
 * values does not decide alone what is learned. The places must give the same rows at the same step.
 */
final class JoinedSource implements BatchSource {
    private final List<BatchSource> parts;
    private final List<Matrix> buffers = new ArrayList<>();
    private final Arena arena = Arena.ofShared();
    private final float[] scales;

    /** @param scale by which convention each place is scaled */
    JoinedSource(List<BatchSource> parts, InputScale scale) {
        this.parts = List.copyOf(parts);
        this.scales = new float[parts.size()];
        for (int p = 0; p < scales.length; p++) {
            BatchSource s = parts.get(p);
            scales[p] = (float) scale.factor(s.meanSquaredNorm(), s.meanNorm(), s.width());
        }
    }

    /** The factor of each value of a row. */
    float[] scales() {
        float[] all = new float[width()];
        int at = 0;
        for (int p = 0; p < scales.length; p++) {
            for (int j = 0; j < parts.get(p).width(); j++) {
                all[at++] = scales[p];
            }
        }
        return all;
    }

    @Override
    public List<Integer> ends() {
        List<Integer> ends = new ArrayList<>();
        int end = 0;
        for (BatchSource s : parts) {
            end += s.width();
            ends.add(end);
        }
        return ends;
    }

    @Override
    public int width() {
        return parts.stream().mapToInt(BatchSource::width).sum();
    }

    @Override
    public void batch(long step, Matrix target) {
        join(step, target, false);
    }

    @Override
    public Matrix rows(long step, Matrix buffer) {
        join(step, buffer, true);
        return buffer;
    }

    private void join(long step, Matrix target, boolean ahead) {
        if (buffers.isEmpty()) {
            parts.forEach(s -> buffers.add(Matrix.allocate(arena, target.rows(), s.width())));
        }
        int at = 0;
        for (int p = 0; p < scales.length; p++) {
            Matrix rows = buffers.get(p);
            if (ahead) {
                rows = parts.get(p).rows(step, rows);
            } else {
                parts.get(p).batch(step, rows);
            }
            for (long r = 0; r < rows.rows(); r++) {
                VectorOps.scale(scales[p], rows.segment(), rows.offset(r), rows.cols());
            }
            rows.copyInto(target, at);
            at += rows.cols();
        }
    }

    @Override
    public float[] mean() {
        float[] mean = scales();
        int at = 0;
        for (BatchSource s : parts) {
            for (float m : s.mean()) {
                mean[at++] *= m;
            }
        }
        return mean;
    }

    @Override
    public double meanSquaredNorm() {
        double sum = 0;
        for (int p = 0; p < scales.length; p++) {
            sum += (double) scales[p] * scales[p] * parts.get(p).meanSquaredNorm();
        }
        return sum;
    }

    /** The root of the sum of the squares of the places' E‖x‖: that of the places together is not kept anywhere. */
    @Override
    public double meanNorm() {
        double sum = 0;
        for (int p = 0; p < scales.length; p++) {
            sum += Math.pow(scales[p] * parts.get(p).meanNorm(), 2);
        }
        return Math.sqrt(sum);
    }

    @Override
    public String fingerprint() {
        return String.join(" + ", parts.stream().map(BatchSource::fingerprint).toList());
    }

    @Override
    public void close() {
        parts.forEach(BatchSource::close);
        arena.close();
    }
}
