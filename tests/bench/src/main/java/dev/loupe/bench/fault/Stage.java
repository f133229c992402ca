package dev.loupe.bench.fault;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/**
 * A stage of the work, as a command in small.
 *
 * @param name of the stage
 * @param command the command, without the workspace
 * @param result what it leaves: folders and files of the workspace
 */
record Stage(String name, List<String> command, List<String> result) {
    /** Everything that lies beside its results is compared, too: what a killed command leaves shall not stay for good. */
    List<String> compared() {
        return result.stream().map(r -> r.split("/")[0]).distinct().toList();
    }

    private static final String HOOK = "blocks.2.hook_resid_post";
    private static final String[] WORDS =
            ("the vote report Commission debate is closed tomorrow und Bericht Abstimmung findet morgen statt le vote aura lieu"
                            + " demain rapport nous devons voter")
                    .split(" ");

    private static final String TEXT = "text.jsonl";
    private static final String SWEEP = "sweep.yaml";
    private static final String PAIRS = "pairs.jsonl";

    /** So often that killed trainings have checkpoints behind them. */
    private static final String CHECKPOINT_MINUTES = "0.0002";

    /** The commands that make what the stages need. */
    static List<List<String>> preparation(Path folder) {
        return List.of(
                command(folder, "capture --text " + TEXT + " --hook " + HOOK + " --tokens 1500 --name base"),
                command(
                        folder,
                        "train --store base --arch topk --d-sae 128 --k 8 --seeds 0,1 --steps 20 --set batch=256 --name sae"));
    }

    /**
     * All stages, small enough that each takes a second or two.
     *
     * @param threads of each, 0 for all cores
     */
    static List<Stage> all(Path folder, int threads) {
        return all(folder).stream()
                .map(s -> new Stage(
                        s.name(),
                        Stream.concat(s.command().stream(), Stream.of("--threads", Integer.toString(threads)))
                                .toList(),
                        s.result()))
                .toList();
    }

    private static List<Stage> all(Path folder) {
        String hooks = HOOK + ",blocks.1.hook_resid_post";
        return List.of(
                new Stage(
                        "capture",
                        command(
                                folder,
                                "capture --text " + TEXT + " --hook " + hooks
                                        + " --tokens 2600 --shard-rows 1024 --name made"),
                        List.of("activations/made")),
                new Stage(
                        "train",
                        command(
                                folder,
                                "train --store base --arch jumprelu --d-sae 128 --l0-target 8 --steps 60 --set batch=128"
                                        + " --set checkpoint_minutes=" + CHECKPOINT_MINUTES
                                        + " --set keep_every=20steps --name made"),
                        List.of("saes/made")),
                new Stage("sweep", command(folder, "sweep " + SWEEP), List.of("sweeps/made", "saes")),
                new Stage("index", command(folder, "index sae-s0"), List.of("features/sae-s0")),
                new Stage("compare", command(folder, "compare sae-s0 sae-s1 --activations"), List.of("comparisons")),
                new Stage(
                        "circuits",
                        command(
                                folder,
                                "circuit --pairs-file " + PAIRS + " --saes sae-s0 --nodes 6 --points 2 --save made"),
                        List.of("circuits/made")));
    }

    /** A command as it is typed; names of files in the folder become their paths. */
    private static List<String> command(Path folder, String typed) {
        return Stream.of(typed.split(" "))
                .map(w -> w.equals(TEXT) || w.equals(SWEEP) || w.equals(PAIRS)
                        ? folder.resolve(w).toString()
                        : w)
                .toList();
    }

    /** Writes the texts that the commands read. */
    static void inputs(Path folder) throws IOException {
        Files.createDirectories(folder);
        Random random = new Random(7);
        StringBuilder lines = new StringBuilder();
        for (int d = 0; d < 120; d++) {
            StringBuilder text = new StringBuilder("No. " + d);
            for (int w = 0; w < 80; w++) {
                text.append(' ').append(WORDS[random.nextInt(WORDS.length)]);
            }
            lines.append("{\"text\": \"").append(text).append(".\"}\n");
        }
        Files.writeString(folder.resolve(TEXT), lines);
        Files.writeString(
                folder.resolve(SWEEP),
                "name: made\nstore: base\narch: [topk, relu]\nd_sae: [48, 64]\nk: [8]\nseeds: [0]\nsteps: 20\n"
                        + "set: {batch: 128, checkpoint_minutes: " + CHECKPOINT_MINUTES + "}\n");
        List<String> pairs = new ArrayList<>();
        for (String[] p : new String[][] {{"The vote is", "The debate is"}, {"The report is", "The Commission is"}}) {
            pairs.add("{\"clean\": \"%s\", \"corrupt\": \"%s\", \"answer\": \" the\", \"wrong\": \" a\"}"
                    .formatted(p[0], p[1]));
        }
        Files.writeString(folder.resolve(PAIRS), String.join("\n", pairs) + "\n");
    }
}
