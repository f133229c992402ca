package dev.loupe.engine;

/**
 * What a step saw, before it changed the parameters: figures of one batch, in training units (rows times the recipe's input
 * scale). The curves {@code loss}, {@code l0}, {@code fvu} and {@code dead} of a job, of
 * {@code metrics.arrow} and of TensorBoard are these; {@code learning_rate} and {@code sparsity_weight} beside them are those of
 * the step, after warm-up and decay, and {@code tokens_per_second} counts rows.
 *
 * @param loss everything that was minimised
 * @param reconstruction mean ‖y − ŷ‖² with all latents
 * @param penalty the sparsity penalties
 * @param aux the auxiliary losses: on dead latents, and that of a gate
 * @param l0 mean number of active latents per row
 * @param l1 mean Σ f
 * @param fvu Σ‖y − ŷ‖² / Σ‖y − mean of the batch‖²: unlike the report card's, of training rows and of one batch
 * @param dead latents that had not fired for {@link StepRule#deadAfter} steps
 * @param smallest smallest activation of the batch, 0 if nothing was active
 * @param power mean Σ φ(a) for the power of {@link Sparsity#p}, unweighted
 * @param powerNext the same for {@link Sparsity#pNext}; 0 without one
 * @param gradientNorm of the whole gradient before clipping; 0 where the rule does not clip
 */
public record StepMetrics(
        double loss,
        double reconstruction,
        double penalty,
        double aux,
        double l0,
        double l1,
        double fvu,
        int dead,
        double smallest,
        double power,
        double powerNext,
        double gradientNorm) {}
