package dev.loupe.cli;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.FakeHub;
import dev.loupe.graph.GraphView;
import dev.loupe.service.Explanation;
import dev.loupe.service.Settings;
import dev.loupe.service.SteeringFinder;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * The kinds of files that came into the golden folders after their first day: seeds, a trial of languages, a steering
 * vector, transcoders, a crosscoder, the report of a set, prose labels, the note on a pulled model, how a graph is looked
 * at, and what matched latents do.
 */
final class GoldenKinds {
    private final Path root;

    GoldenKinds(Path root) {
        this.root = root;
    }

    void make() throws IOException, InterruptedException {
        measured();
        trained();
        pulled();
        written();
    }

    private void measured() throws IOException {
        run("compare tiny-s0 tiny-s1 --threshold 0.5 --activations");
        Path config = Files.createTempFile("small", ".yaml");
        Files.writeString(config, "batch: 64\n");
        run("seeds --store small --name twins --seeds 0,1 --d-sae 8 --k 2 --tokens 640 --config " + config);
        Files.delete(config);
        // of the small SAEs no latent is specific to a language
        run("train --store small --arch topk --d-sae 300 --k 12 --steps 1 --set batch=64 --name wide");
        run("languages --sae wide --name words --languages en,fr --prompts 2 --choice-prompts 2 --max-tokens 3"
                + " --levels 1");
        AtomicFiles.deleteTree(root.resolve("saes/wide"));
    }

    /** Transcoders of each layer, those of a cross-layer one, its report, and a crosscoder; their store goes. */
    void trained() {
        run("capture --text builtin:europarl --hook blocks.*.ln2.hook_normalized,blocks.*.hook_mlp_out,"
                + SmallWorkspace.HOOK
                + ",blocks.1.hook_resid_post --tokens 300 --context 32 --held-out 0.3 --name places");
        String small = " --store places --d-sae 4 --k 2 --steps 5 --set batch=32 --arch ";
        String layers = "--hook blocks.*.ln2.hook_normalized --hook-out ";
        run("train --name coders" + small + "topk " + layers + "blocks.*.hook_mlp_out");
        run("train --name across" + small + "batchtopk " + layers + "blocks.*+.hook_mlp_out");
        run("train --name cross" + small + "batchtopk --hook blocks.1.hook_resid_post," + SmallWorkspace.HOOK);
        run("eval across --no-random-control");
    }

    /** The note on a model of a hub. */
    void pulled() throws IOException, InterruptedException {
        try (FakeHub hub = new FakeHub()) {
            Path model = Path.of("../activations-store/src/test/resources/dev/loupe/model/golden/tiny-llama3");
            hub.files.put("config.json", Files.readAllBytes(model.resolve("config.json")));
            hub.files.put("tokenizer.json", "{}".getBytes(StandardCharsets.UTF_8));
            hub.files.put("model.safetensors", Files.readAllBytes(model.resolve("model.safetensors")));
            Path home = Files.createTempDirectory("hub");
            Process pull = new Cli(root)
                    .start(
                            home.resolve("log"),
                            Map.of("HF_HOME", home.toString(), "HF_ENDPOINT", hub.endpoint()),
                            "model",
                            "pull",
                            "owner/tiny");
            if (pull.waitFor() != 0) {
                throw new IllegalStateException(Files.readString(home.resolve("log")));
            }
            AtomicFiles.deleteTree(home);
        }
    }

    /** What people and programs put down: a vector, a prose label, a view. */
    void written() {
        try (Workbench bench = new Workbench(Workspace.create(root), settings())) {
            bench.finder()
                    .contrast(
                            new SteeringFinder.Contrast(
                                    "tiny-s0",
                                    List.of("I would like to", "We must vote"),
                                    List.of("Ich möchte", "Wir müssen"),
                                    5,
                                    "english",
                                    null,
                                    null),
                            Progress.silent());
            bench.notes()
                    .explain(
                            "tiny-s0",
                            List.of(new Explanation(
                                    3,
                                    "the start of a speech",
                                    "prose",
                                    "a model",
                                    Instant.parse("2026-11-26T00:20:00Z"),
                                    "",
                                    List.of(),
                                    0.75,
                                    null)));
            String node = bench.graphs().get("imported").nodes().getFirst().id();
            bench.graphs()
                    .saveView(
                            "imported",
                            new GraphView(
                                    List.of(node),
                                    List.of(new GraphView.Group("a group", List.of(node))),
                                    Map.of(node, "a name"),
                                    node,
                                    0.8));
        }
    }

    private Settings settings() {
        return Settings.load(Map.of(Settings.Key.WORKSPACE, root.toString()), Map.of());
    }

    private void run(String command) {
        Cli.Result r = new Cli(root).run(command.split(" "));
        if (r.code() != 0) {
            throw new IllegalStateException("loupe " + command + ": " + r.err());
        }
    }
}
