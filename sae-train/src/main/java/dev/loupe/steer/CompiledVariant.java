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
    private final @Nullable CompiledCondition when;
    private final @Nullable CompiledCondition stop;
    private final List<String> words;

    CompiledVariant(
            LanguageModel model,
            Map<HookPoint, List<Direction>> directions,
            @Nullable CompiledCondition when,
            @Nullable CompiledCondition stop,
            List<String> words) {
        this.model = model;
        this.directions = directions;
        this.when = when;
        this.stop = stop;
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
            Gate gate = when == null ? null : gate(when, taps);
            if (stop != null) {
                Gate end = gate(stop, taps);
                taps.endWhen(() -> end.openAtLastGenerated(text.promptLength()));
            }
            directions.forEach((hook, d) -> taps.edit(hook, new HookEdits(d, text, gate)));
            return taps.build();
        }

        private Gate gate(CompiledCondition c, Taps.Builder taps) {
            Gate gate = new Gate(c.condition(), c.thresholds(), text);
            c.probes().forEach((hook, p) -> taps.edit(hook, a -> gate.probe(p, a)));
            return gate;
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
