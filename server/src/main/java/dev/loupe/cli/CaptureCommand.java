package dev.loupe.cli;

import dev.loupe.base.Fmt;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureResult;
import dev.loupe.capture.CaptureRules;
import dev.loupe.corpus.Packing;
import dev.loupe.service.ModelReference;
import dev.loupe.service.Models;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Captures activations into a store. */
@Command(
        name = "capture",
        description =
                "Runs a model over text and stores the activations of hook points. Continues where it was stopped.")
final class CaptureCommand extends LoupeCommand {
    @Option(
            names = "--model",
            paramLabel = "M",
            description =
                    "Model: builtin, a name in models/, a folder, a .gguf file or a hub's owner/name (default: builtin).")
    private String model = Models.BUILTIN;

    @Option(
            names = "--weights",
            paramLabel = "W",
            description = "raw, or fold_ln, center_writing_weights, center_unembed, fold_value_biases, comma separated"
                    + " (default: raw).")
    private @Nullable String weights;

    @Option(
            names = "--text",
            required = true,
            paramLabel = "T",
            description =
                    "A .txt, .jsonl (also .gz, .zst), .parquet or .arrow file, a folder of them, hf:DATASET[:CONFIG:SPLIT:FIELD],"
                            + " or builtin:europarl (builtin:europarl:en,fr for some of its languages).")
    private String text = "";

    @Option(
            names = "--json-field",
            paramLabel = "F",
            description = "Field or column that holds the text or token ids (default: text).")
    private String jsonField = "";

    @Option(
            names = "--hook",
            required = true,
            split = ",",
            paramLabel = "H",
            description = "Hook points, comma separated (see loupe model hooks).")
    private List<String> hooks = List.of();

    @Option(
            names = "--tokens",
            required = true,
            paramLabel = "N",
            description = "Rows to store, held-out ones included.")
    private long tokens;

    @Option(names = "--name", required = true, paramLabel = "STORE", description = "Name of the store.")
    private String name = "";

    @Option(
            names = "--context",
            paramLabel = "N",
            description = "Longest sequence in tokens (default: 256 or the model's limit).")
    private int context;

    private @Nullable Boolean prependBos;

    @Option(
            names = "--prepend-bos",
            negatable = true,
            description = "Whether every sequence starts with BOS (default: yes if the model has one).")
    private void prependBos(boolean value) {
        prependBos = value;
    }

    @Option(names = "--dtype", paramLabel = "D", description = "float32, float16 or bf16 (default: float32).")
    private String dtype = "";

    @Option(
            names = "--held-out",
            paramLabel = "SHARE|FILE",
            description =
                    "Documents that no training sees: a share by hash, or a file of hashes (default: the model's own"
                            + " list with builtin:europarl, else 0.01).")
    private String heldOut = "";

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
            description = "Store these dimensions as zero, comma separated (against massive activations).")
    private List<Integer> maskDimensions = List.of();

    @Option(names = "--clip", paramLabel = "X", description = "Store no value larger than X or smaller than -X.")
    private @Nullable Double clip;

    @Option(names = "--seed", paramLabel = "N", description = "Seed of the order of documents (default: 0).")
    private long seed;

    @Override
    void run(Session session) {
        Path stores = session.workbench().workspace().activations();
        CaptureRequest request = new CaptureRequest(
                name,
                stores,
                ModelReference.of(model, weights),
                text,
                jsonField,
                hooks,
                tokens,
                context,
                prependBos,
                dtype,
                heldOut,
                seed,
                rules());
        CaptureResult r = session.job(
                "capture", request, p -> session.workbench().stores().capture(request, p));
        session.result(r, () -> {
            session.out.println("Store " + r.store() + ": " + Fmt.count(r.tokens()) + " tokens ("
                    + Fmt.count(r.heldOutTokens()) + " held out) of " + r.documents() + " documents, hook points "
                    + String.join(", ", r.hooks()) + ".");
            session.out.println(speed(r));
        });
    }

    private @Nullable CaptureRules rules() {
        if (packing.isBlank() && excludeFirst == 0 && maskDimensions.isEmpty() && clip == null) {
            return null;
        }
        return new CaptureRules(
                packing.isBlank() ? null : Packing.of(packing),
                excludeFirst,
                maskDimensions.isEmpty() ? null : maskDimensions,
                clip);
    }

    static String speed(CaptureResult r) {
        return r.reused()
                ? "It was there already; nothing to do."
                : Fmt.count(r.tokensPerSecond()) + " tokens/s, "
                        + Fmt.duration(Duration.ofMillis((long) (1000 * r.seconds()))) + ", peak memory "
                        + Fmt.bytes(r.peakMemoryBytes()) + ".";
    }
}
