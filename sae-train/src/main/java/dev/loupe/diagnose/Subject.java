package dev.loupe.diagnose;

import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What diagnostics look at: a model with text, a store, SAEs, checkpoints of a training; not all need be there. */
public final class Subject {
    private final @Nullable LanguageModel model;
    private final @Nullable TextSample text;
    private final @Nullable ActivationStore store;
    private final List<Sae> saes;
    private final List<Sae> checkpoints;
    private final Limits limits;

    /**
     * @param text what the model reads; null without a model
     * @param saes at most two count
     * @param checkpoints of one training as SAEs, in the order of steps
     */
    public Subject(
            @Nullable LanguageModel model,
            @Nullable TextSample text,
            @Nullable ActivationStore store,
            List<Sae> saes,
            List<Sae> checkpoints,
            Limits limits) {
        if ((model == null) != (text == null)) {
            throw new UsageException("A model needs a text to read: name a text or a store.");
        }
        this.model = model;
        this.text = text;
        this.store = store;
        this.saes = List.copyOf(saes);
        this.checkpoints = List.copyOf(checkpoints);
        this.limits = limits;
    }

    /** A model that reads a text. */
    public static Subject of(LanguageModel model, TextSample text, Limits limits) {
        return new Subject(model, text, null, List.of(), List.of(), limits);
    }

    /** What there is. */
    public Set<Need> has() {
        Set<Need> all = EnumSet.noneOf(Need.class);
        if (model != null) {
            all.add(Need.MODEL);
        }
        if (store != null) {
            all.add(Need.STORE);
        }
        if (!saes.isEmpty()) {
            all.add(Need.SAE);
        }
        if (saes.size() > 1) {
            all.add(Need.SAE_PAIR);
        }
        if (checkpoints.size() > 1) {
            all.add(Need.CHECKPOINTS);
        }
        return all;
    }

    /** The model. */
    public LanguageModel model() {
        return there(model, Need.MODEL);
    }

    /** The text that the model reads. */
    public TextSample text() {
        return there(text, Need.MODEL);
    }

    /** The store. */
    public ActivationStore store() {
        return there(store, Need.STORE);
    }

    /** The first SAE. */
    public Sae sae() {
        return there(saes.isEmpty() ? null : saes.getFirst(), Need.SAE);
    }

    /** The second SAE. */
    public Sae otherSae() {
        return there(saes.size() < 2 ? null : saes.get(1), Need.SAE_PAIR);
    }

    /** The SAEs. */
    public List<Sae> saes() {
        return saes;
    }

    /** Checkpoints of one training, in the order of steps. */
    public List<Sae> checkpoints() {
        return checkpoints;
    }

    /** How much to look at. */
    public Limits limits() {
        return limits;
    }

    private static <T> T there(@Nullable T value, Need need) {
        if (value == null) {
            throw new UsageException("This diagnostic needs " + need.words() + ", which was not named.");
        }
        return value;
    }
}
