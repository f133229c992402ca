package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** The embedded model, where the peer finds it too. */
final class Builtin {
    private Builtin() {}

    static LanguageModel open(Path folder, Map<String, Object> setup) throws IOException {
        Path model = LanguageModels.builtin(folder.resolve("models"));
        java.util.Map<String, Object> all = new java.util.LinkedHashMap<>(setup);
        all.put("model", model.toAbsolutePath().toString());
        Json.write(folder.resolve("setup.json"), all);
        return LanguageModels.open(model, ModelOptions.defaults());
    }
}
