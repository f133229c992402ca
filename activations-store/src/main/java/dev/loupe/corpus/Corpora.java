package dev.loupe.corpus;

import dev.loupe.base.UsageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Opens the corpora that {@code --text} can name. */
public final class Corpora {
    /** The multilingual demo text that ships inside the project. */
    public static final String EUROPARL = "builtin:europarl";

    /** The field of a JSON line that holds the text, unless another is named. */
    public static final String DEFAULT_JSON_FIELD = "text";

    /** Fields that are taken where the default one is missing: token ids, conversations. */
    static final List<String> OTHER_FIELDS =
            List.of("tokens", "input_ids", "messages", "conversations", "conversation", "content");

    private Corpora() {}

    /**
     * Opens a corpus; nothing is read yet.
     *
     * @param spec {@code builtin:europarl}, some of its languages ({@code builtin:europarl:en,fr}),
     *     {@code hf:DATASET[:CONFIG[:SPLIT[:FIELD]]]}, a file named as in {@link TextFile}, or a folder of them
     * @param jsonField the field that holds the text of a JSON line; blank for {@value #DEFAULT_JSON_FIELD}
     * @throws UsageException if there is no such file or it is of another kind
     */
    public static DocumentSource of(String spec, String jsonField) {
        if (spec.equals(EUROPARL)) {
            return new EuroparlSource();
        }
        if (spec.startsWith(EUROPARL + ":")) {
            return LanguageFilter.of(new EuroparlSource(), spec.substring(EUROPARL.length() + 1));
        }
        if (spec.startsWith(HubDataset.PREFIX)) {
            return HubDataset.of(spec, jsonField, System.getenv());
        }
        if (spec.startsWith("builtin:")) {
            throw new UsageException("There is no built-in text \"" + spec + "\"; there is " + EUROPARL + ".");
        }
        Path path = Path.of(spec);
        if (!Files.exists(path)) {
            throw new UsageException("There is no text at " + path
                    + "; give a file (" + TextFile.NAMES + "), a folder of them, " + HubDataset.PREFIX + "DATASET or "
                    + EUROPARL + ".");
        }
        return FileSource.of(path, jsonField.isBlank() ? DEFAULT_JSON_FIELD : jsonField.strip());
    }
}
