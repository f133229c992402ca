package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.ZstdOutputStream;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.cli.Cli;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.corpus.Corpora;
import dev.loupe.fixtures.Cases;
import dev.loupe.graph.GraphImport;
import dev.loupe.sae.SaeFormat;
import dev.loupe.service.DamagedFiles.Target;
import dev.loupe.steer.Variant;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged files of every kind that Loupe reads beside those of models: stores, SAEs of all formats, indexes, comparisons,
 * circuits, graphs, variants, notes, jobs, and texts. Each is read or refused in a sentence; nothing else is thrown, nothing
 * hangs.
 *
 * <p>1,000 cases in the normal run, 100,000 with {@code ./loupe test -Pnightly -pl server -am -Dtest=HostileFilesTest
 * -Dsurefire.failIfNoSpecifiedTests=false}.
 */
class HostileFilesTest {
    private static final int CASES = Integer.getInteger("loupe.fuzz.files", 1_000);

    /** A small graph as circuit-tracer writes it. */
    static final String TRACER_GRAPH =
            "{\"metadata\": {\"slug\": \"made\", \"scan\": \"x\", \"transcoder_list\": [], \"prompt_tokens\": [\"<bos>\","
                    + " \" a\"], \"prompt\": \"a\", \"schema_version\": 1}, \"qParams\": {\"pinnedIds\": [\"0_5_1\"], \"supernodes\":"
                    + " [[\"s\", \"0_5_1\"]], \"linkType\": \"both\", \"clickedId\": \"\"}, \"nodes\": ["
                    + "{\"node_id\": \"E_1_0\", \"layer\": \"E\", \"ctx_idx\": 0, \"feature_type\": \"embedding\", \"clerp\": \"e\"},"
                    + "{\"node_id\": \"0_5_1\", \"layer\": \"0\", \"ctx_idx\": 1, \"feature_type\": \"cross layer transcoder\","
                    + " \"clerp\": \"f\", \"feature\": 5, \"activation\": 1.5, \"influence\": 0.5},"
                    + "{\"node_id\": \"6_9_1\", \"layer\": \"6\", \"ctx_idx\": 1, \"feature_type\": \"logit\", \"clerp\": \" the\","
                    + " \"token_prob\": 0.25, \"is_target_logit\": true}], \"links\": [{\"source\": \"E_1_0\", \"target\": \"0_5_1\","
                    + " \"weight\": 0.5}, {\"source\": \"0_5_1\", \"target\": \"6_9_1\", \"weight\": -0.25}]}";

    @TempDir
    Path folder;

    private final DamagedFiles files = new DamagedFiles();

    @Test
    void everyKindOfFileIsReadOrRefused() throws IOException {
        List<List<Target>> kinds = new ArrayList<>();
        Path workspace = workspace();
        for (List<Target> kind : ofTheWorkspace(workspace)) {
            kinds.add(kind);
        }
        kinds.add(foreignSaes(workspace));
        kinds.add(texts());
        kinds.add(graphs());
        kinds.removeIf(List::isEmpty);
        Cases.checkSame(CASES, random -> {
            List<Target> kind = kinds.get(random.nextInt(kinds.size()));
            files.damage(kind.get(random.nextInt(kind.size())), random);
        });
        assertThat(files.wrong()).isEmpty();
        assertThat(files.kinds())
                .contains(
                        "activations",
                        "saes",
                        "features",
                        "comparisons",
                        "jobs",
                        "variants",
                        "notes",
                        "circuits",
                        "SAE openai",
                        "SAE gemma-scope",
                        "text .parquet",
                        "text .zst",
                        "graph.json");
    }

