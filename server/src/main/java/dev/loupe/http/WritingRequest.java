package dev.loupe.http;

import dev.loupe.base.NotFoundException;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Sampling;
import dev.loupe.service.Models;
import dev.loupe.service.Workbench;
import dev.loupe.steer.Variant;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * What {@code /v1/completions} and {@code /v1/chat/completions} have in common, checked. A parameter that would change the
 * text and that this server does not have is refused rather than ignored.
 *
 * @param name the model's name as it was asked for, {@code model} or {@code model@variant}
 * @param model the model
 * @param variant the edits
 * @param n texts for each prompt
 * @param sampling how tokens are chosen
 * @param stream whether tokens are sent as they come
 * @param usage whether a stream ends with the counts
 */
record WritingRequest(
        String name, LanguageModel model, Variant variant, int n, Sampling sampling, boolean stream, boolean usage) {
    static final int MOST_TOKENS = 4096;
    static final int MOST_TEXTS = 16;

    /** Fields of both routes; those that change no text are accepted and have no effect. */
    static final Set<String> KNOWN = Set.of(
            "model",
            "temperature",
            "top_p",
            "top_k",
            "min_p",
            "repetition_penalty",
            "presence_penalty",
            "frequency_penalty",
            "logit_bias",
            "n",
            "stream",
            "stream_options",
            "stop",
            "seed",
            "logprobs",
            "loupe",
            "user",
            "store",
            "metadata",
            "service_tier",
            "safety_identifier",
            "prompt_cache_key");

    /**
     * Reads the common fields.
     *
     * @param maxTokens most new tokens
     * @param logProbs whether log-probabilities are wanted
     * @param alternatives how many of the likeliest tokens with them
     */
    static WritingRequest of(Fields f, Workbench bench, int maxTokens, boolean logProbs, int alternatives) {
        String name = f.has("model") ? f.text("model", "") : Models.BUILTIN;
        int at = name.lastIndexOf('@');
        boolean whole = at < 0 || known(bench, name);
        LanguageModel model = bench.models().open(whole ? name : name.substring(0, at));
        Variant variant = variant(f.node("loupe"), bench);
        if (!whole) {
            if (f.has("loupe")) {
                throw new BadParameter("The model's name has a variant already: leave out loupe or the @.", "loupe");
            }
            variant = bench.steer().variant(name.substring(at + 1));
        }
        if (f.has("stream_options") && !f.node("stream_options").isObject()) {
            throw new BadParameter("stream_options must be an object.", "stream_options");
        }
        Sampling sampling = new Sampling(
                maxTokens,
                f.number("temperature", 1, 0, 10),
                f.integer("top_k", 0, 0, Integer.MAX_VALUE),
                f.number("top_p", 1, Double.MIN_NORMAL, 1),
                f.number("min_p", 0, 0, 1),
                new Sampling.Penalties(
                        f.number("repetition_penalty", 1, 0.01, 100),
                        f.number("presence_penalty", 0, -2, 2),
                        f.number("frequency_penalty", 0, -2, 2),
                        f.logitBias(model.config().dVocab())),
                f.seed(),
                f.stop(),
                logProbs,
                alternatives);
        bench.steer().explain(model, variant); // what cannot be applied is refused before anything is written
        return new WritingRequest(
                name,
                model,
                variant,
                f.integer("n", 1, 1, MOST_TEXTS),
                sampling,
                f.flag("stream"),
                f.node("stream_options").path("include_usage").asBoolean(false));
    }

    private static boolean known(Workbench bench, String name) {
        try {
            bench.models().folder(name);
            return true;
        } catch (NotFoundException e) {
            return false;
        }
    }

    private static Variant variant(JsonNode loupe, Workbench bench) {
        if (loupe.isMissingNode() || loupe.isNull()) {
            return Variant.NONE;
        }
        boolean named = loupe.has("variant");
        if (!loupe.isObject() || named == loupe.has("edits")) {
            throw new BadParameter("loupe must be {\"edits\": [...]} or {\"variant\": \"name\"}.", "loupe");
        }
        return named ? bench.steer().variant(loupe.path("variant").asString("")) : Variant.of(loupe);
    }

    /** The sampling of one text: each of several texts has a seed of its own. */
    Sampling sampling(int choice) {
        return sampling.withSeed(sampling.seed() + choice);
    }

    /** Checks a prompt against the model's vocabulary and context. */
    int[] fitting(int[] prompt, String param) {
        if (prompt.length == 0) {
            throw new BadParameter("The prompt is empty; give a text to continue.", param);
        }
        for (int id : prompt) {
            if (id < 0 || id >= model.config().dVocab()) {
                throw new BadParameter("The token id " + id + " is not in the vocabulary of the model.", param);
            }
        }
        if (prompt.length >= model.config().nCtx()) {
            throw new BadParameter(
                    "The prompt has " + prompt.length + " tokens and the model reads at most "
                            + model.config().nCtx() + "; shorten it.",
                    param);
        }
        return prompt;
    }

    /** Refuses more texts at a time than the server writes. */
    void fewEnough(List<int[]> prompts) {
        if (prompts.size() * n > MOST_TEXTS) {
            throw new BadParameter("At most " + MOST_TEXTS + " texts at a time.", "n");
        }
    }
}
