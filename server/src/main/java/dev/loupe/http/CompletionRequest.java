package dev.loupe.http;

import dev.loupe.model.Sampling;
import dev.loupe.model.Tokenizer;
import dev.loupe.service.Models;
import dev.loupe.service.Workbench;
import dev.loupe.steer.Variant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A request of {@code /v1/completions}, checked. A parameter that would change the text and that this server does not
 * have is refused rather than ignored.
 *
 * @param model the model's name
 * @param prompts token ids, one text each
 * @param texts the prompts as text, for {@code echo}
 * @param n texts per prompt
 * @param sampling how tokens are chosen
 * @param logProbs whether log-probabilities are wanted
 * @param echo whether the prompt stands in front of the text
 * @param stream whether tokens are sent as they come
 * @param usage whether the stream ends with the counts
 * @param variant the edits
 */
record CompletionRequest(
        String model,
        List<int[]> prompts,
        List<String> texts,
        int n,
        Sampling sampling,
        boolean logProbs,
        boolean echo,
        boolean stream,
        boolean usage,
        Variant variant) {
    private static final int MOST_TOKENS = 4096;
    private static final int MOST_TEXTS = 16;
    private static final Set<String> KNOWN = Set.of(
            "model",
            "prompt",
            "max_tokens",
            "temperature",
            "top_p",
            "top_k",
            "n",
            "stream",
            "stream_options",
            "logprobs",
            "echo",
            "stop",
            "seed",
            "user",
            "loupe",
            "presence_penalty",
            "frequency_penalty",
            "best_of",
            "suffix",
            "logit_bias");

    static CompletionRequest of(JsonNode body, Workbench bench) {
        if (!body.isObject()) {
            throw new Completions.BadParameter("The body must be a JSON object.", null);
        }
        for (String key : body.propertyNames()) {
            if (!KNOWN.contains(key)) {
                throw new Completions.BadParameter("The parameter " + key + " is unknown.", key);
            }
        }
        refuse(body, "presence_penalty", 0);
        refuse(body, "frequency_penalty", 0);
        refuse(body, "best_of", 1);
        if (!body.path("suffix").isMissingNode()
                && !body.path("suffix").isNull()
                && !body.path("suffix").asString("").isEmpty()) {
            throw new Completions.BadParameter("This server does not insert: leave out suffix.", "suffix");
        }
        if (!body.path("logit_bias").isEmpty()) {
            throw new Completions.BadParameter("This server has no logit_bias: use loupe.edits instead.", "logit_bias");
        }
        String model = body.path("model").isMissingNode() ? Models.BUILTIN : text(body, "model", "");
        Tokenizer tokenizer = bench.models().open(model).tokenizer();
        List<int[]> prompts = new ArrayList<>();
        prompts(body.path("prompt"), tokenizer, prompts);
        int n = (int) number(body, "n", 1, 1, MOST_TEXTS);
        if (prompts.size() * n > MOST_TEXTS) {
            throw new Completions.BadParameter("At most " + MOST_TEXTS + " texts at a time.", "n");
        }
        JsonNode logprobs = body.path("logprobs");
        boolean wanted = !logprobs.isMissingNode() && !logprobs.isNull();
        if (wanted && number(body, "logprobs", 0, 0, 5) > 1) {
            throw new Completions.BadParameter(
                    "This server gives the log-probabilities of the chosen tokens only: logprobs is 0 or 1.",
                    "logprobs");
        }
        Sampling sampling = new Sampling(
                (int) number(body, "max_tokens", 16, 0, MOST_TOKENS),
                number(body, "temperature", 1, 0, 10),
                (int) number(body, "top_k", 0, 0, Integer.MAX_VALUE),
                number(body, "top_p", 1, Double.MIN_NORMAL, 1),
                body.path("seed").isIntegralNumber()
                        ? body.path("seed").asLong()
                        : ThreadLocalRandom.current().nextLong(),
                stop(body.path("stop")),
                wanted);
        return new CompletionRequest(
                model,
                prompts,
                prompts.stream().map(p -> tokenizer.decode(p, true)).toList(),
                n,
                sampling,
                wanted,
                flag(body, "echo"),
                flag(body, "stream"),
                body.path("stream_options").path("include_usage").asBoolean(false),
                variant(body.path("loupe"), bench));
    }

    /** The sampling of one text: each of several texts has a seed of its own. */
    Sampling sampling(int choice) {
        return new Sampling(
                sampling.maxTokens(),
                sampling.temperature(),
                sampling.topK(),
                sampling.topP(),
                sampling.seed() + choice,
                sampling.stop(),
                sampling.logProbs());
    }

    private static void prompts(JsonNode prompt, Tokenizer tokenizer, List<int[]> into) {
        if (prompt.isString()) {
            into.add(nonEmpty(tokenizer.encode(prompt.asString())));
        } else if (prompt.isArray() && !prompt.isEmpty() && prompt.get(0).isIntegralNumber()) {
            int[] ids = new int[prompt.size()];
            for (int i = 0; i < ids.length; i++) {
                JsonNode id = prompt.get(i);
                if (!id.canConvertToInt() || !id.isIntegralNumber()) {
                    throw new Completions.BadParameter("A prompt of token ids must hold whole numbers only.", "prompt");
                }
                ids[i] = id.asInt();
            }
            into.add(ids);
        } else if (prompt.isArray()
                && !prompt.isEmpty()
                && (prompt.get(0).isString() || prompt.get(0).isArray())) {
            prompt.forEach(p -> prompts(p, tokenizer, into));
        } else {
            throw new Completions.BadParameter(
                    "The prompt must be a text, a list of texts or a list of token ids.", "prompt");
        }
    }

    private static int[] nonEmpty(int[] ids) {
        if (ids.length == 0) {
            throw new Completions.BadParameter("The prompt is empty; give a text to continue.", "prompt");
        }
        return ids;
    }

    private static List<String> stop(JsonNode stop) {
        if (stop.isMissingNode() || stop.isNull()) {
            return List.of();
        }
        List<String> all = new ArrayList<>();
        if (stop.isString()) {
            all.add(stop.asString());
        } else if (stop.isArray()) {
            stop.forEach(s -> all.add(s.asString("")));
        }
        if (all.isEmpty() || all.contains("")) {
            throw new Completions.BadParameter("stop must be a text or a list of texts that are not empty.", "stop");
        }
        return all;
    }

    private static Variant variant(JsonNode loupe, Workbench bench) {
        if (loupe.isMissingNode() || loupe.isNull()) {
            return Variant.NONE;
        }
        boolean named = loupe.has("variant");
        if (!loupe.isObject() || named == loupe.has("edits")) {
            throw new Completions.BadParameter("loupe must be {\"edits\": [...]} or {\"variant\": \"name\"}.", "loupe");
        }
        if (named) {
            return bench.steer().variant(loupe.path("variant").asString(""));
        }
        return Variant.of((ObjectNode) loupe);
    }

    private static void refuse(JsonNode body, String key, double only) {
        JsonNode value = body.path(key);
        if (!value.isMissingNode() && !value.isNull() && !(value.isNumber() && value.asDouble() == only)) {
            throw new Completions.BadParameter("This server does not have " + key + ": leave it out.", key);
        }
    }

    private static double number(JsonNode body, String key, double otherwise, double least, double most) {
        JsonNode value = body.path(key);
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (!value.isNumber() || !(value.asDouble() >= least && value.asDouble() <= most)) {
            throw new Completions.BadParameter(key + " is out of range.", key);
        }
        return value.asDouble();
    }

    private static boolean flag(JsonNode body, String key) {
        JsonNode value = body.path(key);
        if (!value.isMissingNode() && !value.isNull() && !value.isBoolean()) {
            throw new Completions.BadParameter(key + " must be true or false.", key);
        }
        return value.asBoolean(false);
    }

    private static String text(JsonNode body, String key, String otherwise) {
        JsonNode value = body.path(key);
        if (!value.isString()) {
            throw new Completions.BadParameter(key + " must be a text.", key);
        }
        return value.asString(otherwise);
    }
}
