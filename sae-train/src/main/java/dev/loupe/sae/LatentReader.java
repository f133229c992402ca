package dev.loupe.sae;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.math.StatisticalTopK;
import dev.loupe.math.VectorOps;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The activations of a few latents of an SAE, without encoding the others: d_in multiplications a latent in place of
 * d_in · d_sae. Equal to {@link Sae#encode} up to rounding.
 *
 * <p>ReLU and JumpReLU latents (gated and BatchTopK SAEs are saved as JumpReLU) depend on themselves alone. A TopK latent
 * is active only among the k largest of all, so where its own pre-activation is positive the others are looked at, in
 * order and only until k of them are known to come before it; most inactive latents are told after a few times k. Of equal
 * pre-activations the lower number wins, as in {@link dev.loupe.math.TopK}.
 *
 * <p>With a statistical selection all others are looked at.
 *
 * <p>Immutable; any thread may read.
 */
public final class LatentReader {
    private final Sae sae;
    private final int[] latents;
    private final boolean selects;

    LatentReader(Sae sae, int[] latents) {
        for (int id : latents) {
            if (id < 0 || id >= sae.dSae()) {
                throw new UsageException(
                        "The SAE " + sae.name() + " has latents 0 to " + (sae.dSae() - 1) + ", not " + id + ".");
            }
        }
        this.sae = sae;
        this.latents = latents.clone();
        this.selects = sae.architecture() == Architecture.TOPK && sae.k() < sae.dSae();
    }

    /** One reader for the latents of several of one SAE, in their order: what they look at is computed once. */
    public static LatentReader together(List<LatentReader> readers) {
        Sae sae = readers.getFirst().sae;
        if (readers.stream().anyMatch(r -> r.sae != sae)) {
            throw new IllegalArgumentException("latents of several SAEs cannot be read together");
        }
        return new LatentReader(
                sae, readers.stream().flatMapToInt(r -> IntStream.of(r.latents)).toArray());
    }

    /** Whether another reads latents of the same SAE. */
    public boolean sharesWith(LatentReader other) {
        return sae == other.sae;
    }

    /** The latents, in the order of the answers. */
    public int[] latents() {
        return latents.clone();
    }

    /**
     * Reads one input.
     *
     * @param x raw activations {@code [d_in]}
     * @return activations in the order of {@link #latents}, 0 where a latent is not active
     * @throws LoupeException if the input holds NaN or an infinity
     * @throws UsageException if the width is not d_in
     */
    public float[] read(float[] x) {
        if (x.length != sae.dIn()) {
            throw new UsageException("The SAE reads " + sae.dIn() + " values per token, but the activations have "
                    + x.length + ": they come from another place or model.");
        }
        if (!Float.isFinite(VectorOps.dot(x, 0, x, 0, x.length))) {
            throw new LoupeException("The activations hold NaN or an infinity: no latent can be read from them.");
        }
        float[] centred = sae.centred(x);
        float[] values = new float[latents.length];
        Known known = new Known(centred);
        for (int i = 0; i < latents.length; i++) {
            values[i] = value(known, latents[i]);
        }
        return values;
    }

    private float value(Known known, int id) {
        float own = known.pi(id);
        float[] thresholds = sae.threshold();
        if (!(own > 0) || (thresholds.length > 0 && !(own > thresholds[id]))) {
            return 0;
        }
        return selects && !chosen(known, id, own) ? 0 : own;
    }

    /** Whether fewer than k latents come before this one, or it exceeds the threshold of a statistical selection. */
    private boolean chosen(Known known, int id, float own) {
        if (sae.config().approximate()) {
            float[] all = new float[sae.dSae()];
            for (int j = 0; j < all.length; j++) {
                all[j] = known.pi(j);
            }
            return own > (float) StatisticalTopK.threshold(all, 0, all.length, sae.k());
        }
        int before = 0;
        for (int j = 0; j < sae.dSae(); j++) {
            if (j == id) {
                continue;
            }
            float other = known.pi(j);
            if (other > own || (other == own && j < id)) {
                before++;
                if (before == sae.k()) {
                    return false;
                }
            }
        }
        return true;
    }

    /** Pre-activations of one input, each computed when it is first asked for. */
    private final class Known {
        private final float[] centred;
        private final float[] values;

        Known(float[] centred) {
            this.centred = centred;
            this.values = selects ? new float[sae.dSae()] : new float[0];
            Arrays.fill(values, Float.NaN);
        }

        float pi(int id) {
            if (!selects) {
                return compute(id);
            }
            if (Float.isNaN(values[id])) {
                values[id] = compute(id);
            }
            return values[id];
        }

        private float compute(int id) {
            return VectorOps.dot(
                            centred,
                            0,
                            sae.encoderRows().segment(),
                            sae.encoderRows().offset(id),
                            centred.length)
                    + sae.bEnc()[id];
        }
    }
}