    private Path workspace() throws IOException {
        Path to = folder.resolve("loupe");
        try (Stream<Path> all = Files.walk(SmallWorkspace.folder())) {
            for (Path p : all.toList()) {
                Path target = to.resolve(SmallWorkspace.folder().relativize(p).toString());
                if (Files.isDirectory(p)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(p, target);
                }
            }
        }
        Path pairs = folder.resolve("pairs.jsonl");
        Files.writeString(
                pairs,
                "{\"clean\": \"The vote is\", \"corrupt\": \"The debate is\", \"answer\": \" the\", \"wrong\": \" a\"}\n");
        Cli cli = new Cli(to);
        Cli.Result r = cli.run(
                "circuit",
                "--pairs-file",
                pairs.toString(),
                "--saes",
                "tiny-s0",
                "--nodes",
                "5",
                "--points",
                "2",
                "--save",
                "made");
        assertThat(r.code()).as(r.err()).isZero();
        for (String[] sae : new String[][] {{"jump", "jumprelu"}, {"plain", "relu"}}) {
            r = cli.run(("train --store small --arch " + sae[1]
                            + " --d-sae 64 --l0-target 8 --steps 5 --set batch=64 --name " + sae[0])
                    .split(" "));
            assertThat(r.code()).as(r.err()).isZero();
        }
        try (Workbench bench = bench(to)) {
            bench.steer()
                    .save(Variant.of(dev.loupe.base.Json.MAPPER.readTree(
                            "{\"name\": \"v\", \"edits\": [{\"feature\": \"tiny-s0:5\", \"op\": \"add\", \"strength\": 1.5,"
                                    + " \"unit\": \"absolute\"}, {\"neuron\": \"1:7\", \"op\": \"ablate\"}]}")));
            bench.notes().save("tiny-s0", 5, "a note", 0);
            bench.notes()
                    .save(new FeatureList(
                            "l",
                            "a list",
                            List.of(new FeatureList.Item("tiny-s0", 5, "x")),
                            0,
                            java.time.Instant.EPOCH));
        }
        return to;
    }

    private static Workbench bench(Path root) {
        return new Workbench(
                Workspace.create(root), Settings.load(Map.of(Settings.Key.WORKSPACE, root.toString()), Map.of()));
    }

    private static List<List<Target>> ofTheWorkspace(Path root) throws IOException {
        // long: one reader for each kind of folder, nothing else
        Map<String, DamagedFiles.Reader> readers = new TreeMap<>();
        readers.put(
                "activations",
                () -> with(root, b -> {
                    b.stores().list();
                    b.stores().open("small");
                    b.stores().head("small", 3);
                    b.stores().verify("small", Progress.silent());
                }));
        readers.put(
                "saes",
                () -> with(root, b -> {
                    b.saes().list();
                    b.saes().get("tiny-s0");
                    b.evaluations().report("tiny-s0");
                    b.saes().open("tiny-s0");
                }));
        readers.put(
                "features",
                () -> with(root, b -> {
                    b.features().indexed();
                    b.features().list("tiny-s0", FeatureQuery.all());
                    for (int id = 0; id < 128; id += 9) {
                        b.features().detail("tiny-s0", id);
                    }
                }));
        readers.put(
                "comparisons",
                () -> with(root, b -> {
                    b.compare().list();
                    b.compare().get("tiny-s0", "tiny-s1");
                    b.compare().activations("tiny-s0", "tiny-s1");
                    b.compare().stability("tiny-s0");
                }));
        readers.put(
                "jobs",
                () -> with(root, b -> {
                    for (Job j : b.jobs().list()) {
                        b.jobs().events(j.id(), 0);
                        b.jobs().curves(j.id());
                        b.jobs().log(j.id());
                    }
                }));
        readers.put(
                "variants",
                () -> with(root, b -> {
                    b.steer().variants();
                    b.steer().variant("v");
                }));
        readers.put(
                "notes",
                () -> with(root, b -> {
                    b.notes().lists();
                    b.notes().list("l");
                    b.notes().notes("tiny-s0");
                    b.notes().explanations("tiny-s0");
                }));
        readers.put(
                "circuits",
                () -> with(root, b -> {
                    b.circuits().list();
                    b.circuits().get("made");
                }));
        List<List<Target>> all = new ArrayList<>();
        for (Map.Entry<String, DamagedFiles.Reader> r : readers.entrySet()) {
            List<Target> targets = new ArrayList<>();
            try (Stream<Path> there = Files.walk(root.resolve(r.getKey()))) {
                for (Path f : there.filter(Files::isRegularFile)
                        .filter(p -> !p.toString().endsWith(".lock"))
                        .sorted()
                        .toList()) {
                    boolean other = r.getKey().equals("saes") && !f.toString().contains("tiny-s0")
                            || r.getKey().equals("features") && !f.toString().contains("tiny-s0");
                    if (!other) {
                        targets.add(new Target(
                                r.getKey(),
                                f,
                                Files.readAllBytes(f),
                                f.toString().matches(".*\\.jsonl?"),
                                r.getValue()));
                    }
                }
            }
            all.add(targets);
        }
        return all;
    }

