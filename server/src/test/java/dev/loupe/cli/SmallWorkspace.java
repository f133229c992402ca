package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;

/**
 * A workspace with one small store and two small SAEs, evaluated, indexed and compared: made once per test run, by the
 * commands themselves. Tests that use it leave it as it is.
 */
public final class SmallWorkspace {
    public static final String HOOK = "blocks.2.hook_resid_post";

    private static final SmallWorkspace INSTANCE = make();

    private final Path folder;
    private final Map<String, Cli.Result> results = new HashMap<>();

    private SmallWorkspace(Path folder) {
        this.folder = folder;
    }

    public static Path folder() {
        return INSTANCE.folder;
    }

    /** A workspace of a test's own, with links to parts of this one, such as {@code saes/tiny-s0}. */
    public static Cli linked(Path workspace, String... parts) throws IOException {
        for (String part : parts) {
            Path link = workspace.resolve(part);
            Files.createDirectories(link.getParent());
            Files.createSymbolicLink(link, folder().toAbsolutePath().resolve(part));
        }
        return new Cli(workspace);
    }

    public static Cli cli() {
        return new Cli(INSTANCE.folder);
    }

    /** What the command that made a part of it answered: capture, train, eval, index or compare. */
    public static Cli.Result result(String command) {
        return INSTANCE.results.get(command);
    }

    private static SmallWorkspace make() {
        try {
            Path root = Files.createTempDirectory(Path.of("target"), "workspace-");
            SmallWorkspace w = new SmallWorkspace(root.resolve("loupe"));
            Path text = root.resolve("text.jsonl");
            Files.writeString(text, documents(150));
            w.run(
                    "capture",
                    "--text",
                    text.toString(),
                    "--hook",
                    HOOK,
                    "--tokens",
                    "6000",
                    "--held-out",
                    "0.2",
                    "--name",
                    "small");
            w.run(
                    "train",
                    "--store",
                    "small",
                    "--arch",
                    "topk",
                    "--d-sae",
                    "128",
                    "--k",
                    "8",
                    "--seeds",
                    "0,1",
                    "--steps",
                    "40",
                    "--set",
                    "batch=256",
                    "--name",
                    "tiny");
            w.run("eval", "tiny-s0", "tiny-s1", "--no-random-control");
            w.run("index", "tiny-s0", "tiny-s1");
            w.run("compare", "tiny-s0", "tiny-s1", "--threshold", "0.5");
            return w;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private void run(String command, String... args) {
        String[] all = new String[args.length + 2];
        all[0] = "--json";
        all[1] = command;
        System.arraycopy(args, 0, all, 2, args.length);
        Cli.Result r = new Cli(folder).run(all);
        assertThat(r.code()).as("loupe %s: %s", command, r.err()).isZero();
        results.put(command, r);
    }

    /** JSON lines of small documents, no two alike. */
    public static String documents(int count) {
        String[][] sentences = {
            {
                "I would like to thank the rapporteur for the report",
                "We must vote on the proposal of the Commission",
                "The debate is closed and the vote will take place tomorrow"
            },
            {
                "Ich möchte dem Berichterstatter für den Bericht danken",
                "Wir müssen über den Vorschlag abstimmen",
                "Die Aussprache ist geschlossen und die Abstimmung findet morgen statt"
            },
            {
                "Je voudrais remercier le rapporteur pour son rapport",
                "Nous devons voter sur la proposition",
                "Le débat est clos et le vote aura lieu demain"
            }
        };
        Random random = new Random(7);
        StringBuilder lines = new StringBuilder();
        for (int d = 0; d < count; d++) {
            String[] language = sentences[d % sentences.length];
            StringBuilder text = new StringBuilder("No. " + d + ": ");
            for (int s = 0; s < 5; s++) {
                text.append(language[random.nextInt(language.length)])
                        .append(" (")
                        .append(random.nextInt(1000))
                        .append("). ");
            }
            lines.append("{\"text\": \"").append(text).append("\"}\n");
        }
        return lines.toString();
    }
}
