package dev.loupe.patch;

import dev.loupe.base.Fmt;
import dev.loupe.base.Progress;
import dev.loupe.model.BackwardMemory;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import java.util.List;
import java.util.function.Function;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a request will cost, told before it starts.
 *
 * @param pairs prompt pairs
 * @param positions tokens of a prompt
 * @param cells cells of all grids
 * @param forwards forward passes of a prompt, those of exact patching not counted
 * @param backwards backward passes of a prompt
 * @param exactRuns runs of exact patching: the method's own and those of the check
 * @param memoryBytes memory for activations of one batch
 * @param backwardBytes memory that a backward pass of one batch wants between its two ways, to compute nothing again; 0
 *     without one
 * @param backwardTakenBytes what it will take of that: no more than the budget, and then some of it is computed again
 * @param budgetBytes memory that the request allows
 * @param seconds about how long it will take, from the time of one forward pass on this machine
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record PatchPlan(
        int pairs,
        int positions,
        long cells,
        long forwards,
        long backwards,
        long exactRuns,
        long memoryBytes,
        long backwardBytes,
        long backwardTakenBytes,
        long budgetBytes,
        double seconds) {
    private static final double BACKWARD = 1.6; // of a forward, with copying what is kept
    private static final int TIMED_TOKENS = 256;

    /** The plan of a request; runs a few prompts to see how fast the model is here. */
    public static PatchPlan of(LanguageModel model, PatchRequest request, Function<String, Sae> saes, Progress p) {
        request.check();
        List<PromptPair> pairs = PromptPair.all(model, request);
        Sites sites = new Sites(model, request.sites(), saes);
        int positions = pairs.get(0).clean().length;
        int layers = model.config().nLayers();
        long n = pairs.size();
        PatchMethod method = PatchMethod.of(request.method());
        int hooks = sites.hooks().size();
        long backwards = switch (method) {
            case AP -> 0;
            case ATP, RELP, ATP_QK -> n;
            case IG -> n * hooks * request.steps();
            case ATP_DROP, ATP_STAR -> n * layers;
        };
        long forwards = 2 * n + (method == PatchMethod.IG ? backwards : method.dropsLayers() ? backwards : 0);
        long changing = 0; // cells from the first different token on
        long cells = 0;
        double work = 0; // of their runs, in whole forwards
        for (Sites.Shape s : sites.shapes(positions)) {
            double share = 1 - pairs.get(0).firstDifference() / (double) positions;
            long active = s.byPosition() ? Math.round(s.columns() * share) : s.columns();
            changing += active;
            cells += s.columns();
            work += active * share * (layers - s.layer()) / layers;
        }
        long exact =
                method == PatchMethod.AP || request.verify() < 0 ? changing : Math.min(changing, 2L * request.verify());
        double exactWork = changing == 0 ? 0 : work * exact / changing;
        double seconds = forward(model, pairs, p) * (forwards + BACKWARD * backwards + n * exactWork);
        long budget = (long) request.memoryMb() << 20;
        int batch = PairWork.perBatch(request, pairs, sites);
        BackwardMemory memory = BackwardMemory.of(model, batch, positions, budget);
        return new PatchPlan(
                pairs.size(),
                positions,
                cells,
                forwards,
                backwards,
                n * exact,
                sites.bytes(positions),
                backwards == 0 ? 0 : memory.everything(),
                backwards == 0 ? 0 : memory.taken(),
                budget,
                seconds);
    }

    /** The memory of the backward pass in words; empty without one. */
    public String memoryWords() {
        if (backwardBytes == 0) {
            return "";
        }
        return backwardTakenBytes < backwardBytes
                ? "a backward pass keeps " + Fmt.bytes(backwardTakenBytes) + " of " + Fmt.bytes(backwardBytes)
                        + " and computes the rest again (budget " + Fmt.bytes(budgetBytes) + ")"
                : "a backward pass keeps " + Fmt.bytes(backwardBytes) + " (budget " + Fmt.bytes(budgetBytes) + ")";
    }

    /** Seconds of one prompt's forward pass, in a batch. */
    private static double forward(LanguageModel model, List<PromptPair> pairs, Progress p) {
        int rows = Math.clamp(TIMED_TOKENS / pairs.get(0).clean().length, 1, pairs.size());
        double best = Double.POSITIVE_INFINITY;
        for (int i = 0; i < 2; i++) {
            p.check();
            long start = System.nanoTime();
            model.forward(Runs.tokens(pairs.subList(0, rows), false), Taps.none(), Want.LAST_LOGITS);
            best = Math.min(best, (System.nanoTime() - start) / 1e9 / rows);
        }
        return best;
    }
}
