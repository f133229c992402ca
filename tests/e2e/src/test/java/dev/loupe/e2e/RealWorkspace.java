package dev.loupe.e2e;

import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.http.LoupeServer;
import dev.loupe.patch.CircuitRequest;
import dev.loupe.patch.PatchRequest;
import dev.loupe.service.CircuitJob;
import dev.loupe.service.CompareSpec;
import dev.loupe.service.Settings;
import dev.loupe.service.TrainSpec;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A small workspace of real parts, made once for all tests of the pages: a capture of the embedded model, two SAEs
 * trained for seconds, their indexes, reports and comparison, and the real server over it on a free port.
 */
final class RealWorkspace {
    /** The first SAE; its sister has the suffix -s1. */
    static final String SAE = "tiny-s0";

    /** The second SAE. */
    static final String OTHER = "tiny-s1";

    /** A sparse feature circuit over the first SAE. */
    static final String CIRCUIT = "person";

    /** Markup that stands in every ninth text: pages must show it and never run it. */
    static final String EVIL = "<img src=x onerror=window.pwned=1>";

    private static RealWorkspace made;

    private final Workbench workbench;
    private final LoupeServer server;

    private RealWorkspace() throws IOException {
        Path folder = Files.createTempDirectory("loupe-e2e");
        Path text = folder.resolve("text.jsonl");
        Files.writeString(text, sentences());
        workbench = new Workbench(Workspace.create(folder), Settings.load(Map.of(), Map.of()));
        Path stores = workbench.workspace().activations();
        workbench
                .stores()
                .capture(
                        new CaptureRequest(
                                "tiny",
                                stores,
                                "builtin",
                                text.toString(),
                                "text",
                                List.of("blocks.3.hook_resid_post"),
                                12_000,
                                64,
                                null,
                                "float32",
                                "0.1",
                                0),
                        Progress.silent());
        workbench
                .training()
                .run(
                        TrainSpec.of("tiny", "tiny", "topk", 128)
                                .k(8)
                                .seeds(List.of(0L, 1L))
                                .steps(150L)
                                .set(Map.of("batch", 256))
                                .build(),
                        Progress.silent());
        for (String sae : List.of(SAE, OTHER)) {
            workbench.evaluations().run(sae, null, Progress.silent());
            workbench.features().build(sae, Progress.silent());
        }
        workbench.compare().run(new CompareSpec(SAE, OTHER, null), Progress.silent());
        workbench
                .circuits()
                .run(
                        new CircuitJob(
                                new CircuitRequest(
                                        PatchRequest.of("", "", "", "").withTask("person", 4),
                                        List.of(SAE),
                                        List.of(),
                                        8,
                                        0,
                                        true,
                                        3),
                                CIRCUIT),
                        Progress.silent());
        for (Map.Entry<String, Integer> graph : Map.of("made", 40, "made-b", 30).entrySet()) {
            Path json = folder.resolve(graph.getKey() + ".json");
            Files.writeString(json, MadeGraph.json(graph.getValue()));
            workbench.graphs().importAs(json, graph.getKey());
        }
        server = LoupeServer.start(workbench, new LoupeServer.Options("127.0.0.1", 0, null));
        Runtime.getRuntime().addShutdownHook(new Thread(server::close));
    }

    /** The workspace, made when it is first asked for. */
    static synchronized RealWorkspace get() {
        if (made == null) {
            try {
                made = new RealWorkspace();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
        return made;
    }

    Workbench workbench() {
        return workbench;
    }

    /** Where the server listens, without a slash at the end. */
    String url() {
        return "http://127.0.0.1:" + server.port();
    }

    /** Plain sentences in three languages, every one different, so that documents and labels differ. */
    private static String sentences() {
        String[] who = {"The Commission", "La Commission", "Komissio", "Parliament", "Le Parlement", "Parlamentti"};
        String[] what = {
            "has adopted the report on fisheries", "a adopté le rapport sur la pêche",
                    "on hyväksynyt mietinnön kalastuksesta",
            "would like to thank the rapporteur", "voudrait remercier le rapporteur", "haluaa kiittää esittelijää"
        };
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < 600; i++) {
            String sentence = who[i % who.length] + " " + what[(i / 2) % what.length] + " (" + i + "), 20"
                    + (10 + i % 15) + ". " + who[(i + 3) % who.length] + " " + what[(i + 1) % what.length]
                    + (i % 9 == 0 ? " " + EVIL : ".");
            s.append("{\"text\": \"").append(sentence).append("\"}\n");
        }
        return s.toString();
    }
}
