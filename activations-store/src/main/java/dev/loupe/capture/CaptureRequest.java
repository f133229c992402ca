package dev.loupe.capture;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.Names;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.Corpora;
import dev.loupe.store.Dtype;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What to capture. Begin with {@link #of} and change what differs from the defaults.
 *
 * @param name the store's name
 * @param storesDir the folder that stores lie in
 * @param model what opens the model, for whoever runs the request
 * @param text {@code builtin:europarl}, a {@code .txt} or {@code .jsonl} file, or a folder of them
 * @param jsonField the field of JSON lines that holds the text; blank for {@code text}
 * @param hooks hook points, at least one
 * @param tokens rows to store, held-out ones included; fewer if the text ends before
 * @param context longest sequence in tokens, BOS included; 0 for 256 or the model's limit if that is lower
 * @param prependBos whether every sequence starts with BOS; null for yes if the model has one
 * @param dtype {@code float32}, {@code float16} or {@code bf16}
 * @param heldOut share or file that holds documents out; blank for the model's own list with
 *     {@code builtin:europarl}, else 0.01
 * @param seed of the order of documents
 * @param rules choices that are seldom made; null for the defaults
 */
@JsonNaming(SnakeCaseStrategy.class)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record CaptureRequest(
        String name,
        Path storesDir,
        String model,
        String text,
        String jsonField,
        List<String> hooks,
        long tokens,
        int context,
        @Nullable Boolean prependBos,
        String dtype,
        String heldOut,
        long seed,
        @Nullable CaptureRules rules) {

    /** Checks what can be checked without a model. */
    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    public CaptureRequest {
        Names.check(name);
        hooks = List.copyOf(new LinkedHashSet<>(hooks));
        jsonField = jsonField == null ? "" : jsonField;
        dtype = dtype == null || dtype.isBlank()
                ? Dtype.FLOAT32.id()
                : Dtype.of(dtype).id();
        heldOut = heldOut == null ? "" : heldOut;
        if (hooks.isEmpty()) {
            throw new UsageException("Name at least one hook point to capture, such as blocks.3.hook_resid_post.");
        }
        if (tokens < 1) {
            throw new UsageException("The number of tokens to capture must be at least 1; it is " + tokens + ".");
        }
        if (context < 0) {
            throw new UsageException("The context must be at least 1 token; it is " + context + ".");
        }
    }

    /** A request by the default rules. */
    public CaptureRequest(
            String name,
            Path storesDir,
            String model,
            String text,
            String jsonField,
            List<String> hooks,
            long tokens,
            int context,
            @Nullable Boolean prependBos,
            String dtype,
            String heldOut,
            long seed) {
        this(name, storesDir, model, text, jsonField, hooks, tokens, context, prependBos, dtype, heldOut, seed, null);
    }

    /** A request with the defaults: float32, BOS as the model has it, seed 0. */
    public static CaptureRequest of(
            String name, Path storesDir, String model, String text, List<String> hooks, long tokens) {
        return new CaptureRequest(
                name, storesDir, model, text, Corpora.DEFAULT_JSON_FIELD, hooks, tokens, 0, null, "", "", 0);
    }

    /** Where the finished store lies. */
    public Path folder() {
        return storesDir.resolve(name);
    }

    /** The same with another text field of JSON lines. */
    public CaptureRequest withJsonField(String field) {
        return new CaptureRequest(
                name, storesDir, model, text, field, hooks, tokens, context, prependBos, dtype, heldOut, seed, rules);
    }

    /** The same with another longest sequence. */
    public CaptureRequest withContext(int newContext) {
        return new CaptureRequest(
                name,
                storesDir,
                model,
                text,
                jsonField,
                hooks,
                tokens,
                newContext,
                prependBos,
                dtype,
                heldOut,
                seed,
                rules);
    }

    /** The same with or without BOS. */
    public CaptureRequest withPrependBos(@Nullable Boolean prepend) {
        return new CaptureRequest(
                name, storesDir, model, text, jsonField, hooks, tokens, context, prepend, dtype, heldOut, seed, rules);
    }

    /** The same with another dtype of the files. */
    public CaptureRequest withDtype(String newDtype) {
        return new CaptureRequest(
                name,
                storesDir,
                model,
                text,
                jsonField,
                hooks,
                tokens,
                context,
                prependBos,
                newDtype,
                heldOut,
                seed,
                rules);
    }

    /** The same with another held-out rule. */
    public CaptureRequest withHeldOut(String shareOrFile) {
        return new CaptureRequest(
                name,
                storesDir,
                model,
                text,
                jsonField,
                hooks,
                tokens,
                context,
                prependBos,
                dtype,
                shareOrFile,
                seed,
                rules);
    }

    /** The same with another model. */
    public CaptureRequest withModel(String newModel) {
        return new CaptureRequest(
                name,
                storesDir,
                newModel,
                text,
                jsonField,
                hooks,
                tokens,
                context,
                prependBos,
                dtype,
                heldOut,
                seed,
                rules);
    }

    /** The same with another order of documents. */
    public CaptureRequest withSeed(long newSeed) {
        return new CaptureRequest(
                name,
                storesDir,
                model,
                text,
                jsonField,
                hooks,
                tokens,
                context,
                prependBos,
                dtype,
                heldOut,
                newSeed,
                rules);
    }

    /** The same by other rules. */
    public CaptureRequest withRules(CaptureRules newRules) {
        return new CaptureRequest(
                name,
                storesDir,
                model,
                text,
                jsonField,
                hooks,
                tokens,
                context,
                prependBos,
                dtype,
                heldOut,
                seed,
                newRules);
    }

    CaptureRules rulesOrDefault() {
        return rules == null ? CaptureRules.NONE : rules;
    }
}
