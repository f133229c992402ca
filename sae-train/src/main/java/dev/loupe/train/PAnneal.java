package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Selection;
import dev.loupe.engine.Sparsity;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;

/**
 * ReLU with the penalty λ Σ φ_p(f_i ‖d_i‖), φ_p(a) = (a + ε)^p − ε^p, whose power p falls from 1 towards {@code
 * panneal.end}: Karvonen et al., Measuring Progress in Dictionary Learning, arXiv 2408.00113, section 4. Whenever p
 * changes, λ is multiplied by the ratio of the penalties with the old and the new power over the last ten batches, so that
 * the pressure stays what it was. ε keeps the slope finite where an activation leaves zero.
 */
final class PAnneal extends Penalised {
    private static final int QUEUE = 10;

    private final Deque<double[]> recent = new ArrayDeque<>();
    private int done;

    PAnneal(TrainConfig config) {
        super(config, config.l1(), config.l0Target() > 0);
    }

    /** The power after so many updates. */
    private double power(int updates) {
        PAnnealSettings s = config.panneal();
        return 1 + (s.end() - 1) * Math.min(updates, s.updates()) / s.updates();
    }

    /** How many updates lie before a step. */
    private int updates(long step) {
        double start = config.panneal().start().steps(config.steps(), config.batch());
        double every = (config.steps() - start) / (config.panneal().updates() + 1);
        return step < start || every <= 0
                ? 0
                : (int) Math.min(config.panneal().updates(), Math.floor((step - start) / every));
    }

    @Override
    public StepRule.Builder rule(long step, AdamRule adam) {
        double next = done < config.panneal().updates() ? power(done + 1) : 0;
        return base(Selection.POSITIVE, adam).sparsity(Sparsity.lp(lambda.at(step), power(done), next));
    }

    @Override
    public void observe(long step, StepMetrics metrics) {
        super.observe(step, metrics);
        recent.addLast(new double[] {metrics.power(), metrics.powerNext()});
        if (recent.size() > QUEUE) {
            recent.removeFirst();
        }
        if (updates(step + 1) > done) {
            double old = recent.stream().mapToDouble(r -> r[0]).sum();
            double next = recent.stream().mapToDouble(r -> r[1]).sum();
            if (next > 0 && old > 0) {
                lambda.multiply(old / next);
            }
            done++;
            recent.clear();
        }
    }

    @Override
    public Map<String, Double> state() {
        Map<String, Double> state = super.state();
        state.put("updates", (double) done);
        int i = 0;
        for (double[] r : recent) {
            state.put("recent." + i, r[0]);
            state.put("recent_next." + i++, r[1]);
        }
        return state;
    }

    @Override
    public void restore(Map<String, Double> state) {
        super.restore(state);
        done = (int) (double) state.getOrDefault("updates", 0.0);
        recent.clear();
        for (int i = 0; state.containsKey("recent." + i); i++) {
            recent.addLast(
                    new double[] {state.getOrDefault("recent." + i, 0.0), state.getOrDefault("recent_next." + i, 0.0)});
        }
    }
}
