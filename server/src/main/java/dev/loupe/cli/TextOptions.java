package dev.loupe.cli;

import dev.loupe.capture.CaptureRules;
import dev.loupe.corpus.Packing;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a text becomes sequences of tokens: options of whatever runs a model over one. */
final class TextOptions {
    @Mixin
    ModelChoice model = new ModelChoice();

    @Option(
            names = "--json-field",
            paramLabel = "F",
            description = "Field or column that holds the text or token ids (default: text).")
    String jsonField = "";

    @Option(
            names = "--context",
            paramLabel = "N",
            description = "Longest sequence in tokens (default: 256 or the model's limit).")
    int context;

    @Nullable Boolean prependBos;

    @Option(
            names = "--prepend-bos",
            negatable = true,
            description = "Whether every sequence starts with BOS (default: yes if the model has one).")
    private void prependBos(boolean value) {
        prependBos = value;
    }

    @Option(
            names = "--held-out",
            paramLabel = "SHARE|FILE",
            description =
                    "Documents that no training sees: a share by hash, or a file of hashes (default: the model's own"
                            + " list with builtin:europarl, else 0.01).")
    String heldOut = "";

    @Option(
            names = "--packing",
            paramLabel = "P",
            description =
                    "documents: a sequence holds one document; concatenated: documents one after the other, cut at"
                            + " the context (default: documents).")
    private String packing = "";

    @Option(
            names = "--exclude-first",
            paramLabel = "N",
            description = "Leave out the rows of the first N positions of every sequence, BOS counted (default: 0).")
    private int excludeFirst;

    @Option(
            names = "--mask-dims",
            split = ",",
            paramLabel = "D",
            description = "Set these dimensions to zero, comma separated (against massive activations).")
    private List<Integer> maskDimensions = List.of();

    @Option(names = "--clip", paramLabel = "X", description = "Keep no value larger than X or smaller than -X.")
    private @Nullable Double clip;

    /** Takes from a file what no option says. */
    void orElse(TrainFile file) {
        model.orElse(file.text("model", null));
        jsonField = file.text("json_field", jsonField.isBlank() ? null : jsonField) instanceof String s ? s : "";
        Integer longest = file.whole("context", context == 0 ? null : context);
        context = longest == null ? 0 : longest;
        prependBos = file.yes("prepend_bos", prependBos);
        heldOut = file.text("held_out", heldOut.isBlank() ? null : heldOut) instanceof String s ? s : "";
    }

    /** The rules, or null for the defaults. */
    @Nullable CaptureRules rules() {
        if (packing.isBlank() && excludeFirst == 0 && maskDimensions.isEmpty() && clip == null) {
            return null;
        }
        return new CaptureRules(
                packing.isBlank() ? null : Packing.of(packing),
                excludeFirst,
                maskDimensions.isEmpty() ? null : maskDimensions,
                clip);
    }

    /** Whether any option was given. */
    boolean given() {
        return model.given()
                || !jsonField.isBlank()
                || context != 0
                || prependBos != null
                || !heldOut.isBlank()
                || rules() != null;
    }
}
