package dev.loupe.engine;

import dev.loupe.kernel.PackedColumns;
import dev.loupe.kernel.PackedPanels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The gradients of a range of latents by dense products over all rows: pre-activations, made again, and derivatives along
 * the decoder rows; then activations times errors and derivatives times inputs, with zeros where nothing is active. One
 * thread uses it at a time.
 */
final class DenseChunk {
    /** Latents at a time: whole panels, and whole groups. */
    static final int LATENTS = 3 * PackedPanels.PANEL;

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    private final StepInput s;
    private final MemorySegment inputs;
    private final MemorySegment errors;
    private final PackedPanels decoder;
    private final PackedColumns.Tile activations;
    private final PackedColumns.Tile derivatives;
    private final MemorySegment pi;
    private final MemorySegment along;
    private final MemorySegment out;
    private final float[] decoderSums;
    private final float[] encoderSums;

    DenseChunk(
            StepInput s,
            PackedColumns errorColumns,
            PackedColumns inputColumns,
            MemorySegment inputs,
            MemorySegment errors,
            PackedPanels decoder,
            Arena arena) {
        this.s = s;
        this.inputs = inputs;
        this.errors = errors;
        this.decoder = decoder;
        int groups = Math.ceilDiv(s.rows, PackedPanels.GROUP);
        activations = errorColumns.tile(arena, LATENTS);
        derivatives = inputColumns.tile(arena, LATENTS);
        pi = arena.allocate(4L * groups * PackedPanels.GROUP * LATENTS, 64);
        along = arena.allocate(4L * groups * PackedPanels.GROUP * LATENTS, 64);
        out = arena.allocate(4L * LATENTS * Math.max(errorColumns.stride(), inputColumns.stride()), 64);
        decoderSums = new float[LATENTS * s.dOut];
        encoderSums = new float[LATENTS * s.dIn];
    }

    /** Makes the sums of latents from {@code from} on: those of their own numbers into {@code g}, those of rows here. */
    void run(int from, LatentGradients g) {
        int to = Math.min(s.n, from + LATENTS);
        int panel = from / PackedPanels.PANEL;
        int end = Math.ceilDiv(to, PackedPanels.PANEL);
        int width = (end - panel) * PackedPanels.PANEL;
        int groups = Math.ceilDiv(s.rows, PackedPanels.GROUP);
        s.encoder.panels.multiply(inputs, groups, panel, end, pi);
        decoder.multiply(errors, groups, panel, end, along);
        activations.clear();
        derivatives.clear();
        boolean threshold = s.rule.selection() == Selection.THRESHOLD;
        LatentGradients.Sums[] sums = new LatentGradients.Sums[to - from];
        for (int i = from; i < to; i++) {
            sums[i - from] = g.begin(i);
        }
        for (int r = 0; r < s.rows; r++) {
            for (int i = from; i < to; i++) {
                long at = (long) r * width + i - from;
                float value = pi.getAtIndex(FLOAT, at) + s.bias[i];
                if (!(value > s.limits[i])) {
                    continue;
                }
                float bar = threshold ? s.parameters.threshold()[i] : 0;
                float k = threshold ? RowPass.kernel(s, i, value) : 0;
                boolean fires = value > bar;
                if (!fires && !(k > 0)) {
                    continue;
                }
                float z = fires ? value : 0;
                float dF = along.getAtIndex(FLOAT, at) + (float) RowPass.cost(s, i, z);
                float dPi = sums[i - from].add(fires, z, dF, k);
                if (fires) {
                    activations.add(i - from, r, z);
                    derivatives.add(i - from, r, dPi);
                }
            }
        }
        for (LatentGradients.Sums each : sums) {
            each.end();
        }
        Arrays.fill(decoderSums, 0);
        Arrays.fill(encoderSums, 0);
        DenseRows.addProduct(activations, out, to - from, decoderSums, 0, s.dOut);
        DenseRows.addProduct(derivatives, out, to - from, encoderSums, 0, s.dIn);
    }

    /** Copies the sums of one latent, counted from the first of the range. */
    void copy(int latent, float[] encoderRow, float[] decoderRow) {
        System.arraycopy(encoderSums, latent * s.dIn, encoderRow, 0, s.dIn);
        System.arraycopy(decoderSums, latent * s.dOut, decoderRow, 0, s.dOut);
    }
}
