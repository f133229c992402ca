package dev.loupe.bench.fault;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Disturbs stages and looks at what is left. Each trial begins with the same workspace: the stage is done disturbed, then once
 * more undisturbed; what it leaves then must be that of a run that nothing disturbed, bit by bit.
 */
public final class Faults {
    private static final long ROOM = 512L << 20;
    private static final int WORTH_A_CACHE = 10;
    private static final int TOLD_EVERY = 10;
    private static final int LONG_PATIENCE_SECONDS = 240; // the cache is written at the end

    private final Path folder;
    private final Random random;
    private final long deadline;
    private final List<Stage> stages;
    private final ChildJvm jvm;
    private final List<String> notes = new ArrayList<>();

    /**
     * What became of the trials of a stage under a fault.
     *
     * @param stage the stage
     * @param fault the fault
     * @param runs how many
     * @param done of them, how often the command came to its end all the same, or before the fault met it
     * @param said how often it ended with a sentence
     * @param killed how often it was ended by the fault
     * @param equal how often it left the same bits then, most after a second run
     * @param wrong what was not as it should be, a line each
     */
    public record Row(
            String stage, String fault, int runs, int done, int said, int killed, int equal, List<String> wrong) {
        /** The names of {@link #line}. */
        static final String HEAD =
                "| stage | fault | points | came to its end | said why it ended | was killed | equal afterwards"
                        + " | wrong |\n|---|---|---|---|---|---|---|---|";

        /** As a row of a table. */
        String line() {
            return "| %s | %s | %d | %d | %d | %d | %d | %d |"
                    .formatted(stage, fault, runs, done, said, killed, equal, wrong.size());
        }
    }

    /** What a stage leaves and needs if nothing disturbs it. */
    private record Undisturbed(Map<String, String> result, Set<String> varies, double seconds, long bytes) {}

    /**
     * In a folder that is empty, or that a run before used: the workspace that every trial begins with is then there already.
     *
     * @param seed of the points
     * @param deadline no trial begins after it, in {@link System#nanoTime}
     * @param threads of each command, 0 for all cores
     */
    public Faults(Path folder, long seed, long deadline, int threads) throws IOException {
        this.folder = folder.toAbsolutePath();
        this.random = new Random(seed);
        this.deadline = deadline;
        this.jvm = new ChildJvm(this.folder);
        this.stages = Stage.all(this.folder, threads);
        Stage.inputs(this.folder);
    }

    /** The names of all stages. */
    public List<String> stages() {
        return stages.stream().map(Stage::name).toList();
    }

    /** What else should be known: values that differ without any fault. */
    public List<String> notes() {
        return notes;
    }

    /** Makes the workspace that every trial begins with. */
    public void prepare() throws IOException {
        Path finished = folder.resolve("prepared");
        if (Files.exists(finished)) {
            return;
        }
        AtomicFiles.deleteTree(base());
        for (List<String> command : Stage.preparation(folder)) {
            Child.End end = Child.here(base(), command);
            if (end.code() != 0) {
                throw new LoupeException("The workspace for the faults could not be made: " + end.said());
            }
        }
        Files.createFile(finished);
    }

    private Path base() {
        return folder.resolve("base");
    }

