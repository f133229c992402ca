package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.cli.Cli;
import dev.loupe.cli.SmallWorkspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** An experiment on seeds from the command to the files, in a workspace of its own. */
class SeedsTest {
    @TempDir
    static Path folder;

    private static Cli cli = new Cli(Path.of("none"));
    private static Cli.Result made = new Cli.Result(-1, "", "");

    @BeforeAll
    static void run() throws IOException {
        Path from = SmallWorkspace.folder();
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : all.sorted().toList()) {
                if (!from.relativize(p).startsWith("logs")
                        && !from.relativize(p).startsWith("jobs")) {
                    Path to = folder.resolve("w").resolve(from.relativize(p).toString());
                    if (Files.isDirectory(p)) {
                        Files.createDirectories(to);
                    } else {
                        Files.copy(p, to);
                    }
                }
            }
        }
        cli = new Cli(folder.resolve("w"));
        made = cli.run(
                "--json",
                "seeds",
                "--store",
                "small",
                "--name",
                "exp",
                "--arch",
                "topk,relu",
                "--seeds",
                "0..2",
                "--d-sae",
                "64,96",
                "--k",
                "8,16",
                "--tokens",
                "8k,16k",
                "--set",
                "batch=256",
                "--threshold",
                "0.5");
    }

    @Test
    void everyCellIsTrainedMatchedAndReported() {
        assertThat(made.code()).as(made.err()).isZero();
        JsonNode json = made.json();
        // per architecture: base, longer, wider, wider and longer, denser
        assertThat(json.path("cells")).hasSize(10);
        JsonNode base = json.path("cells").get(0);
        assertThat(base.path("saes").get(2).asString()).isEqualTo("exp.topk-64-k8-t8000-s2");
        assertThat(base.path("l0").get(0).asDouble()).isCloseTo(8, within(0.8));
        assertThat(base.path("equal_l0").asBoolean()).isTrue();
        double sum = 0;
        for (JsonNode share : base.path("histogram")) {
            sum += share.asDouble();
        }
        assertThat(sum).isCloseTo(1, within(1e-9));
        assertThat(base.path("shared").path("low").asDouble())
                .isLessThanOrEqualTo(base.path("shared").path("mean").asDouble());
        assertThat(base.path("gap").asDouble()).isBetween(0.0, 1e-9);
        for (JsonNode trend : json.path("trends")) {
            assertThat(trend.path("verdict").asString())
                    .isIn("as in the paper", "opposite to the paper", "not shown", "up", "down");
            if (!trend.path("usable").asBoolean()) {
                assertThat(trend.path("verdict").asString()).isEqualTo("not shown");
            }
        }
        assertThat(json.path("trends")).hasSize(9);
        assertThat(json.path("notes").toString()).contains("tokens per latent");
        assertThat(folder.resolve("w/seeds/exp/experiment.json")).exists();
        assertThat(folder.resolve("w/seeds/exp/pairs.arrow")).isNotEmptyFile();
    }

    @Test
    void theSameOrderAgainTrainsNothingAndSaysTheSame() {
        Cli.Result again = cli.run(
                "--json",
                "seeds",
                "--store",
                "small",
                "--name",
                "exp",
                "--arch",
                "topk",
                "--seeds",
                "0..2",
                "--d-sae",
                "64",
                "--k",
                "8",
                "--tokens",
                "8k",
                "--set",
                "batch=256",
                "--threshold",
                "0.5");
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(again.json().path("cells").get(0))
                .isEqualTo(made.json().path("cells").get(0));
    }

    @Test
    void severalSaesAreComparedTogetherAndOneWithItself() throws Exception {
        String[] names = {"exp.topk-64-k8-t8000-s0", "exp.topk-64-k8-t8000-s1", "exp.topk-64-k8-t8000-s2"};
        Cli.Result r =
                cli.run("--json", "compare", names[0], names[1], names[2], "--threshold", "0.5", "--activations");
        assertThat(r.code()).as(r.err()).isZero();
        JsonNode overlap = r.json().path("overlap");
        assertThat(overlap.path("histogram").get(0)).hasSize(3);
        assertThat(overlap.path("transitivity").path("triples").asInt()).isEqualTo(6);
        JsonNode activations = r.json().path("pairs").get(0).path("activations");
        assertThat(activations.path("cka").asDouble()).isBetween(0.0, 1.0);
        assertThat(activations.path("mean_correlation").asDouble()).isBetween(0.05, 1.0); // matched latents fire alike
        assertThat(activations.path("mean_jaccard").asDouble()).isBetween(0.01, 1.0);
        Cli.Result self = cli.run("--json", "compare", names[0], names[0]);
        assertThat(self.code()).as(self.err()).isZero();
        assertThat(self.json().path("shared").asInt()).isEqualTo(64);
        Cli.Result wide = cli.run("--json", "compare", "tiny-s0", names[0]);
        assertThat(wide.code()).as(wide.err()).isZero();
        assertThat(wide.json().path("shared").asInt()
                        + wide.json().path("orphans_b").asInt())
                .isEqualTo(64);
        try (Http http = new Http(folder.resolve("w"), null)) {
            JsonNode o = Http.json(http.get("/api/overlap?threshold=0.5&saes=" + String.join(",", names)));
            assertThat(o.path("found_in")).hasSize(3);
            assertThat(o.path("found_in").get(0)).hasSize(64);
            assertThat(Http.json(http.get("/api/seeds")).path("experiments").toString())
                    .contains("exp");
            assertThat(Http.json(http.get("/api/seeds/exp")).path("cells").size())
                    .isPositive();
            assertThat(http.get("/api/seeds/none").statusCode()).isEqualTo(404);
            assertThat(Http.json(http.get("/api/comparisons/" + names[0] + "/" + names[1] + "/activations"))
                            .path("correlation"))
                    .hasSize(64);
            assertThat(http.get("/api/comparisons/tiny-s0/tiny-s1/activations").statusCode())
                    .isEqualTo(404);
            assertThat(http.get("/api/overlap?saes=tiny-s0").statusCode()).isEqualTo(400);
            stabilityFiltersAndSortsTheListOfFeatures(http);
        }
    }

    /** tiny-s0 and tiny-s1 differ in their seed only and were compared. */
    private static void stabilityFiltersAndSortsTheListOfFeatures(Http http) throws Exception {
        JsonNode stability = Http.json(http.get("/api/saes/tiny-s0/stability"));
        assertThat(stability.path("others").asInt()).isEqualTo(1);
        int found = 0;
        for (JsonNode f : stability.path("found")) {
            found += f.asInt();
        }
        String list = "/api/features/tiny-s0?dead=true&limit=0&sort=stability&descending=true";
        JsonNode all = Http.json(http.get(list));
        assertThat(all.path("total").asInt()).isEqualTo(128);
        double last = 1;
        for (JsonNode f : all.path("features")) {
            double score = stability.path("score").get(f.path("id").asInt()).asDouble();
            assertThat(score).isLessThanOrEqualTo(last);
            last = score;
        }
        assertThat(Http.json(http.get(list + "&seeds=all")).path("total").asInt())
                .isEqualTo(found);
        assertThat(Http.json(http.get(list + "&seeds=none")).path("total").asInt())
                .isEqualTo(128 - found);
        assertThat(http.get(list + "&seeds=maybe").statusCode()).isEqualTo(400);
        assertThat(http.get("/api/saes/exp.relu-64-k8-t8000-s0/stability").statusCode())
                .isEqualTo(200);
    }

    @Test
    void badOrdersAreRefusedInOneSentenceBeforeAnythingIsTrained() {
        assertThat(refused("--seeds", "3")).contains("two or more seeds");
        assertThat(refused("--tokens", "many")).contains("many");
        assertThat(refused("--d-sae", "0")).contains("at least 1");
        assertThat(refused("--arch", "dance")).contains("dance");
        assertThat(refused("--threshold", "1.5")).contains("1.5");
        assertThat(folder.resolve("w/seeds/bad")).doesNotExist();
    }

    private static String refused(String... args) {
        String[] all = new String[args.length + 5];
        System.arraycopy(new String[] {"seeds", "--store", "small", "--name", "bad"}, 0, all, 0, 5);
        System.arraycopy(args, 0, all, 5, args.length);
        Cli.Result r = cli.run(all);
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.out()).isEmpty();
        return r.err();
    }
}