    /** What is done with a workspace. */
    @FunctionalInterface
    private interface Use {
        void of(Workbench bench) throws Exception;
    }

    private static void with(Path root, Use use) throws Exception {
        try (Workbench bench = bench(root)) {
            use.of(bench);
        }
    }

    private List<Target> foreignSaes(Path workspace) throws IOException {
        List<Target> targets = new ArrayList<>();
        try (Workbench bench = bench(workspace)) {
            for (SaeFormat format : SaeFormat.values()) {
                Path target = folder.resolve(
                        "sae-" + format.id() + (format == SaeFormat.OPENAI ? ".pt" : format.isFile() ? ".npz" : ""));
                boolean written = false;
                for (String sae : List.of("tiny-s0", "jump", "plain")) { // one that the format has
                    try {
                        if (!written) {
                            format.write(bench.saes().open(sae), target);
                            written = true;
                        }
                    } catch (UsageException e) {
                        assertThat(e.getMessage()).contains("export it as");
                    }
                }
                assertThat(written).as(format.id()).isTrue();
                try (Stream<Path> there = Files.walk(target)) {
                    for (Path f : there.filter(Files::isRegularFile).toList()) {
                        targets.add(new Target(
                                "SAE " + format.id(),
                                f,
                                Files.readAllBytes(f),
                                f.toString().endsWith(".json"),
                                () -> format.read(target, "x", "builtin", SmallWorkspace.HOOK)));
                    }
                }
            }
        }
        return targets;
    }

    private List<Target> texts() throws IOException {
        byte[] plain =
                ("The debate is closed.\nThe vote will take place tomorrow.\n\nDie Aussprache ist geschlossen.\r\n"
                                + "Fin \u2026 \uD83D\uDE00\n")
                        .repeat(30)
                        .getBytes(StandardCharsets.UTF_8);
        byte[] lines =
                ("{\"text\": \"Das W\u00F6rterbuch\", \"label\": 3}\n{\"text\": [1, 2, 3]}\n{\"messages\": [{\"role\": \"user\","
                                + " \"content\": \"Hello\"}, {\"role\": \"assistant\", \"content\": \"Hi\"}], \"text\": \"x\"}\n")
                        .repeat(20)
                        .getBytes(StandardCharsets.UTF_8);
        List<Target> targets = new ArrayList<>();
        targets.add(text("a.txt", ".txt", plain, false));
        targets.add(text("a.jsonl", ".jsonl", lines, true));
        ByteArrayOutputStream gz = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(gz)) {
            out.write(lines);
        }
        targets.add(text("b.jsonl.gz", ".gz", gz.toByteArray(), false));
        ByteArrayOutputStream zst = new ByteArrayOutputStream();
        try (OutputStream out = new ZstdOutputStream(zst)) {
            out.write(lines);
        }
        targets.add(text("c.jsonl.zst", ".zst", zst.toByteArray(), false));
        Path parquet = folder.resolve("rows");
        Cli.Result r = SmallWorkspace.cli().run("store", "export", "small", "--parquet", "--out", parquet.toString());
        assertThat(r.code()).as(r.err()).isZero();
        try (Stream<Path> there = Files.walk(parquet)) {
            for (Path f : there.filter(p -> p.toString().endsWith(".parquet"))
                    .limit(2)
                    .toList()) {
                targets.add(text("d-" + f.getFileName(), ".parquet", Files.readAllBytes(f), false));
            }
        }
        targets.add(text("e.arrow", ".arrow", ArrowText.bytes(), false));
        return targets;
    }

    private Target text(String name, String kind, byte[] bytes, boolean json) throws IOException {
        Path file = folder.resolve(name);
        Files.write(file, bytes);
        String field = kind.equals(".parquet") ? "token" : kind.equals(".arrow") ? "name" : "";
        return new Target("text " + kind, file, bytes, json, () -> {
            try (var all = Corpora.of(file.toString(), field).open()) {
                all.limit(10_000).forEach(d -> d.text().length());
            } catch (UncheckedIOException e) {
                throw new IOException(e);
            }
        });
    }

    private List<Target> graphs() throws IOException {
        String text = TRACER_GRAPH;
        Path file = folder.resolve("graph.json");
        Files.writeString(file, text);
        return List.of(new Target(
                "graph.json", file, text.getBytes(StandardCharsets.UTF_8), true, () -> GraphImport.read(file)));
    }
}
