package dev.loupe.ui;

import dev.loupe.service.SaeView;
import dev.loupe.service.Workbench;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What forms of patching and of circuits call methods, metrics and rules, and which SAEs they offer. */
final class PatchWords {
    private PatchWords() {}

    static Map<String, String> methods() {
        Map<String, String> methods = new LinkedHashMap<>();
        methods.put("relp", "Relevance patching (RelP)");
        methods.put("atp", "Attribution patching");
        methods.put("ig", "Integrated gradients");
        methods.put("ap", "Activation patching, exact and slow");
        methods.put("atp_qk", "Attribution patching, exact attention patterns (QK fix)");
        methods.put("atp_drop", "Attribution patching, GradDrop (no sign)");
        methods.put("atp_star", "AtP*: both corrections (no sign)");
        return methods;
    }

    static Map<String, String> metrics() {
        Map<String, String> metrics = new LinkedHashMap<>();
        metrics.put("difference", "logit difference");
        metrics.put("normalised", "difference, corrupted 0 to clean 1");
        metrics.put("logprob", "log-probability of the answer");
        metrics.put("probability", "probability, right less wrong");
        metrics.put("kl", "− KL from the clean run");
        return metrics;
    }

    static Map<String, String> rules() {
        Map<String, String> rules = new LinkedHashMap<>();
        rules.put("ln", "norm scale frozen");
        rules.put("identity", "identity for act. functions");
        rules.put("half", "half for gates");
        rules.put("ah", "attention frozen");
        rules.put("soft", "soft gate, not with identity");
        return rules;
    }

    /** SAEs of one hook point: neither transcoders nor crosscoders, and whole. */
    static List<SaeView> saes(Workbench workbench) {
        return workbench.saes().list().stream()
                .filter(s -> s.hookOut().isEmpty() && s.hook().indexOf(',') < 0 && s.problem() == null)
                .toList();
    }
}
