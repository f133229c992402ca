package dev.loupe.model;

import dev.loupe.base.UsageException;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a backward pass shall do.
 *
 * @param seed the metric of the last logits that it starts from; null if it starts at hook points only, with what
 *     {@code flow} adds there
 * @param rules which parts follow the rules of relevance patching
 * @param wrt the hook points whose gradients are kept
 * @param flow editors of gradients on their way back: at its hook point each sees the gradient of all rows,
 *     {@code [batch, pos, width]}, after it was kept, and what it leaves flows on. {@link #STOP} ends it there
 * @param keepBytes memory that intermediate values may take between blocks: their inputs, and what they computed inside;
 *     what does not fit is computed again on the way back. About {@code 2 sqrt(blocks)} inputs are needed in any case, as
 *     are the values of the block at work, edited values and what was asked for
 */
public record BackwardPlan(@Nullable LogitSeed seed, Rules rules, Set<HookPoint> wrt, Taps flow, long keepBytes) {
    /** The memory for intermediate values if nothing else is said: 1 GiB. */
    public static final long KEEP_BYTES = 1L << 30;

    /** An editor of gradients: nothing flows on. */
    public static final Editor STOP = a -> a.segment().fill((byte) 0);

    /** Checks and copies. */
    public BackwardPlan {
        wrt = Set.copyOf(wrt);
        for (HookPoint hook : wrt) {
            if (hook.local().endsWith("hook_scale")) {
                throw new UsageException(
                        "There is no gradient with respect to " + hook + ": take the hook_normalized of that norm.");
            }
        }
        for (HookPoint hook : flow.edited()) {
            if (hook.local().endsWith("hook_scale") || hook.local().endsWith("hook_result")) {
                throw new UsageException("The gradient cannot be changed at " + hook + ": take hook_z or attn_out.");
            }
        }
        if (seed == null && flow.edited().isEmpty()) {
            throw new UsageException("A backward pass needs a metric or a hook point to start from.");
        }
    }

    /** From a metric of the last logits back to some hook points. */
    public static BackwardPlan of(LogitSeed seed, Rules rules, Collection<HookPoint> wrt) {
        return new BackwardPlan(seed, rules, new LinkedHashSet<>(wrt), Taps.none(), KEEP_BYTES);
    }

    /** From what {@code flow} adds at hook points back to others. */
    public static BackwardPlan from(Taps flow, Rules rules, Collection<HookPoint> wrt) {
        return new BackwardPlan(null, rules, new LinkedHashSet<>(wrt), flow, KEEP_BYTES);
    }

    /** The same with editors of gradients. */
    public BackwardPlan withFlow(Taps editors) {
        return new BackwardPlan(seed, rules, wrt, editors, keepBytes);
    }

    /** The same within another budget of memory. */
    public BackwardPlan withKeepBytes(long bytes) {
        return new BackwardPlan(seed, rules, wrt, flow, bytes);
    }
}
