package dev.loupe.engine.cuda;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Layout;
import dev.loupe.engine.Sparsity;
import dev.loupe.engine.StepRule;
import dev.loupe.math.StatisticalTopK;
import java.util.List;

/** Writes a {@link StepRule} down as the kernels read it. */
final class CudaRule {
    private CudaRule() {}

    /** Latents per row that the auxiliary loss has room for; 0 without it. */
    static int auxRoom(StepRule rule, int n) {
        return rule.aux() > 0 ? Math.min(rule.auxK(), n) : 0;
    }

    static int groups(StepRule rule) {
        return Math.max(1, rule.prefixes().size());
    }

    /** The ends of the nested groups. */
    static List<Integer> ends(StepRule rule, int n) {
        return rule.prefixes().isEmpty() ? List.of(n) : rule.prefixes();
    }

    /** Whether penalties see the norms of decoder rows. */
    static boolean sumsNorms(Layout layout) {
        return !layout.crossLayer() && layout.outEnds().size() > 1;
    }

    /**
     * All numbers of a rule but those of memory.
     *
     * @param t the number of the step, from 1
     */
    static void write(StepRule rule, StepBlock b, int n, long t) {
        Sparsity s = rule.sparsity();
        b.set("bandwidth", rule.bandwidth());
        b.set("aux", rule.aux());
        b.set("prefix_weight", rule.prefixWeight());
        b.set("l1", s.l1());
        b.set("p", s.p());
        b.set("p_next", s.pNext());
        b.set("l0", s.l0());
        b.set("l0_target", s.l0Target());
        b.set("frequency_scale", s.frequencyScale());
        b.set("tanh_weight", s.tanh());
        b.set("tanh_scale", s.tanhScale());
        b.set("pre_activation", s.preActivation());
        b.set("on_dead_only", s.onDeadOnly());
        b.set("clip", rule.clip());
        b.set("average", rule.average());
        boolean some = rule.k() > 0 && rule.k() < n;
        b.set("quantile", some ? StatisticalTopK.quantile(1 - (double) rule.k() / n) : 0.0);
        AdamRule adam = rule.adam();
        b.set("beta1", (float) adam.beta1());
        b.set("rest1", (float) (1 - adam.beta1()));
        b.set("beta2", (float) adam.beta2());
        b.set("rest2", (float) (1 - adam.beta2()));
        b.set("rate", (float) (adam.learningRate() / (1 - Math.pow(adam.beta1(), t))));
        b.set("root", (float) (1 / Math.sqrt(1 - Math.pow(adam.beta2(), t))));
        b.set("epsilon", (float) adam.epsilon());
        b.set("selection", rule.selection().ordinal());
        b.set("kernel", rule.kernel().ordinal());
        b.set("k", rule.k());
        b.set("aux_k", auxRoom(rule, n));
        b.set("dead_after", rule.deadAfter());
        b.set("groups", groups(rule));
        b.set("subtract_bias", rule.subtractBias());
        b.set("unit_decoder", rule.unitDecoder());
        b.set("cross_layer", rule.layout().crossLayer());
        b.set("sums_norms", sumsNorms(rule.layout()));
        b.set("places", Math.max(1, rule.layout().outEnds().size()));
    }
}