    /**
     * Disturbs one stage.
     *
     * @param runs how often by each fault
     * @param listener hears at once of what is wrong
     */
    public List<Row> run(String name, Map<String, Integer> runs, Consumer<String> listener) throws Exception {
        Stage stage = stages.stream()
                .filter(s -> s.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new LoupeException("There is no stage " + name + "; there are " + stages() + "."));
        boolean many = runs.values().stream().mapToInt(n -> n).sum() >= WORTH_A_CACHE;
        Undisturbed reference = reference(stage, many);
        List<Row> rows = new ArrayList<>();
        for (Fault fault : Fault.values()) {
            int n = runs.getOrDefault(fault.words(), 0);
            if (n == 0) {
                continue;
            }
            if (fault == Fault.DISK_FULL && !SmallDisk.permitted(folder.resolve("disk"))) {
                notes.add("disk full: mounting a small file system is not permitted here, not tried");
                continue;
            }
            Row row = new Row(stage.name(), fault.words(), 0, 0, 0, 0, 0, new ArrayList<>());
            double seconds = reference.seconds();
            for (int i = 0; i < n && System.nanoTime() - deadline < 0; i++) {
                List<String> wrong = row.wrong();
                int before = wrong.size();
                Trial t = trial(stage, fault, reference, seconds, wrong);
                int code = t.end().code();
                if (code == 0) { // as fast as the machine is now, so that most points meet the work
                    seconds = (seconds + t.end().seconds()) / 2;
                }
                row = new Row(
                        stage.name(),
                        fault.words(),
                        i + 1,
                        row.done() + (code == 0 ? 1 : 0),
                        row.said() + (code == 1 && !t.end().sentence().isEmpty() ? 1 : 0),
                        row.killed() + (fault.silences(code) ? 1 : 0),
                        row.equal() + (t.equal() ? 1 : 0),
                        wrong);
                wrong.subList(before, wrong.size()).forEach(listener);
                if ((i + 1) % TOLD_EVERY == 0) {
                    listener.accept(row.line());
                }
            }
            rows.add(row);
        }
        return rows;
    }

    private Undisturbed reference(Stage stage, boolean cache) throws Exception {
        Path kept = folder.resolve(stage.name() + ".reference.json");
        Undisturbed reference =
                Files.exists(kept) ? Json.read(kept, Undisturbed.class) : undisturbedTwice(stage, cache);
        Json.write(kept, reference);
        notes.add(stage.name() + ": " + String.format(java.util.Locale.ROOT, "%.1f s", reference.seconds())
                + " of work, " + reference.bytes() + " bytes, "
                + reference.result().size()
                + " values compared, without "
                + (reference.varies().isEmpty() ? "exception" : String.join(", ", reference.varies())));
        return reference;
    }

    private Undisturbed undisturbedTwice(Stage stage, boolean cache) throws Exception {
        Path output = folder.resolve("output");
        Path first = folder.resolve("first");
        long before = size(base());
        if (cache && !jvm.hasLearned(stage)) {
            undisturbed(stage, fresh(first), output, List.of(jvm.learning(stage)));
        }
        Child.End end = undisturbed(stage, fresh(first), output, List.of());
        long bytes = Math.max(4096, size(first) - before);
        Path second = fresh(folder.resolve("second"));
        Child.End again = Child.here(second, stage.command());
        if (again.code() != 0) {
            throw new LoupeException("The stage " + stage.name() + " fails undisturbed: " + again.said());
        }
        Map<String, String> result = Fingerprint.of(first, stage.compared());
        Set<String> varies = Fingerprint.difference(result, Fingerprint.of(second, stage.compared()));
        return new Undisturbed(result, varies, end.seconds(), bytes);
    }

    private Child.End undisturbed(Stage stage, Path workspace, Path output, List<String> flags)
            throws IOException, InterruptedException {
        Child.End end = Child.start(
                        jvm.command(stage, flags, Child.class), Map.of(), workspace, output, stage.command())
                .await(LONG_PATIENCE_SECONDS);
        if (end.code() != 0) {
            throw new LoupeException("The stage " + stage.name() + " fails undisturbed: " + end.said());
        }
        return end;
    }

    /** How the command ended that was disturbed, and whether what is left in the end is right. */
    private record Trial(Child.End end, boolean equal) {}

