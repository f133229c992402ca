package dev.loupe.patch;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Rules;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The pairs of a request, batch by batch within its memory: their runs, sites and estimates. A single batch is kept, so
 * that going over it again costs nothing; several are computed again.
 */
final class PairWork {
    private static final int TOKENS_A_BATCH = 1024;

    private final LanguageModel model;
    private final PatchRequest request;
    private final List<PromptPair> pairs;
    private final Sites sites;
    private final Set<HookPoint> hooks;
    private final Progress progress;
    private final int perBatch;
    private @Nullable List<One> kept;

    /**
     * One pair.
     *
     * @param run its runs
     * @param what its sites and nodes
     * @param estimate its scores; null under exact patching and when none were asked for
     */
    record One(Runs.Run run, Sites.Resolved what, @Nullable Estimate estimate) {
        Estimate scores() {
            return Objects.requireNonNull(estimate);
        }
    }

    PairWork(LanguageModel model, PatchRequest request, List<PromptPair> pairs, Sites sites, Progress progress) {
        this.model = model;
        this.request = request;
        this.pairs = pairs;
        this.sites = sites;
        this.hooks = sites.hooks();
        this.progress = progress;
        this.perBatch = perBatch(request, pairs, sites);
    }

    /** How many pairs are run together. */
    static int perBatch(PatchRequest request, List<PromptPair> pairs, Sites sites) {
        long memory = (long) request.memoryMb() << 20;
        int tokens = pairs.get(0).clean().length;
        long bytes = sites.bytes(tokens);
        if (bytes > memory) {
            throw new UsageException("Activations of one pair at these sites take " + (bytes >> 20) + " MiB, more than"
                    + " the " + request.memoryMb() + " MiB allowed; name fewer sites or allow more memory.");
        }
        return (int) Math.clamp(
                Math.min(memory / Math.max(1, bytes), Math.max(1, TOKENS_A_BATCH / tokens)), 1, pairs.size());
    }

    int batches() {
        return Math.ceilDiv(pairs.size(), perBatch);
    }

    /**
     * Goes over all pairs in order.
     *
     * @param estimates whether scores are needed
     */
    void each(boolean estimates, ObjIntConsumer<One> work) {
        for (int from = 0; from < pairs.size(); from += perBatch) {
            progress.check();
            List<One> batch = batch(pairs.subList(from, Math.min(pairs.size(), from + perBatch)), estimates);
            for (int i = 0; i < batch.size(); i++) {
                work.accept(batch.get(i), from + i);
            }
        }
    }

    private List<One> batch(List<PromptPair> part, boolean estimates) {
        if (kept != null) {
            return kept;
        }
        PatchMethod method = PatchMethod.of(request.method());
        Runs runs = new Runs(model, hooks, PatchMetric.of(request.metric()), (long) request.memoryMb() << 20);
        boolean linear = method == PatchMethod.RELP || method == PatchMethod.ATP;
        List<Runs.Run> computed = estimates && linear
                ? runs.backward(part, method == PatchMethod.RELP ? PatchRules.of(request.rules()) : Rules.NONE)
                : runs.forward(part);
        List<One> all = new ArrayList<>();
        for (Runs.Run run : computed) {
            Sites.Resolved what = sites.resolve(run.values());
            all.add(new One(run, what, estimates ? estimate(method, run, what) : null));
        }
        if (perBatch >= pairs.size()) {
            kept = all;
        }
        return all;
    }

    private @Nullable Estimate estimate(PatchMethod method, Runs.Run run, Sites.Resolved what) {
        return switch (method) {
            case AP -> null;
            case ATP, RELP -> new Estimate.Linear(run.gradients());
            case IG -> new IntegratedGradients(model, run, request.steps()).along(what.sites(), progress);
            default -> new AtpStar(model, run, method, progress).estimate(List.copyOf(hooks));
        };
    }
}
