package dev.loupe.patch;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.Editor;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Rules;
import dev.loupe.model.Taps;
import dev.loupe.model.Want;
import dev.loupe.patch.task.PatchPair;
import dev.loupe.patch.task.TaskPairs;
import dev.loupe.patch.task.Tasks;
import dev.loupe.sae.Sae;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;

/** Finds sparse feature circuits and measures how much of a behaviour they keep. */
public final class CircuitSearch {
    private static final int TOKENS_A_BATCH = 1024;

    private final LanguageModel model;
    private final CircuitRequest request;
    private final Map<String, Sae> saes = new LinkedHashMap<>();
    private final PatchMetric metric;
    private final Progress progress;

    private CircuitSearch(LanguageModel model, CircuitRequest request, Function<String, Sae> open, Progress progress) {
        this.model = model;
        this.request = request;
        this.progress = progress;
        this.metric = PatchMetric.of(request.patch().metric());
        Map<HookPoint, String> hooks = new LinkedHashMap<>();
        for (String name : request.saes()) {
            Sae sae = open.apply(name);
            HookPoint hook = Latents.hookOf(model, sae);
            if (CircuitNodes.order(hook) < 0) {
                throw new UsageException("The SAE " + name + " reads " + hook + "; circuits take SAEs of the residual"
                        + " stream, attention and MLP outputs.");
            }
            String other = hooks.put(hook, name);
            if (other != null) {
                throw new UsageException("The SAEs " + other + " and " + name + " both read " + hook
                        + "; a circuit has one SAE for each hook.");
            }
            if (request.withEdges()) {
                CircuitEdges.check(sae);
            }
            saes.put(name, sae);
        }
        if (metric == PatchMetric.NORMALISED || metric == PatchMetric.KL) {
            throw new UsageException(
                    "A circuit is measured by difference, logprob or probability, not by " + metric.key() + ".");
        }
    }

    /**
     * Finds a circuit.
     *
     * @param saes opens an SAE by name
     * @throws UsageException if the request does not fit the model, in one sentence
     */
    public static Circuit run(
            LanguageModel model, CircuitRequest request, Function<String, Sae> saes, Progress progress) {
        request.check();
        List<PromptPair> pairs = PromptPair.all(model, request.patch());
        return new CircuitSearch(model, request, saes, progress).run(pairs, test(model, request.patch(), pairs));
    }

    static Circuit run(
            LanguageModel model,
            CircuitRequest request,
            List<PromptPair> pairs,
            List<PromptPair> test,
            Function<String, Sae> saes) {
        return new CircuitSearch(model, request, saes, Progress.silent()).run(pairs, test);
    }

    /**
     * What a part of a circuit keeps of the behaviour alone, and what is left of it without that part, on the same pairs and
     * with the same means as the circuit's curves.
     *
     * @param nodes ids of the part's nodes
     * @throws UsageException if the circuit was found with other weights, or a node is none of its
     */
    public static CircuitPart part(
            LanguageModel model, Circuit circuit, Set<String> nodes, Function<String, Sae> saes, Progress progress) {
        if (!circuit.modelChecksum().equals(model.weightsChecksum())) {
            throw new UsageException("The circuit was found with other weights than those of " + model.id()
                    + ", so nothing can be measured there; find it again.");
        }
        Set<String> known = new HashSet<>();
        circuit.nodes().forEach(n -> known.add(n.id()));
        for (String node : nodes) {
            if (!known.contains(node)) {
                throw new UsageException("There is no node \"" + node + "\" in this circuit.");
            }
        }
        CircuitSearch search = new CircuitSearch(model, circuit.request(), saes, progress);
        List<PromptPair> test = test(
                model,
                circuit.request().patch(),
                PromptPair.all(model, circuit.request().patch()));
        Map<String, Spliced> means = search.means(test);
        double alone = search.measure(test, means, nodes, false);
        double without = search.measure(test, means, nodes, true);
        double range = circuit.whole() - circuit.empty();
        return new CircuitPart(
                nodes.size(), alone, without, (alone - circuit.empty()) / range, (without - circuit.empty()) / range);
    }

