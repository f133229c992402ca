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

    private static final List<String> ALL = List.of(LAYER_NORM, IDENTITY, HALF, ATTENTION);

    private PatchRules() {}

    /**
     * Checked, lower-case rule names.
     *
     * @throws UsageException naming the first unknown one
     */
    static Set<String> parse(List<String> names) {
        Set<String> rules = new TreeSet<>();
        for (String name : names) {
            String rule = name.toLowerCase(Locale.ROOT);
            if (!ALL.contains(rule)) {
                throw new UsageException(
                        "There is no relevance rule \"" + name + "\"; use any of ln, identity, half, ah.");
            }
            rules.add(rule);
        }
        return rules;
    }

    /** The rules as the model's backward pass takes them. */
    static Rules of(List<String> names) {
        Set<String> on = parse(names);
        return new Rules(on.contains(LAYER_NORM), on.contains(IDENTITY), on.contains(HALF), on.contains(ATTENTION));
    }
}
