package dev.loupe.train;

import dev.loupe.base.Fmt;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Parts of a run that are longer than the run, as those of published recipes are in a short one. */
final class LongSpans {
    private LongSpans() {}

    /** What to say of them; nothing if all end within the run. */
    static Optional<String> note(TrainConfig c) {
        List<String> found = new ArrayList<>();
        add("learning_rate_warmup", c.learningRateWarmup(), c, found);
        add("learning_rate_decay", c.learningRateDecay(), c, found);
        boolean choosesK = c.method().choosesK();
        if (!choosesK) {
            add("sparsity_warmup", c.sparsityWarmup(), c, found);
        }
        if (c.method() == Method.PANNEAL) {
            add("panneal.start", c.panneal().start(), c, found);
        }
        boolean revives = c.aux() > 0 && (choosesK || c.method() == Method.JUMPRELU);
        if (revives || c.recycle().policy().equals("resample")) {
            add("dead_window", c.deadWindow(), c, found);
        }
        if (c.recycle().on()) {
            add("recycle.every", c.recycle().every(), c, found);
        }
        return found.isEmpty()
                ? Optional.empty()
                : Optional.of("Longer than the run of " + Fmt.count(c.steps()) + " steps, so that it ends before them: "
                        + String.join(", ", found) + ".");
    }

    private static void add(String setting, Span span, TrainConfig c, List<String> found) {
        if (span.steps(c.steps(), c.batch()) > c.steps()) {
            found.add(setting + " (" + span.json() + ")");
        }
    }
}
