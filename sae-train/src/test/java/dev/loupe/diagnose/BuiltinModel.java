package dev.loupe.diagnose;

import dev.loupe.corpus.Corpora;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.sae.Sae;
import java.nio.file.Path;
import java.util.List;

/** The embedded model on a little text, opened once for all tests of diagnostics. */
public final class BuiltinModel {
    private static final LanguageModel MODEL = open();
    private static final TextSample TEXT = TextSample.of(Corpora.of("builtin:europarl:en,de", ""), MODEL, 48, 1500, 0);

    private BuiltinModel() {}

    private static LanguageModel open() {
        return LanguageModels.open(
                LanguageModels.builtin(Path.of("target", "models")),
                ModelOptions.defaults().withId("builtin"));
    }

    public static LanguageModel model() {
        return MODEL;
    }

    public static TextSample text() {
        return TEXT;
    }

    /** The model reading the text; changes are tried on so many tokens. */
    public static Subject subject(long trialTokens, Sae... saes) {
        return new Subject(
                MODEL, TEXT, null, List.of(saes), List.of(), new Limits(1500, trialTokens, 1500, 64 << 20, 0));
    }
}
