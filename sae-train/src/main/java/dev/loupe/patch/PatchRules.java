package dev.loupe.patch;

import dev.loupe.base.UsageException;
import dev.loupe.model.Rules;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/** Names of RelP's relevance rules (arXiv 2508.21258): changes of the backward pass, forward values stay. */
final class PatchRules {
    /** Norm scale held fixed. */
    static final String LAYER_NORM = "ln";
    /** act(x)/x in place of the activation function's slope. */
    static final String IDENTITY = "identity";
    /** Each branch of a gated product gets half. */
    static final String HALF = "half";
    /** Attention pattern held fixed. */
    static final String ATTENTION = "ah";

    /** Soft gate in place of the activation function's slope; {@code soft:T} with a temperature other than 1. */
    static final String SOFT = "soft";

    private static final List<String> PLAIN = List.of(LAYER_NORM, IDENTITY, HALF, ATTENTION);

    private PatchRules() {}

    /**
     * The rules as the model's backward pass takes them.
     *
     * @throws UsageException naming the first unknown one
     */
    static Rules of(List<String> names) {
        Set<String> on = new TreeSet<>();
        double gate = 0;
        for (String name : names) {
            String rule = name.toLowerCase(Locale.ROOT);
            if (rule.equals(SOFT) || rule.startsWith(SOFT + ":")) {
                gate = temperature(name, rule);
            } else if (PLAIN.contains(rule)) {
                on.add(rule);
            } else {
                throw new UsageException("There is no relevance rule \"" + name
                        + "\"; use any of ln, identity, half, ah, soft (or soft:T with a temperature).");
            }
        }
        return new Rules(
                on.contains(LAYER_NORM), on.contains(IDENTITY), on.contains(HALF), on.contains(ATTENTION), gate);
    }

    private static double temperature(String name, String rule) {
        try {
            double t = rule.equals(SOFT) ? 1 : Double.parseDouble(rule.substring(SOFT.length() + 1));
            if (t > 0 && !Double.isInfinite(t)) {
                return t;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new UsageException("The temperature in \"" + name + "\" must be a number above 0, as in soft:0.5.");
    }
}
