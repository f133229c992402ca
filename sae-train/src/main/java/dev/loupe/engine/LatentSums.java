package dev.loupe.engine;

/** Per latent, what a step's pairs sum up to before any parameter moves. */
final class LatentSums {
    /** Where the pairs that count for the rows end. */
    final int[] ends;
    /** Rows on which it fires. */
    final int[] firing;
    /** Σ f. */
    final double[] activation;
    /** Σ of the derivatives with respect to what its encoder row gives. */
    final double[] direction;
    /** Σ of the gates' parts of them (GATE). */
    final double[] gate;
    /** The derivative with respect to r (GATE). */
    final double[] gain;
    /** Σ K · dF (THRESHOLD). */
    final double[] alongWindow;
    /** Σ K (THRESHOLD). */
    final double[] kernels;
    /** The derivative with respect to ‖d‖ (free decoder). */
    final double[] norm;
    /** Its part of the loss on pre-activations. */
    final double[] below;

    LatentSums(int n) {
        ends = new int[n];
        firing = new int[n];
        activation = new double[n];
        direction = new double[n];
        gate = new double[n];
        gain = new double[n];
        alongWindow = new double[n];
        kernels = new double[n];
        norm = new double[n];
        below = new double[n];
    }
}
