package dev.loupe.service;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.Names;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.TextRows;
import dev.loupe.corpus.Corpora;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.StoreManifest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Texts that feature indexes were made of without a capture: of each, its tokens, sequences and documents are kept
 * ({@code texts/NAME/}, some 30 bytes a token), so that a pass goes on where it stopped and whole sequences can be shown.
 * The same text, cut in the same way for the same hook point, is kept once.
 */
final class IndexTexts {
    private final Workspace workspace;

    IndexTexts(Workspace workspace) {
        this.workspace = workspace;
    }

    /** Whether an index's store is such a text. */
    boolean has(String name) {
        return Files.isRegularFile(folder(name).resolve(StoreManifest.FILE));
    }

    /** The tokens of a text; the caller closes them. */
    ActivationStore tokens(String name) {
        return ActivationStore.open(folder(name));
    }

    /** The rows of an SAE's hook point on a text; the caller closes them. */
    TextRows open(Sae sae, LanguageModel model, boolean prependBos, IndexSpec spec, String text, Progress progress) {
        CaptureRequest request = CaptureRequest.of(
                        "text",
                        workspace.texts(),
                        model.id(),
                        text,
                        Arrays.asList(sae.hookName().split(",", -1)),
                        spec.tokens() == null ? IndexSpec.TOKENS : spec.tokens())
                .withContext(spec.context() == null ? context(sae, model) : spec.context())
                .withHeldOut(spec.heldOut() == null ? "" : spec.heldOut())
                .withPrependBos(prependBos && model.tokenizer().bosId() != null);
        CaptureRequest fielded = spec.jsonField() == null ? request : request.withJsonField(spec.jsonField());
        return TextRows.open(named(fielded, model), model, progress);
    }

    /** As long as the SAE's training had it, where it says so. */
    private static int context(Sae sae, LanguageModel model) {
        return Math.min(sae.needs().contextSize(), model.config().nCtx()); // 0: the default
    }

    /** The name says what decides the tokens, so that another text is another store. */
    private static CaptureRequest named(CaptureRequest r, LanguageModel model) {
        List<Object> all = List.of(
                model.weightsChecksum(),
                model.tokenizer().checksum(),
                Corpora.of(r.text(), r.jsonField()).fingerprint(),
                r.withDtype("float32"));
        String hash = Checksums.sha256(Json.line(all).getBytes(StandardCharsets.UTF_8));
        return new CaptureRequest(
                "text-" + hash.substring(0, 12),
                r.storesDir(),
                r.model(),
                r.text(),
                r.jsonField(),
                r.hooks(),
                r.tokens(),
                r.context(),
                r.prependBos(),
                r.dtype(),
                r.heldOut(),
                r.seed());
    }

    private Path folder(String name) {
        return workspace.texts().resolve(Names.check(name));
    }
}
