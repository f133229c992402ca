package dev.loupe.http;

import dev.loupe.model.Tokenizer;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * A request of {@code /v1/completions}, checked.
 *
 * @param common what it has in common with conversations
 * @param prompts token ids, one text each
 * @param texts the prompts as text, for {@code echo}
 * @param echo whether the prompt stands in front of the text
 */
record CompletionRequest(WritingRequest common, List<int[]> prompts, List<String> texts, boolean echo) {
    static final Set<String> KNOWN = known();

    private static Set<String> known() {
        Set<String> all = new HashSet<>(WritingRequest.KNOWN);
        all.addAll(Set.of("prompt", "max_tokens", "echo", "best_of", "suffix"));
        return Set.copyOf(all);
    }

    static CompletionRequest of(JsonNode body, Workbench bench) {
        Fields f = new Fields(body);
        f.only(KNOWN);
        if (!f.text("suffix", "").isEmpty()) {
            throw new BadParameter("This server does not insert: leave out suffix.", "suffix");
        }
        boolean wanted = f.has("logprobs");
        int alternatives = wanted ? f.integer("logprobs", 0, 0, 5) : 0;
        int most = f.integer("max_tokens", 16, 0, WritingRequest.MOST_TOKENS);
        WritingRequest common = WritingRequest.of(f, bench, most, wanted, alternatives);
        if (f.integer("best_of", common.n(), 1, WritingRequest.MOST_TEXTS) != common.n()) {
            throw new BadParameter("This server does not choose among texts: leave out best_of.", "best_of");
        }
        Tokenizer tokenizer = common.model().tokenizer();
        List<int[]> prompts = new ArrayList<>();
        prompts(f.node("prompt"), tokenizer, prompts);
        prompts.forEach(p -> common.fitting(p, "prompt"));
        common.fewEnough(prompts);
        return new CompletionRequest(
                common,
                prompts,
                prompts.stream().map(p -> tokenizer.decode(p, true)).toList(),
                f.flag("echo"));
    }

    private static void prompts(JsonNode prompt, Tokenizer tokenizer, List<int[]> into) {
        if (prompt.isString()) {
            into.add(tokenizer.encode(prompt.asString()));
        } else if (prompt.isArray() && !prompt.isEmpty() && prompt.get(0).isIntegralNumber()) {
            int[] ids = new int[prompt.size()];
            for (int i = 0; i < ids.length; i++) {
                JsonNode id = prompt.get(i);
                if (!id.isIntegralNumber() || !id.canConvertToInt()) {
                    throw new BadParameter("A prompt of token ids must hold whole numbers only.", "prompt");
                }
                ids[i] = id.asInt();
            }
            into.add(ids);
        } else if (prompt.isArray()
                && !prompt.isEmpty()
                && (prompt.get(0).isString() || prompt.get(0).isArray())) {
            prompt.forEach(p -> prompts(p, tokenizer, into));
        } else {
            throw new BadParameter("The prompt must be a text, a list of texts or a list of token ids.", "prompt");
        }
    }
}
