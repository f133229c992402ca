package dev.loupe.patch;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.UsageException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * One question of patching: which parts of the model, given their value from the clean prompt, make the corrupted
 * prompt's run behave like the clean one? Missing JSON fields take the defaults named below.
 *
 * @param model the model's name (for the record; the caller opens it)
 * @param clean the prompt that shows the behaviour
 * @param corrupt its counterpart, of the same number of tokens
 * @param answer the token that follows the clean prompt, with its leading space if it has one
 * @param wrong the token that follows the corrupted prompt
 * @param method relp (default), atp, ap or ig
 * @param metric difference (default), normalised, logprob or kl
 * @param rules relevance rules of RelP: any of ln, identity, half, ah; default ln, identity, half
 * @param sites any of resid_pre, resid_mid, resid_post, attn_out, mlp_out, z, neurons, sae:NAME, error:NAME; default
 *     resid_pre, attn_out, mlp_out
 * @param steps points on the way from corrupt to clean for ig; default 16
 * @param prependBos whether the model's beginning-of-sequence token is put in front; default true
 * @param verify how many of the largest cells to check by exact patching, together with as many random ones; 0 none
 *     (default), negative all cells
 * @param seed of the choice of random cells to verify
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record PatchRequest(
        @Nullable String model,
        String clean,
        String corrupt,
        @Nullable String answer,
        @Nullable String wrong,
        String method,
        String metric,
        List<String> rules,
        List<String> sites,
        int steps,
        @Nullable Boolean prependBos,
        int verify,
        long seed) {
    /** The rules RelP uses when none are named. */
    public static final List<String> DEFAULT_RULES = List.of("ln", "identity", "half");

    /** The sites that are looked at when none are named. */
    public static final List<String> DEFAULT_SITES = List.of("resid_pre", "attn_out", "mlp_out");

    private static final int MAX_STEPS = 4096;

    /** Fills in defaults. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public PatchRequest {
        clean = clean == null ? "" : clean;
        corrupt = corrupt == null ? "" : corrupt;
        method = method == null ? PatchMethod.RELP.key() : method;
        metric = metric == null ? PatchMetric.DIFFERENCE.key() : metric;
        rules = rules == null ? DEFAULT_RULES : List.copyOf(rules);
        sites = sites == null || sites.isEmpty() ? DEFAULT_SITES : List.copyOf(sites);
        steps = steps == 0 ? 16 : steps;
    }

    /** A request with all defaults. */
    public static PatchRequest of(String clean, String corrupt, String answer, String wrong) {
        return new PatchRequest(
                null,
                clean,
                corrupt,
                answer,
                wrong,
                "relp",
                "difference",
                DEFAULT_RULES,
                DEFAULT_SITES,
                16,
                null,
                0,
                0);
    }

    /** The same request with another method. */
    public PatchRequest withMethod(PatchMethod m) {
        return new PatchRequest(
                model, clean, corrupt, answer, wrong, m.key(), metric, rules, sites, steps, prependBos, verify, seed);
    }

    /** The same request with another metric. */
    public PatchRequest withMetric(PatchMetric m) {
        return new PatchRequest(
                model, clean, corrupt, answer, wrong, method, m.key(), rules, sites, steps, prependBos, verify, seed);
    }

    /** The same request with other relevance rules. */
    public PatchRequest withRules(List<String> r) {
        return new PatchRequest(
                model, clean, corrupt, answer, wrong, method, metric, r, sites, steps, prependBos, verify, seed);
    }

    /** The same request at other sites. */
    public PatchRequest withSites(String... s) {
        return new PatchRequest(
                model,
                clean,
                corrupt,
                answer,
                wrong,
                method,
                metric,
                rules,
                List.of(s),
                steps,
                prependBos,
                verify,
                seed);
    }

    /** The same request with another number of integrated-gradients steps. */
    public PatchRequest withSteps(int n) {
        return new PatchRequest(
                model, clean, corrupt, answer, wrong, method, metric, rules, sites, n, prependBos, verify, seed);
    }

    /** The same request with another verification. */
    public PatchRequest withVerify(int n) {
        return new PatchRequest(
                model, clean, corrupt, answer, wrong, method, metric, rules, sites, steps, prependBos, n, seed);
    }

    /**
     * Checks everything that needs no model.
     *
     * @throws UsageException in one sentence
     */
    public void check() {
        if (clean.isBlank()) {
            throw new UsageException("The clean prompt is empty; give a text with --clean.");
        }
        if (corrupt.isBlank()) {
            throw new UsageException("The corrupted prompt is empty; give a text with --corrupt.");
        }
        PatchMethod.of(method);
        PatchMetric m = PatchMetric.of(metric);
        PatchRules.parse(rules);
        if (m != PatchMetric.KL && answer == null) {
            throw new UsageException(
                    "The metric " + m.key() + " needs the token that is right after the clean prompt: --answer.");
        }
        if ((m == PatchMetric.DIFFERENCE || m == PatchMetric.NORMALISED) && wrong == null) {
            throw new UsageException(
                    "The metric " + m.key() + " needs the token that is right after the corrupted prompt: --wrong.");
        }
        if (steps < 1 || steps > MAX_STEPS) {
            throw new UsageException("Integrated gradients takes 1 to " + MAX_STEPS + " steps, not " + steps + ".");
        }
        List<String> seen = new ArrayList<>();
        for (String site : sites) {
            SiteName.parse(site);
            if (seen.contains(site)) {
                throw new UsageException("The site " + site + " is named twice.");
            }
            seen.add(site);
        }
    }
}
