package dev.loupe.patch;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.UsageException;
import dev.loupe.patch.task.PatchPair;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
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
 * @param method relp (default), atp, ap, ig, atp_qk, atp_drop or atp_star
 * @param metric difference (default), normalised, logprob, probability or kl
 * @param rules relevance rules of RelP: any of ln, identity, half, ah, soft or soft:T; default ln,
 *     identity, half
 * @param sites any of resid_pre, resid_mid, resid_post, attn_out, mlp_out, q, k, v, z, z_pos (heads by position), neurons, sae:NAME, error:NAME; default
 *     resid_pre, attn_out, mlp_out
 * @param steps points on the way from corrupt to clean for ig; default 16
 * @param prependBos whether the model's beginning-of-sequence token is put in front; default true
 * @param verify how many of the largest cells to check by exact patching, together with as many random ones; 0 none
 *     (default), negative all cells
 * @param seed of the choice of random cells to verify, and of a task's pairs
 * @param answers more tokens that are right: with several, the metric takes them as a set
 * @param wrongs more tokens that are wrong
 * @param pairs more pairs; scores are means over all pairs, which have equally many tokens
 * @param task a task of the library whose pairs are taken, see {@link dev.loupe.patch.task.Tasks}; null for none
 * @param taskPairs how many pairs of the task; default 8
 * @param memoryMb memory for activations of a batch, in MiB; default 1024
 * @param onlyCorrect whether pairs are left out in which the model is wrong after the clean or the corrupted prompt
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
        long seed,
        List<String> answers,
        List<String> wrongs,
        List<PatchPair> pairs,
        @Nullable String task,
        int taskPairs,
        int memoryMb,
        boolean onlyCorrect) {
    /** The rules RelP uses when none are named. */
    public static final List<String> DEFAULT_RULES = List.of("ln", "identity", "half");

    /** The sites that are looked at when none are named. */
    public static final List<String> DEFAULT_SITES = List.of("resid_pre", "attn_out", "mlp_out");

    private static final int MAX_STEPS = 4096;
    private static final int MAX_PAIRS = 10_000;

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
        answers = answers == null ? List.of() : List.copyOf(answers);
        wrongs = wrongs == null ? List.of() : List.copyOf(wrongs);
        pairs = pairs == null ? List.of() : List.copyOf(pairs);
        taskPairs = taskPairs == 0 ? 8 : taskPairs;
        memoryMb = memoryMb == 0 ? 1024 : memoryMb;
    }

    /** The tokens of a text that names one or several, {@code " is| was"}: what lies between bars. */
    public static List<String> alternatives(String text) {
        List<String> parts =
                Arrays.stream(text.split("\\|", -1)).filter(p -> !p.isEmpty()).toList();
        return parts.isEmpty() && !text.isEmpty() ? List.of(text) : parts; // a bar alone is a token
    }

    /** A request about one pair with one answer on each side. */
    public PatchRequest(
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
        this(
                model,
                clean,
                corrupt,
                answer,
                wrong,
                method,
                metric,
                rules,
                sites,
                steps,
                prependBos,
                verify,
                seed,
                List.of(),
                List.of(),
                List.of(),
                null,
                0,
                0,
                false);
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
        return with(d -> d.method = m.key());
    }

    /** The same request with another metric. */
    public PatchRequest withMetric(PatchMetric m) {
        return with(d -> d.metric = m.key());
    }

    /** The same request with other relevance rules. */
    public PatchRequest withRules(List<String> r) {
        return with(d -> d.rules = r);
    }

    /** The same request at other sites. */
    public PatchRequest withSites(String... s) {
        return with(d -> d.sites = List.of(s));
    }

    /** The same request with another number of integrated-gradients steps. */
    public PatchRequest withSteps(int n) {
        return with(d -> d.steps = n);
    }

    /** The same request with another verification. */
    public PatchRequest withVerify(int n) {
        return with(d -> d.verify = n);
    }

    /** The same request of another model. */
    public PatchRequest withModel(String name) {
        return with(d -> d.model = name);
    }

    /** The same request with more pairs. */
    public PatchRequest withPairs(List<PatchPair> more) {
        return with(d -> d.pairs = more);
    }

    /** The same request about pairs of a task. */
    public PatchRequest withTask(String name, int howMany) {
        return with(d -> {
            d.task = name;
            d.taskPairs = howMany;
        });
    }

    /** The same request within other memory, in MiB. */
    public PatchRequest withMemory(int mebibytes) {
        return with(d -> d.memoryMb = mebibytes);
    }

    /** The same request with the choices of verified cells and of a task's pairs made by another seed. */
    public PatchRequest withSeed(long s) {
        return with(d -> d.seed = s);
    }

    private PatchRequest with(Consumer<Draft> change) {
        Draft d = new Draft(this);
        change.accept(d);
        return new PatchRequest(
                d.model,
                clean,
                corrupt,
                answer,
                wrong,
                d.method,
                d.metric,
                d.rules,
                d.sites,
                d.steps,
                prependBos,
                d.verify,
                d.seed,
                answers,
                wrongs,
                d.pairs,
                d.task,
                d.taskPairs,
                d.memoryMb,
                onlyCorrect);
    }

    /** The fields that can be exchanged. */
    private static final class Draft {
        private @Nullable String model;
        private String method;
        private String metric;
        private List<String> rules;
        private List<String> sites;
        private int steps;
        private int verify;
        private long seed;
        private List<PatchPair> pairs;
        private @Nullable String task;
        private int taskPairs;
        private int memoryMb;

        private Draft(PatchRequest r) {
            model = r.model;
            method = r.method;
            metric = r.metric;
            rules = r.rules;
            sites = r.sites;
            steps = r.steps;
            verify = r.verify;
            seed = r.seed;
            pairs = r.pairs;
            task = r.task;
            taskPairs = r.taskPairs;
            memoryMb = r.memoryMb;
        }
    }

    /** The pairs that the request itself names: its own first, then {@link #pairs}. Those of a task are not among them. */
    public List<PatchPair> named() {
        List<PatchPair> all = new ArrayList<>();
        if (!clean.isBlank() || !corrupt.isBlank()) {
            all.add(new PatchPair(clean, corrupt, joined(answer, answers), joined(wrong, wrongs)));
        }
        all.addAll(pairs);
        return all;
    }

    private static List<String> joined(@Nullable String first, List<String> more) {
        List<String> all = new ArrayList<>();
        if (first != null) {
            all.add(first);
        }
        all.addAll(more);
        return all;
    }

    /**
     * Checks everything that needs no model.
     *
     * @throws UsageException in one sentence
     */
    public void check() {
        PatchMethod.of(method);
        PatchMetric m = PatchMetric.of(metric);
        PatchRules.of(rules);
        List<PatchPair> all = named();
        if (all.isEmpty() && task == null) {
            throw new UsageException("The clean prompt is empty; give a text with --clean.");
        }
        if (all.size() > MAX_PAIRS || taskPairs < 1 || taskPairs > MAX_PAIRS) {
            throw new UsageException("Patching takes 1 to " + MAX_PAIRS + " pairs at once.");
        }
        for (PatchPair pair : all) {
            check(pair, m);
        }
        if (memoryMb < 1) {
            throw new UsageException("The memory must be at least 1 MiB, not " + memoryMb + ".");
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

    private static void check(PatchPair pair, PatchMetric m) {
        if (pair.clean().isBlank()) {
            throw new UsageException("The clean prompt is empty; give a text with --clean.");
        }
        if (pair.corrupt().isBlank()) {
            throw new UsageException("The corrupted prompt is empty; give a text with --corrupt.");
        }
        if (m != PatchMetric.KL && pair.answers().isEmpty()) {
            throw new UsageException(
                    "The metric " + m.key() + " needs the token that is right after the clean prompt: --answer.");
        }
        if (m.needsWrong() && pair.wrongs().isEmpty()) {
            throw new UsageException(
                    "The metric " + m.key() + " needs the token that is right after the corrupted prompt: --wrong.");
        }
    }
}
