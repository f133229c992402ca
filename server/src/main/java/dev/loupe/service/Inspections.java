package dev.loupe.service;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.inspect.AblationEffect;
import dev.loupe.inspect.AttentionPattern;
import dev.loupe.inspect.Attributor;
import dev.loupe.inspect.InspectedText;
import dev.loupe.inspect.LatentAblation;
import dev.loupe.inspect.LensGrid;
import dev.loupe.inspect.LogitAttribution;
import dev.loupe.inspect.TextInspector;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import org.jspecify.annotations.Nullable;

/** Looking into a model on one text: logit lens, attention, what adds up to a logit, what a latent is good for. */
public final class Inspections {
    private final Models models;
    private final Saes saes;
    private final Features features;

    Inspections(Models models, Saes saes, Features features) {
        this.models = models;
        this.saes = saes;
        this.features = features;
    }

    /** The text as the model reads it, with what was cut. */
    public InspectedText text(InspectRequest r) {
        return text(model(r), r);
    }

    /** The logit lens at every layer and position. */
    public LensGrid lens(InspectRequest r, Progress progress) {
        LanguageModel model = model(r);
        return new TextInspector(model)
                .lens(text(model, r), token(model, r.token()), r.top() == null ? 5 : r.top(), progress);
    }

    /** The attention pattern of every head of a layer. */
    public AttentionPattern attention(InspectRequest r) {
        LanguageModel model = model(r);
        return new TextInspector(model).attention(text(model, r), r.layer() == null ? 0 : r.layer());
    }

    /** What adds up to a logit. */
    public LogitAttribution attribution(InspectRequest r) {
        Sae sae = r.sae() == null || r.sae().isBlank() ? null : saes.open(r.sae());
        LanguageModel model = model(r);
        return new Attributor(model)
                .of(
                        text(model, r),
                        r.position() == null ? -1 : r.position(),
                        token(model, r.token()),
                        token(model, r.versus()),
                        sae);
    }

    /**
     * What a model loses on a text when a latent is taken out.
     *
     * @param positions at most so many positions are taken out alone
     */
    public AblationEffect ablation(String sae, int id, String text, int positions, Progress progress) {
        Sae s = saes.open(sae);
        LanguageModel model = models.of(s);
        int trained = s.needs().contextSize();
        int most = trained > 0 ? Math.min(trained, InspectedText.MOST_TOKENS) : InspectedText.MOST_TOKENS;
        InspectedText read = InspectedText.of(model, text, features.prependBos(s), most);
        return LatentAblation.run(s, model, read, id, positions, progress);
    }

    private LanguageModel model(InspectRequest r) {
        if (r.model() == null || r.model().isBlank()) {
            return r.sae() == null || r.sae().isBlank() ? models.open(Models.BUILTIN) : models.of(saes.open(r.sae()));
        }
        return models.open(r.model());
    }

    private static InspectedText text(LanguageModel model, InspectRequest r) {
        return InspectedText.of(model, r.text(), r.bos() == null || r.bos(), InspectedText.MOST_TOKENS);
    }

    /** A token by its text, exactly or as the tokenizer cuts it; {@code #ID} names it by number. */
    static @Nullable Integer token(LanguageModel model, @Nullable String text) {
        if (text == null || text.isEmpty()) {
            return null;
        }
        if (text.matches("#\\d{1,9}")
                && Integer.parseInt(text.substring(1)) < model.config().dVocab()) {
            return Integer.valueOf(text.substring(1));
        }
        Integer exact = model.tokenizer().id(text);
        if (exact != null) {
            return exact;
        }
        int[] ids = model.tokenizer().encode(text, false);
        if (ids.length != 1) {
            throw new UsageException("\"" + text + "\" is no single token of the model " + model.id() + ": it is "
                    + String.join(" | ", model.tokenizer().pieces(ids)) + ". Give one of those, with its blank.");
        }
        return ids[0];
    }
}
