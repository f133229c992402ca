package dev.loupe.engine;

/**
 * Adam as PyTorch defines it (Kingma &amp; Ba, arXiv 1412.6980, algorithm 1): m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g²,
 * p ← p − lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε), with t counted from 1.
 *
 * @param learningRate lr
 * @param beta1 β₁, of the mean of gradients m
 * @param beta2 β₂, of the mean of their squares v
 * @param epsilon ε
 */
public record AdamRule(double learningRate, double beta1, double beta2, double epsilon) {

    /** lr / (1 − β₁ᵗ). */
    double stepSize(long t) {
        return learningRate / (1 - Math.pow(beta1, t));
    }

    /** 1 / √(1 − β₂ᵗ). */
    double rootCorrection(long t) {
        return 1 / Math.sqrt(1 - Math.pow(beta2, t));
    }
}
