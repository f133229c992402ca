package dev.loupe.engine;

/**
 * What a step saw, before it changed the parameters.
 *
 * @param loss everything that was minimised
 * @param reconstruction mean ‖x − x̂‖²
 * @param penalty the sparsity penalty
 * @param aux the auxiliary loss
 * @param l0 mean number of active latents per row
 * @param l1 mean Σ f
 * @param fvu Σ‖x − x̂‖² / Σ‖x − mean of the batch‖²
 * @param dead latents that had not fired for {@link StepRule#deadAfter} steps
 */
public record StepMetrics(
        double loss, double reconstruction, double penalty, double aux, double l0, double l1, double fvu, int dead) {}
