package dev.loupe.graph;

import dev.loupe.base.Progress;
import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.patch.Agreement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Takes nodes away in the model itself, everything behind them computed anew. */
final class Ablations {
    private static final int TOKENS_A_BATCH = 2048;

    private Ablations() {}

    /** A node of the prompt and what its part is multiplied with. */
    record Change(NodeKind kind, int layer, int position, int latent, double factor, float activation) {}

    /** The nodes of most influence, one by one; null if none are asked for. */
    static @Nullable AblationCheck of(FullGraph full, Pruning kept, String[] names, int count, Progress progress) {
        Adjacency a = full.edges();
        int[] top = kept.nodes().stream()
                .boxed()
                .filter(c -> kept.influence()[c] > 0)
                .sorted((x, y) -> Double.compare(kept.influence()[y], kept.influence()[x]))
                .mapToInt(Integer::intValue)
                .limit(count)
                .toArray();
        if (count == 0) {
            return null;
        }
        Explained e = full.explained().get(0);
        double[] total = a.total(0, full.activations());
        List<List<Change>> runs = new ArrayList<>();
        for (int c : top) {
            runs.add(List.of(change(full, c)));
        }
        double cap = full.local().model.logitCap();
        double base = e.value(full.local().lastLogits(), cap);
        progress.stage("ablating nodes", top.length, "nodes");
        List<float[]> logits = logits(full.local(), runs, progress);
        List<AblationCheck.Ablation> list = new ArrayList<>();
        for (int i = 0; i < top.length; i++) {
            double measured = e.value(logits.get(i), cap) - base;
            list.add(new AblationCheck.Ablation(names[top[i]], -total[top[i]], measured));
        }
        int[] features = IntStream.range(0, top.length)
                .filter(i -> top[i] < a.features())
                .toArray();
        return new AblationCheck(
                e.words(),
                Attribution.name(full, 0),
                base,
                List.copyOf(list),
                agreement(list, IntStream.range(0, top.length).toArray()),
                agreement(list, features));
    }

    private static @Nullable Agreement agreement(List<AblationCheck.Ablation> list, int[] which) {
        if (which.length < 2) {
            return null;
        }
        return Agreement.of(
                Arrays.stream(which).mapToDouble(i -> list.get(i).predicted()).toArray(),
                Arrays.stream(which).mapToDouble(i -> list.get(i).measured()).toArray());
    }

    private static Change change(FullGraph full, int c) {
        LocalModel local = full.local();
        Adjacency a = full.edges();
        if (c < a.features()) {
            int f = full.selected()[c];
            return new Change(
                    NodeKind.FEATURE, local.layer(f), local.position(f), local.latent(f), 0, local.activation(f));
        }
        int error = c - a.features();
        return error < a.errors()
                ? new Change(NodeKind.ERROR, error / local.positions(), error % local.positions(), -1, 0, 0)
                : new Change(NodeKind.EMBEDDING, -1, error - a.errors(), -1, 0, 0);
    }

    /** Last logits of the prompt under sets of changes. */
    static List<float[]> logits(LocalModel local, List<List<Change>> runs, Progress progress) {
        List<float[]> logits = new ArrayList<>();
        int rows = Math.max(1, TOKENS_A_BATCH / local.positions());
        for (int from = 0; from < runs.size(); from += rows) {
            progress.check();
            List<List<Change>> part = runs.subList(from, Math.min(runs.size(), from + rows));
            int[][] ids = new int[part.size()][];
            Arrays.fill(ids, local.ids);
            Taps.Builder taps = Taps.builder();
            for (int l = 0; l < local.layers(); l++) {
                int to = l;
                if (part.stream().flatMap(List::stream).anyMatch(c -> touches(local, c, to))) {
                    taps.edit(HookPoint.mlpOut(l), x -> edit(local, x, part, to));
                }
            }
            if (part.stream().flatMap(List::stream).anyMatch(c -> c.kind() == NodeKind.EMBEDDING)) {
                taps.edit(HookPoint.residPre(0), x -> edit(local, x, part, -1));
            }
            Forward f = local.model.forward(new TokenBatch(ids), taps.build(), Want.LAST_LOGITS);
            for (int b = 0; b < part.size(); b++) {
                logits.add(f.lastLogits(b));
            }
            progress.advance(logits.size());
        }
        return logits;
    }

    private static boolean touches(LocalModel local, Change c, int layer) {
        return switch (c.kind()) {
            case FEATURE -> local.set.writes(c.layer(), layer);
            case ERROR -> c.layer() == layer;
            case EMBEDDING, LOGIT -> false;
        };
    }

    private static void edit(LocalModel local, Activation x, List<List<Change>> runs, int layer) {
        for (int b = 0; b < runs.size(); b++) {
            for (Change c : runs.get(b)) {
                if (layer < 0 ? c.kind() != NodeKind.EMBEDDING : !touches(local, c, layer)) {
                    continue;
                }
                float[] row = x.row(b, c.position());
                float by = (float) (c.factor() - 1);
                if (c.kind() == NodeKind.FEATURE) {
                    local.set.addLatent(c.layer(), c.latent(), layer, by * c.activation(), row);
                } else {
                    float[] part = c.kind() == NodeKind.ERROR
                            ? local.error(c.layer(), c.position())
                            : local.embedding(c.position());
                    for (int i = 0; i < row.length; i++) {
                        row[i] += by * part[i];
                    }
                }
                x.setRow(b, c.position(), row);
            }
        }
    }
}
