package dev.loupe.graph;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Tokenizer;
import dev.loupe.sae.TranscoderSet;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/** Computes attribution graphs. */
public final class Attribution {
    private Attribution() {}

    /**
     * Computes a graph.
     *
     * @param open opens a transcoder set by name
     * @throws UsageException if request, model and transcoders do not fit together, in one sentence
     */
    public static AttributionGraph run(
            LanguageModel model, GraphRequest request, Function<String, TranscoderSet> open, Progress progress) {
        long start = System.nanoTime();
        request.check();
        TranscoderSet set = open.apply(request.transcoders());
        LocalModel local = LocalModel.of(model, set, ids(model.tokenizer(), request), request.withBosNodes());
        List<Explained> explained = Explained.of(model, request, local.lastLogits());
        FullGraph full = FullGraph.of(local, explained, request, progress);
        Pruning kept = Pruning.of(full.edges(), request.nodeThreshold(), request.edgeThreshold());
        List<GraphNode> nodes = new ArrayList<>();
        String[] names = names(full);
        for (int c : order(full, kept)) {
            nodes.add(node(full, c, names[c], kept));
        }
        for (int k = 0; k < explained.size(); k++) {
            nodes.add(logit(full, k));
        }
        AttributionGraph graph = new AttributionGraph(
                AttributionGraph.FORMAT,
                "",
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                method(local),
                request,
                model.id(),
                model.weightsChecksum(),
                local.layers(),
                IntStream.range(0, local.layers())
                        .mapToObj(l -> set.layer(l).name())
                        .toList(),
                model.tokenizer().pieces(local.ids),
                IntStream.of(local.ids).boxed().toList(),
                List.copyOf(nodes),
                edges(full, kept, names),
                local.features(),
                full.selected().length,
                full.edges().scores(),
                full.scores(kept.nodes()),
                null,
                0);
        AblationCheck check = Ablations.of(full, kept, names, request.ablations(), progress);
        return graph.withCheck(check).after((System.nanoTime() - start) / 1e9);
    }

    /** The tokens of a request's prompt. */
    static int[] ids(Tokenizer t, GraphRequest request) {
        int[] plain = t.encode(request.prompt(), false);
        Integer bos = t.bosId();
        if (!request.withBos() || bos == null) {
            if (plain.length == 0) {
                throw new UsageException(
                        "The prompt has no tokens; an attribution graph explains how a text continues.");
            }
            return plain;
        }
        int[] ids = new int[plain.length + 1];
        ids[0] = bos;
        System.arraycopy(plain, 0, ids, 1, plain.length);
        return ids;
    }

    private static String method(LocalModel local) {
        StringBuilder s = new StringBuilder(AttributionGraph.METHOD);
        if (local.set.crossLayer()) {
            s.append("; cross-layer transcoders");
        }
        if (local.set.skips()) {
            s.append("; skip connections of transcoders carry effects");
        }
        if (local.first > 0) {
            s.append("; MLP outputs at the beginning-of-sequence token are constants");
        }
        return s.toString();
    }

    /** Columns that stay: embeddings, then by layer and position. */
    private static List<Integer> order(FullGraph full, Pruning kept) {
        Adjacency a = full.edges();
        int inner = a.features() + a.errors();
        Comparator<Integer> order = Comparator.<Integer>comparingInt(c -> c >= inner ? -1 : place(full, c)[0])
                .thenComparingInt(c -> c >= inner ? c - inner : place(full, c)[1])
                .thenComparingInt(c -> c);
        return kept.nodes().stream().boxed().sorted(order).toList();
    }

    /** Layer and position of a feature or error. */
    private static int[] place(FullGraph full, int c) {
        LocalModel local = full.local();
        if (c < full.selected().length) {
            int f = full.selected()[c];
            return new int[] {local.layer(f), local.position(f)};
        }
        int error = c - full.selected().length;
        return new int[] {error / local.positions(), error % local.positions()};
    }

    private static String[] names(FullGraph full) {
        LocalModel local = full.local();
        Adjacency a = full.edges();
        String[] names = new String[a.columns()];
        for (int c = 0; c < names.length; c++) {
            int embedding = c - a.features() - a.errors();
            if (embedding >= 0) {
                names[c] = NodeIds.embedding(local.ids[embedding], embedding);
            } else {
                int[] at = place(full, c);
                names[c] = c < a.features()
                        ? NodeIds.feature(at[0], local.latent(full.selected()[c]), at[1])
                        : NodeIds.error(at[0], at[1]);
            }
        }
        return names;
    }

    static String name(FullGraph full, int k) {
        Explained e = full.explained().get(k);
        int last = full.local().positions() - 1;
        int layers = full.local().layers();
        return e.minus() < 0
                ? NodeIds.logit(layers, e.plus(), last)
                : NodeIds.difference(layers, e.plus(), e.minus(), last);
    }

    private static GraphNode node(FullGraph full, int c, String name, Pruning kept) {
        LocalModel local = full.local();
        Adjacency a = full.edges();
        int p = c - a.features() - a.errors();
        if (p >= 0) {
            String text = local.model.tokenizer().token(local.ids[p]);
            return new GraphNode(
                    name,
                    NodeKind.EMBEDDING,
                    -1,
                    p,
                    null,
                    null,
                    local.ids[p],
                    text,
                    length(local.embedding(p)),
                    kept.influence()[c],
                    kept.cumulative()[c],
                    0,
                    0,
                    null);
        }
        int[] at = place(full, c);
        boolean feature = c < a.features();
        int f = feature ? full.selected()[c] : -1;
        double activation = feature ? local.activation(f) : length(local.error(at[0], at[1]));
        return new GraphNode(
                name,
                feature ? NodeKind.FEATURE : NodeKind.ERROR,
                at[0],
                at[1],
                local.set.layer(at[0]).name(),
                feature ? local.latent(f) : null,
                null,
                feature ? at[0] + "/" + local.latent(f) : "error " + at[0],
                activation,
                kept.influence()[c],
                kept.cumulative()[c],
                0,
                feature ? activation - a.sum(c) : 0,
                null);
    }

    private static GraphNode logit(FullGraph full, int k) {
        LocalModel local = full.local();
        Explained e = full.explained().get(k);
        double value = e.value(local.lastLogits(), local.model.logitCap());
        return new GraphNode(
                name(full, k),
                NodeKind.LOGIT,
                local.layers(),
                local.positions() - 1,
                null,
                null,
                e.token(),
                e.text(),
                value,
                full.edges().logitWeight(k),
                0,
                e.token() == null ? 0 : e.weight(),
                value - full.edges().sum(full.edges().features() + k),
                null);
    }

    private static List<GraphEdge> edges(FullGraph full, Pruning kept, String[] names) {
        Adjacency a = full.edges();
        List<GraphEdge> edges = new ArrayList<>();
        float[] row = new float[a.columns()];
        for (int r = 0; r < kept.edges().length; r++) {
            String target = r < a.features() ? names[r] : name(full, r - a.features());
            if (!kept.edges()[r].isEmpty()) {
                a.copy(r, row);
                kept.edges()[r].stream().forEach(c -> edges.add(new GraphEdge(names[c], target, row[c])));
            }
        }
        edges.sort(Comparator.comparingDouble(e -> -Math.abs(e.weight())));
        return List.copyOf(edges);
    }

    private static double length(float[] x) {
        double sum = 0;
        for (float v : x) {
            sum += (double) v * v;
        }
        return Math.sqrt(sum);
    }
}
