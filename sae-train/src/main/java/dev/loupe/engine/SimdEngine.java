package dev.loupe.engine;

import dev.loupe.kernel.PackedPanels;
import dev.loupe.kernel.PanelType;
import dev.loupe.math.VectorOps;
import org.jspecify.annotations.Nullable;

/**
 * The fast engine: one dense product per step (the encoder), everything else only where latents are active.
 * Tiles of rows are encoded, selected, decoded and differentiated while they are in the cache; the (row, latent) pairs are
 * then sorted by latent, and one loop over latents sums each gradient row and applies Adam to it at once, so gradients
 * never reach memory. Results do not depend on the number of threads.
 */
final class SimdEngine implements SaeEngine {
    /** One latent in so many at most is chosen where integers exclude the others. */
    private static final long FEW = 32;

    private static final int NEAR = 8 << 20;

    private final Precision precision;
    private final @Nullable PanelType forced;
    private final int sparse;

    /** Bytes of encoder rows that all threads use at a time: they stay in the cache that threads share. */
    final int near;

    SimdEngine(Precision precision) {
        this(precision, null, DenseStep.SPARSE);
    }

    SimdEngine(Precision precision, @Nullable PanelType forced, int sparse) {
        this(precision, forced, sparse, NEAR);
    }

    /**
     * An engine that does as it is told, whatever pays.
     *
     * @param forced the type of the encoder's product
     * @param sparse dense products from one active latent in so many on; 0 for never
     * @param near bytes of encoder rows at a time
     */
    SimdEngine(Precision precision, @Nullable PanelType forced, int sparse, int near) {
        this.near = near;
        this.precision = precision;
        this.forced = forced;
        this.sparse = sparse;
    }

    /** Whether dense products may take the place of sums over pairs: where an activation decides for itself. */
    boolean mayBeDense(StepRule rule, boolean revives) {
        boolean itself = rule.selection() == Selection.POSITIVE || rule.selection() == Selection.THRESHOLD;
        return itself && rule.groups() == 1 && !revives && sparse > 0;
    }

    /** Whether a step whose first rows turn out to have many active latents may change to float32, and be dense. */
    boolean mayWiden(PanelType type) {
        return type == PanelType.BFLOAT16 && forced == null;
    }

    /** Whether they pay for so many active latents per row. */
    boolean dense(double active, int n) {
        return active * sparse >= n;
    }

    /**
     * The type of the encoder's product. With few latents to choose, a product of integers that only excludes the others
     * and float32 for the rest is faster; from about a 32nd of all latents on, the rest costs more than it saves. Steps of
     * dense products are float32 in all.
     *
     * @param revives whether there are dead latents for the auxiliary loss
     */
    PanelType type(StepRule rule, int n, boolean revives) {
        if (rule.selection() == Selection.STATISTICAL) {
            return PanelType.FLOAT32; // its threshold is made of all pre-activations
        }
        if (forced != null) {
            return forced;
        }
        if (precision == Precision.BF16) {
            boolean dense = mayBeDense(rule, revives) && rule.k() > 0 && dense(rule.k(), n);
            return dense ? PanelType.FLOAT32 : PanelType.BFLOAT16;
        }
        boolean few = switch (rule.selection()) {
            case TOPK, BATCH_TOPK -> FEW * rule.k() <= n;
            case POSITIVE, THRESHOLD -> rule.k() > 0 && FEW * rule.k() <= n;
            case GATE, STATISTICAL -> false;
        };
        PanelType integers = precision == Precision.INT8 ? PanelType.INT8 : PanelType.INT16;
        return few && PackedPanels.machine(integers) ? integers : PanelType.FLOAT32;
    }

    @Override
    public String describe() {
        PanelType widest = precision == Precision.BF16 ? PanelType.BFLOAT16 : PanelType.FLOAT32;
        return "Java Vector API, " + VectorOps.lanes() + " lanes, sparse gradients; encoder's product in "
                + precision.id() + (PackedPanels.machine(widest) ? ", machine code" : ", Java");
    }

    @Override
    public TrainSession open(TrainState initial) {
        return new SimdSession(initial, this);
    }
}
