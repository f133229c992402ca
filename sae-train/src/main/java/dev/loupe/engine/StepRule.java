package dev.loupe.engine;

import java.util.List;

/**
 * What one training step does, as plain numbers that an engine can fuse. With target y (the input itself, except for
 * transcoders) the loss is
 *
 * <pre>{@code
 * prefixWeight · Σ over prefixes of mean ‖y − ŷ_prefix‖²   (summed over d, in the units of the batch)
 *   + the penalties of Sparsity
 *   + mean ‖y − ŷ_gate‖²                          GATE: ŷ_gate from max(π, 0) with decoder and b_dec held constant
 *   + aux · (Σ‖r − r̂‖² / Σ‖r‖²) · mean ‖y‖²        r = y − ŷ held constant, r̂ from the auxK largest pre-activations
 *                                                 (not rectified, without b_dec) among the dead latents
 * }</pre>
 *
 * <p>With {@code unitDecoder} decoder rows have norm one: the part of their gradient along the row is removed before Adam
 * and the norm restored after it. Thresholds are kept at 0 or above.
 *
 * @param selection which latents are active
 * @param k active latents per row (TOPK; STATISTICAL and BATCH_TOPK about so many; POSITIVE and THRESHOLD about so many
 *     are expected, 0 if that is not known: it decides how the product is made, and results only within rounding)
 * @param sparsity what activity costs
 * @param kernel of the straight-through estimator (THRESHOLD; arXiv 2407.14435, equations 11 and 12)
 * @param bandwidth its ε
 * @param aux weight of the auxiliary loss, 0 for none (arXiv 2406.04093, section 2.4 and appendix A.2)
 * @param auxK dead latents used per row
 * @param deadAfter a latent is dead when it has not fired (f &gt; 0) in so many steps
 * @param prefixes ends of the nested groups of a Matryoshka SAE, ascending, the last d_sae; empty for one group of all
 * @param prefixWeight factor of each prefix's error
 * @param subtractBias whether the encoder sees x − b_dec
 * @param unitDecoder whether decoder rows are kept at norm one
 * @param clip largest norm of the whole gradient, 0 for none
 * @param average decay of the running average of the weights, 0 for none
 * @param layout of several places
 * @param adam the optimiser's numbers
 */
public record StepRule(
        Selection selection,
        int k,
        Sparsity sparsity,
        ThresholdKernel kernel,
        double bandwidth,
        double aux,
        int auxK,
        int deadAfter,
        List<Integer> prefixes,
        double prefixWeight,
        boolean subtractBias,
        boolean unitDecoder,
        double clip,
        double average,
        Layout layout,
        AdamRule adam) {

    /** A rule without penalties, to be completed: encoder sees x − b_dec, unit decoder rows, nothing ever dead. */
    public static Builder of(Selection selection, AdamRule adam) {
        return new Builder(selection, adam);
    }

    /** How far from its threshold a pre-activation still moves it. */
    double reach() {
        return kernel.reach() * bandwidth;
    }

    /** The number of nested groups. */
    int groups() {
        return Math.max(1, prefixes.size());
    }

    /** The group of a latent, from 0. */
    int group(int latent) {
        int g = 0;
        while (g < prefixes.size() - 1 && latent >= prefixes.get(g)) {
            g++;
        }
        return g;
    }

    /** Collects the parts of a rule. */
    public static final class Builder {
        private final Selection selection;
        private final AdamRule adam;
        private int k;
        private Sparsity sparsity = Sparsity.NONE;
        private ThresholdKernel kernel = ThresholdKernel.RECTANGLE;
        private double bandwidth;
        private double aux;
        private int auxK;
        private int deadAfter = Integer.MAX_VALUE;
        private List<Integer> prefixes = List.of();
        private double prefixWeight = 1;
        private boolean subtractBias = true;
        private boolean unitDecoder = true;
        private double clip;
        private double average;
        private Layout layout = Layout.ONE;

        private Builder(Selection selection, AdamRule adam) {
            this.selection = selection;
            this.adam = adam;
        }

        /** Active latents per row. */
        public Builder k(int value) {
            k = value;
            return this;
        }

        /** What activity costs. */
        public Builder sparsity(Sparsity value) {
            sparsity = value;
            return this;
        }

        /** The estimator of thresholds. */
        public Builder kernel(ThresholdKernel shape, double width) {
            kernel = shape;
            bandwidth = width;
            return this;
        }

        /** The auxiliary loss on dead latents. */
        public Builder aux(double weight, int latents) {
            aux = weight;
            auxK = latents;
            return this;
        }

        /** Steps without firing after which a latent is dead. */
        public Builder deadAfter(int steps) {
            deadAfter = steps;
            return this;
        }

        /** Nested groups. */
        public Builder prefixes(List<Integer> ends, double weight) {
            prefixes = List.copyOf(ends);
            prefixWeight = weight;
            return this;
        }

        /** Whether the encoder sees x − b_dec. */
        public Builder subtractBias(boolean value) {
            subtractBias = value;
            return this;
        }

        /** Whether decoder rows are kept at norm one. */
        public Builder unitDecoder(boolean value) {
            unitDecoder = value;
            return this;
        }

        /** Largest norm of the whole gradient. */
        public Builder clip(double norm) {
            clip = norm;
            return this;
        }

        /** Decay of the running average of the weights. */
        public Builder average(double decay) {
            average = decay;
            return this;
        }

        /** Several places. */
        public Builder layout(Layout value) {
            layout = value;
            return this;
        }

        /** The rule. */
        public StepRule build() {
            return new StepRule(
                    selection,
                    k,
                    sparsity,
                    kernel,
                    bandwidth,
                    aux,
                    auxK,
                    deadAfter,
                    prefixes,
                    prefixWeight,
                    subtractBias,
                    unitDecoder,
                    clip,
                    average,
                    layout,
                    adam);
        }
    }
}