    /** Pairs to measure on: other ones of the task with the same number of tokens; without a task the same ones. */
    private static List<PromptPair> test(LanguageModel model, PatchRequest r, List<PromptPair> pairs) {
        if (r.task() == null) {
            return pairs;
        }
        boolean bos = r.prependBos() == null || r.prependBos();
        int length = pairs.get(0).clean().length;
        Set<List<Integer>> known = new HashSet<>();
        pairs.forEach(p -> known.add(boxed(p.clean())));
        List<PromptPair> others = new ArrayList<>();
        for (PatchPair p : new TaskPairs(model, bos).of(Tasks.of(r.task()), 2 * r.taskPairs(), r.seed() + 1)) {
            PromptPair tokens = PromptPair.of(model, p, bos);
            if (tokens.clean().length == length && !known.contains(boxed(tokens.clean()))) {
                others.add(tokens);
            }
        }
        return others.isEmpty() ? pairs : others;
    }

    private static List<Integer> boxed(int[] ids) {
        return java.util.Arrays.stream(ids).boxed().toList();
    }

    private Circuit run(List<PromptPair> pairs, List<PromptPair> test) {
        PromptPair.checkLengths(pairs);
        long start = System.nanoTime();
        Map<String, List<CircuitNodes.Effect>> byMethod = new LinkedHashMap<>();
        for (String method : request.methods()) {
            PatchRequest one = request.patch().withMethod(PatchMethod.of(method));
            byMethod.put(method, CircuitNodes.of(model, one, pairs, saes, progress));
        }
        List<CircuitNodes.Effect> all =
                Objects.requireNonNull(byMethod.get(request.patch().method()));
        List<CircuitNodes.Effect> chosen = all.stream()
                .filter(n -> Math.abs(n.total()) >= request.threshold())
                .limit(request.threshold() > 0 ? all.size() : request.nodes())
                .toList();
        Map<String, Spliced> means = means(test);
        double whole = measure(test, means, Set.of(), true);
        double empty = measure(test, means, Set.of(), false);
        if (whole == empty) {
            throw new LoupeException("Ablating every node changes nothing (metric " + whole
                    + "), so no circuit can be measured: these SAEs have no part in the behaviour.");
        }
        Map<String, List<Circuit.Point>> curves = new LinkedHashMap<>();
        byMethod.forEach((method, nodes) -> curves.put(method, curve(method, nodes, test, means, whole, empty)));
        Rules rules = PatchMethod.of(request.patch().method()) == PatchMethod.RELP
                ? PatchRules.of(request.patch().rules())
                : Rules.NONE;
        List<Circuit.Edge> edges = request.withEdges()
                ? new CircuitEdges(model, saes, rules).of(chosen, pairs, metric, progress)
                : List.of();
        return new Circuit(
                Circuit.FORMAT,
                "",
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                "sparse feature circuit: effects by " + request.patch().method()
                        + ", clean into corrupt; curves on clean prompts with all other latents and errors replaced by"
                        + " their means over the corrupted prompts, per position; edges past no third SAE",
                request,
                model.weightsChecksum(),
                model.tokenizer().pieces(pairs.get(0).clean()),
                pairs.size(),
                test.size(),
                all.size(),
                chosen.stream().map(this::node).toList(),
                edges,
                whole,
                empty,
                curves,
                metric.unit(),
                (System.nanoTime() - start) / 1e9);
    }

    private Circuit.Node node(CircuitNodes.Effect e) {
        HookPoint hook = HookPoint.of(Objects.requireNonNull(saes.get(e.sae())).hookName());
        int peak = 0;
        for (int p = 0; p < e.byPosition().length; p++) {
            if (Math.abs(e.byPosition()[p]) > Math.abs(e.byPosition()[peak])) {
                peak = p;
            }
        }
        return new Circuit.Node(
                CircuitEdges.id(e),
                e.sae(),
                hook.name(),
                hook.layer(),
                e.latent() == CircuitNodes.ERROR ? null : e.latent(),
                e.total(),
                peak,
                e.byPosition());
    }

