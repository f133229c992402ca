package dev.loupe.service;

import dev.loupe.capture.CaptureRequest;
import dev.loupe.corpus.Corpora;
import dev.loupe.graph.GraphRequest;
import dev.loupe.sae.TranscoderSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The demo's second half: a transcoder for each of the embedded model's six MLPs, trained in one stream straight from the
 * model, an index of each, and the attribution graphs of one solved task.
 */
final class DemoCircuits {
    /** The set's name. */
    static final String SET = "mlps";

    private static final String STORE = "mlps";
    private static final String READS = "blocks.*.hook_mlp_in";
    private static final String WRITES = "blocks.*.hook_mlp_out";
    private static final int LAYERS = 6;
    private static final int D_SAE = 1024;
    private static final int K = 24;
    private static final long TRAIN_TOKENS = 600_000;
    private static final long INDEX_TOKENS = 150_000;

    private DemoCircuits() {}

    /** A prompt whose continuation is explained. */
    private record Solved(String name, String prompt, String answer, String wrong) {}

    /**
     * A pair of the task of the language of the next function word, which the model solves (accuracy 0.98 on held-out
     * templates): the same words but for one, and the answer turns round.
     */
    private static final List<Solved> GRAPHS = List.of(
            new Solved("language-english", "Mr President, and", " the", " la"),
            new Solved("language-french", "Mr President, et", " la", " the"));

    /** The parts, in order. */
    static List<Demo.Part> parts(Workbench bench) {
        List<Demo.Part> parts = new ArrayList<>();
        List<String> layers = IntStream.range(0, LAYERS)
                .mapToObj(l -> TranscoderSet.nameOf(SET, l))
                .toList();
        TrainSpec train = TrainSpec.of(SET, TrainSpec.NO_STORE, "batchtopk", D_SAE)
                .hook(READS)
                .hookOut(WRITES)
                .k(K)
                .tokens(TRAIN_TOKENS)
                .live(new LiveSpec(null, Corpora.EUROPARL, null, null, null, null, null))
                .build();
        parts.add(new Demo.Part(
                "train transcoders of all MLPs",
                150,
                1,
                () -> bench.saes().names().containsAll(layers),
                "train",
                train,
                p -> bench.training().run(train, p)));
        CaptureRequest capture = CaptureRequest.of(
                STORE,
                bench.workspace().activations(),
                Models.BUILTIN,
                Corpora.EUROPARL,
                IntStream.range(0, LAYERS)
                        .mapToObj(l -> READS.replace("*", Integer.toString(l)))
                        .toList(),
                INDEX_TOKENS);
        parts.add(new Demo.Part(
                "capture what they read",
                10,
                1,
                () -> Workspace.named(bench.workspace().activations(), "store.json")
                        .contains(STORE),
                "capture",
                capture,
                p -> bench.stores().capture(capture, p)));
        IndexSpec index = new IndexSpec(layers, STORE, null);
        parts.add(new Demo.Part(
                "index transcoders",
                25,
                0,
                () -> bench.features().indexed().containsAll(layers),
                "index",
                index,
                p -> Map.of("indexes", Tasks.index(bench, index, p))));
        for (Solved s : GRAPHS) {
            GraphSpec spec = new GraphSpec(
                    s.name(), GraphRequest.of(Models.BUILTIN, SET, s.prompt()).withAnswers(s.answer(), s.wrong()));
            parts.add(new Demo.Part(
                    "graph " + s.name(),
                    5,
                    0,
                    () -> bench.graphs().names().contains(s.name()),
                    "graph",
                    spec,
                    p -> bench.graphs().run(spec, p)));
        }
        return parts;
    }

    /** The graphs that are there. */
    static List<Graphs.Entry> graphs(Workbench bench) {
        List<String> names = GRAPHS.stream().map(Solved::name).toList();
        return bench.graphs().list().stream()
                .filter(e -> names.contains(e.id()))
                .toList();
    }
}
