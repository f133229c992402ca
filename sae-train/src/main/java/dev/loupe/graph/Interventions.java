package dev.loupe.graph;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.TranscoderSet;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.IntStream;

/** What changing nodes of a graph does to the model's answer. */
public final class Interventions {
    private static final int TOKENS_SHOWN = 10;

    private Interventions() {}

    /**
     * Runs the graph's prompt with some nodes changed.
     *
     * @param open opens a transcoder set by name
     * @throws UsageException if the graph was made with another model, or a node is none that can be changed
     * @throws dev.loupe.base.CancelledException if the progress asks for it
     */
    public static InterventionResult run(
            LanguageModel model,
            AttributionGraph graph,
            List<Intervention> changes,
            Function<String, TranscoderSet> open,
            Progress progress) {
        if (!graph.modelChecksum().equals(model.weightsChecksum())) {
            throw new UsageException("The graph was made with other weights than those of " + model.id()
                    + ", so its nodes cannot be changed there; compute it again.");
        }
        double predicted = Subgraph.predicted(graph, changes);
        int[] ids = graph.tokenIds().stream().mapToInt(Integer::intValue).toArray();
        TranscoderSet set = open.apply(graph.request().transcoders());
        progress.check();
        LocalModel local = LocalModel.of(model, set, ids, graph.request().withBosNodes());
        Map<String, GraphNode> nodes = graph.byId();
        List<Ablations.Change> all = new ArrayList<>();
        for (Intervention c : changes) {
            GraphNode n = Objects.requireNonNull(nodes.get(c.node()));
            Integer feature = n.feature();
            all.add(new Ablations.Change(
                    n.kind(), n.layer(), n.position(), feature == null ? -1 : feature, c.factor(), (float)
                            n.activation()));
        }
        progress.stage("running the prompt", 1, "runs");
        float[] after = Ablations.logits(local, List.of(all), progress).get(0);
        Explained e = Explained.of(model, graph.request(), local.lastLogits()).get(0);
        double cap = model.logitCap();
        return new InterventionResult(
                e.words(),
                e.value(local.lastLogits(), cap),
                e.value(after, cap),
                predicted,
                tokens(model, Explained.probabilities(local.lastLogits()), Explained.probabilities(after)));
    }

    private static List<InterventionResult.TokenChange> tokens(LanguageModel model, double[] before, double[] after) {
        return IntStream.concat(top(before), top(after))
                .distinct()
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -before[i]))
                .map(i ->
                        new InterventionResult.TokenChange(i, model.tokenizer().token(i), before[i], after[i]))
                .toList();
    }

    private static IntStream top(double[] p) {
        return IntStream.range(0, p.length)
                .boxed()
                .sorted((a, b) -> Double.compare(p[b], p[a]))
                .mapToInt(Integer::intValue)
                .limit(TOKENS_SHOWN);
    }
}