    private Trial trial(Stage stage, Fault fault, Undisturbed reference, double seconds, List<String> wrong)
            throws Exception {
        @Nullable SmallDisk disk = null;
        try {
            Path workspace = folder.resolve("trial");
            if (fault == Fault.DISK_FULL) {
                disk = SmallDisk.mount(folder.resolve("disk"), ROOM);
                workspace = disk.folder().resolve("trial");
            }
            fresh(workspace);
            if (disk != null) {
                disk.resize(disk.used() + (long) (random.nextDouble() * reference.bytes()));
            }
            Path output = folder.resolve("output");
            Child.End end = fault.meet(new Fault.Trial(stage, jvm, workspace, output, seconds, random));
            String about = stage.name() + ", " + fault.words() + ": ";
            if (end.code() != 0 && !fault.silences(end.code())) {
                String sentence = end.sentence();
                if (end.code() != 1
                        || !sentence.endsWith(".")
                        || sentence.contains("This should not have happened")
                        || end.said().contains("\tat ")) {
                    wrong.add(about + "ended with " + end.code() + " and said: "
                            + end.said().strip());
                }
            }
            if (disk != null) {
                disk.resize(ROOM);
            }
            if (end.code() != 0) {
                halves(stage, workspace, reference, about, wrong);
            }
            return new Trial(end, again(stage, workspace, end.code() == 0, reference, about, wrong));
        } finally {
            if (disk != null) {
                disk.close();
            }
        }
    }

    /** What has its final name must be whole already. */
    private static void halves(Stage stage, Path workspace, Undisturbed reference, String about, List<String> wrong)
            throws IOException {
        Map<String, String> there;
        try {
            there = Fingerprint.of(workspace, stage.compared());
        } catch (LoupeException e) {
            wrong.add(about + "left a file that cannot be read: " + e.getMessage());
            return;
        }
        Set<String> odd = new TreeSet<>();
        Set<String> missing = new TreeSet<>();
        for (Map.Entry<String, String> e : reference.result().entrySet()) {
            String value = there.get(e.getKey());
            if (value == null) {
                missing.add(artifact(e.getKey()));
            } else if (!value.equals(e.getValue()) && !reference.varies().contains(e.getKey())) {
                odd.add(e.getKey());
            }
        }
        odd.removeIf(n -> missing.contains(artifact(n))); // parts without their manifest: a command goes on with them
        if (!odd.isEmpty()) {
            wrong.add(about + "left something else under its final name: " + odd);
        }
    }

    /** The artifact that a value belongs to: a folder in one of the workspace's folders. */
    private static String artifact(String value) {
        String[] parts = value.split("/");
        return parts.length < 2 ? value : parts[0] + "/" + parts[1];
    }

    private static boolean again(
            Stage stage, Path workspace, boolean done, Undisturbed reference, String about, List<String> wrong)
            throws IOException {
        if (!done || stage.result().stream().noneMatch(r -> Files.exists(workspace.resolve(r)))) {
            Child.End end = Child.here(workspace, stage.command());
            boolean there = end.code() != 0
                    && (end.said().contains("exists already") || end.said().contains("is there already"));
            if (end.code() != 0 && !there) {
                wrong.add(about + "cannot be done again: " + end.said().strip());
                return false;
            }
        }
        Set<String> differs = Fingerprint.difference(reference.result(), Fingerprint.of(workspace, stage.compared()));
        differs.removeAll(reference.varies());
        if (!differs.isEmpty()) {
            wrong.add(about + "differs afterwards in " + differs.size() + " values: "
                    + differs.stream().limit(5).toList());
        }
        return differs.isEmpty();
    }

    /** The base workspace, copied; its files may be written to, so no links. */
    private Path fresh(Path to) throws IOException {
        AtomicFiles.deleteTree(to);
        try (Stream<Path> all = Files.walk(base())) {
            for (Path p : all.toList()) {
                Path target = to.resolve(base().relativize(p).toString());
                if (Files.isDirectory(p)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(p, target);
                }
            }
        }
        return to;
    }

    private static long size(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(Files::isRegularFile)
                    .mapToLong(p -> p.toFile().length())
                    .sum();
        }
    }
}
