package dev.loupe.diagnose;

import dev.loupe.model.HookPoint;
import dev.loupe.sae.Sae;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What a study wants from a round.
 *
 * @param hooks hook points of the model, read while it reads the text
 * @param tokens of text that are enough; the text may be shorter
 * @param rows hook points of the store (those of a crosscoder joined by commas)
 * @param saes whose active latents are wanted for every row
 * @param rowLimit rows of the store that are enough
 * @param trials changes of the model whose effect is wanted
 */
public record Wants(
        Set<HookPoint> hooks, long tokens, Set<String> rows, List<Sae> saes, long rowLimit, List<Trial> trials) {
    private static final Wants NOTHING = new Wants(Set.of(), 0, Set.of(), List.of(), 0, List.of());

    /** Copies. */
    public Wants {
        hooks = Set.copyOf(hooks);
        rows = Set.copyOf(rows);
        saes = List.copyOf(saes);
        trials = List.copyOf(trials);
    }

    /** Nothing: the study is ready. */
    public static Wants nothing() {
        return NOTHING;
    }

    /** Hook points of the model on the whole text. */
    public static Wants model(Collection<HookPoint> hooks) {
        return new Wants(new LinkedHashSet<>(hooks), Long.MAX_VALUE, Set.of(), List.of(), 0, List.of());
    }

    /** Rows of hook points of the store. */
    public static Wants rows(String... hooks) {
        return new Wants(Set.of(), 0, Set.of(hooks), List.of(), Long.MAX_VALUE, List.of());
    }

    /** Active latents for the rows of the store. */
    public static Wants codes(Sae... saes) {
        return new Wants(Set.of(), 0, Set.of(), List.of(saes), Long.MAX_VALUE, List.of());
    }

    /** Effects of changes. */
    public static Wants trials(List<Trial> trials) {
        return new Wants(Set.of(), 0, Set.of(), List.of(), 0, trials);
    }

    /** Everything that this and another one want; the larger limits count. */
    public Wants and(Wants other) {
        Set<HookPoint> allHooks = new LinkedHashSet<>(hooks);
        allHooks.addAll(other.hooks);
        Set<String> allRows = new LinkedHashSet<>(rows);
        allRows.addAll(other.rows);
        Set<Sae> allSaes = new LinkedHashSet<>(saes);
        allSaes.addAll(other.saes);
        List<Trial> allTrials = new java.util.ArrayList<>(trials);
        allTrials.addAll(other.trials);
        return new Wants(
                allHooks,
                Math.max(tokens, other.tokens),
                allRows,
                List.copyOf(allSaes),
                Math.max(rowLimit, other.rowLimit),
                allTrials);
    }

    /** The same with so many tokens or rows at most. */
    public Wants upTo(long limit) {
        return new Wants(hooks, Math.min(tokens, limit), rows, saes, Math.min(rowLimit, limit), trials);
    }

    /** Whether nothing is wanted. */
    public boolean isNothing() {
        return !ofModel() && !ofStore() && trials.isEmpty();
    }

    boolean ofModel() {
        return tokens > 0;
    }

    boolean ofStore() {
        return rowLimit > 0;
    }
}
