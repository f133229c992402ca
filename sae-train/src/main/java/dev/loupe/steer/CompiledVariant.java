package dev.loupe.steer;

import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenListener;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A variant resolved against a model: every name found, every strength worked out, everything that cannot be applied
 * refused. May be kept and used for any number of texts, from several threads; {@link #on} makes what one text needs.
 */
public final class CompiledVariant {
    private final LanguageModel model;
    private final Map<HookPoint, List<Direction>> directions;
    private final @Nullable Condition condition;
    private final Map<Condition.Test, Double> thresholds;
    private final Map<HookPoint, List<Gate.Probe>> probes;
    private final List<String> words;

    CompiledVariant(
            LanguageModel model,
            Map<HookPoint, List<Direction>> directions,
            @Nullable Condition condition,
            Map<Condition.Test, Double> thresholds,
            Map<HookPoint, List<Gate.Probe>> probes,
            List<String> words) {
        this.model = model;
        this.directions = directions;
        this.condition = condition;
        this.thresholds = thresholds;
        this.probes = probes;
        this.words = List.copyOf(words);
    }

    /** What each edit comes to, in words and absolute units. */
    public List<String> words() {
        return words;
    }

    /**
     * The variant on one text. All rows of a batch are taken for this same text (its first tokens, at least).
     *
     * @param ids the tokens known so far
     * @param promptLength how many of them are the prompt
     */
    public Run on(int[] ids, int promptLength) {
        return new Run(new Text(model.tokenizer(), ids, promptLength));
    }

    /** A variant at work on one text; used by one thread. */
    public final class Run {
        private final Text text;

        private Run(Text text) {
            this.text = text;
        }

        /** The edits, for a forward pass or generation. */
        public Taps taps() {
            Taps.Builder taps = Taps.builder();
            Gate gate = condition == null ? null : new Gate(condition, thresholds, text);
            if (gate != null) {
                probes.forEach((hook, p) -> taps.edit(hook, a -> gate.probe(p, a)));
            }
            directions.forEach((hook, d) -> taps.edit(hook, new HookEdits(d, text, gate)));
            return taps.build();
        }

        /** Wraps a listener so that special tokens among the generated ones are known to the edits. */
        public TokenListener listening(TokenListener listener) {
            return (id, piece, logProb) -> {
                text.append(id);
                return listener.token(id, piece, logProb);
            };
        }
    }
}