    private Map<String, Spliced> means(List<PromptPair> test) {
        List<HookPoint> hooks =
                saes.values().stream().map(s -> HookPoint.of(s.hookName())).toList();
        Map<HookPoint, List<float[][]>> values = new LinkedHashMap<>();
        for (List<PromptPair> part : batches(test)) {
            progress.check();
            Forward f = model.forward(Runs.tokens(part, false), Taps.read(hooks), Want.LAST_LOGITS);
            for (HookPoint hook : hooks) {
                for (int b = 0; b < part.size(); b++) {
                    values.computeIfAbsent(hook, h -> new ArrayList<>()).add(Runs.rows(f.activation(hook), b));
                }
            }
        }
        Map<String, Spliced> means = new LinkedHashMap<>();
        saes.forEach((name, sae) ->
                means.put(name, Spliced.of(sae, Objects.requireNonNull(values.get(HookPoint.of(sae.hookName()))))));
        return means;
    }

    private List<List<PromptPair>> batches(List<PromptPair> pairs) {
        int rows = Math.max(1, TOKENS_A_BATCH / pairs.get(0).clean().length);
        List<List<PromptPair>> all = new ArrayList<>();
        for (int from = 0; from < pairs.size(); from += rows) {
            all.add(pairs.subList(from, Math.min(pairs.size(), from + rows)));
        }
        return all;
    }

    /**
     * Mean metric of the clean prompts.
     *
     * @param nodes the nodes that are kept, or those that are ablated
     * @param complement whether {@code nodes} are the ablated ones
     */
    private double measure(List<PromptPair> test, Map<String, Spliced> means, Set<String> nodes, boolean complement) {
        Taps.Builder taps = Taps.builder();
        saes.forEach((name, sae) -> {
            BitSet kept = new BitSet(sae.dSae());
            for (String node : nodes) {
                if (node.startsWith(name + "/") && !node.endsWith("/error")) {
                    kept.set(Integer.parseInt(node.substring(name.length() + 1)));
                }
            }
            boolean error = nodes.contains(name + "/error");
            if (complement) {
                kept.flip(0, sae.dSae());
                error = !error;
            }
            Editor editor = Objects.requireNonNull(means.get(name)).keeping(kept, error);
            taps.edit(HookPoint.of(sae.hookName()), editor);
        });
        double sum = 0;
        for (List<PromptPair> part : batches(test)) {
            progress.check();
            Forward f = model.forward(Runs.tokens(part, true), taps.build(), Want.LAST_LOGITS);
            for (int b = 0; b < part.size(); b++) {
                sum += Metric.of(metric, part.get(b), f.lastLogits(b)).value(f.lastLogits(b));
            }
        }
        return sum / test.size();
    }

    private List<Circuit.Point> curve(
            String method,
            List<CircuitNodes.Effect> nodes,
            List<PromptPair> test,
            Map<String, Spliced> means,
            double whole,
            double empty) {
        Set<Integer> counts = new LinkedHashSet<>();
        for (int i = 0; i < request.points() && !nodes.isEmpty(); i++) { // equal steps of the logarithm
            double share = request.points() == 1 ? 1 : i / (request.points() - 1.0);
            counts.add((int) Math.round(Math.pow(nodes.size(), share)));
        }
        progress.stage("curve of " + method, counts.size(), "points");
        List<Circuit.Point> points = new ArrayList<>();
        for (int n : counts) {
            Set<String> kept = new HashSet<>();
            nodes.subList(0, n).forEach(e -> kept.add(CircuitEdges.id(e)));
            points.add(new Circuit.Point(
                    n,
                    Math.abs(nodes.get(n - 1).total()),
                    (measure(test, means, kept, false) - empty) / (whole - empty),
                    (measure(test, means, kept, true) - empty) / (whole - empty)));
            progress.advance(points.size());
        }
        return points;
    }
}
