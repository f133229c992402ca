package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.TaskExecutor;
import dev.loupe.base.UsageException;
import dev.loupe.cluster.Executors;
import dev.loupe.compare.ActivationOverlap;
import dev.loupe.compare.Comparability;
import dev.loupe.compare.MatchBlockTask;
import dev.loupe.compare.MatchBlocks;
import dev.loupe.compare.MatchTask;
import dev.loupe.compare.Matching;
import dev.loupe.compare.MatchingFiles;
import dev.loupe.compare.Overlap;
import dev.loupe.compare.SaeMatcher;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeDirections;
import dev.loupe.store.ActivationStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Comparing SAEs: which latents of one are also in another. */
public final class Comparisons {
    private final Workspace workspace;
    private final Stores stores;
    private final Saes saes;
    private final Map<Path, Opened> open = new ConcurrentHashMap<>();

    private final Map<String, Stable> stable = new ConcurrentHashMap<>();

    private record Opened(FileTime written, Matching matching) {}

    /** What some comparisons said together; the same objects say the same again. */
    private record Stable(List<Matching> matchings, SeedStability stability) {}

    /** A pair that was compared. */
    public record Pair(String a, String b) {}

    private final Executors executors;

    Comparisons(Workspace workspace, Stores stores, Saes saes, Executors executors) {
        this.workspace = workspace;
        this.stores = stores;
        this.saes = saes;
        this.executors = executors;
    }

    /** The pairs that were compared, by name. */
    public List<Pair> list() {
        List<String> names = saes.names();
        List<Pair> pairs = new ArrayList<>();
        for (String folder : MatchingFiles.list(workspace.comparisons())) {
            // a name may hold two hyphens itself: take the cut that gives two SAEs
            for (int at = folder.indexOf("--"); at >= 0; at = folder.indexOf("--", at + 1)) {
                Pair pair = new Pair(folder.substring(0, at), folder.substring(at + 2));
                if (names.contains(pair.a) && names.contains(pair.b)) {
                    pairs.add(pair);
                    break;
                }
            }
        }
        return pairs;
    }

    /**
     * A saved comparison.
     *
     * @throws dev.loupe.base.NotFoundException if the pair was not compared in this order
     */
    public Matching get(String a, String b) {
        saes.folder(a);
        saes.folder(b);
        Path file = MatchingFiles.folder(workspace.comparisons(), a, b).resolve(MatchingFiles.FILE);
        FileTime written;
        try {
            written = Files.getLastModifiedTime(file);
        } catch (IOException e) {
            return MatchingFiles.open(workspace.comparisons(), a, b); // says that it is not there
        }
        Opened known = open.get(file);
        if (known == null || !known.written.equals(written)) {
            known = new Opened(written, MatchingFiles.open(workspace.comparisons(), a, b));
            open.put(file, known);
        }
        return known.matching;
    }

    /** A saved comparison in whichever order it was made. */
    public Optional<Matching> either(String a, String b) {
        return MatchingFiles.exists(workspace.comparisons(), a, b)
                ? Optional.of(get(a, b))
                : MatchingFiles.exists(workspace.comparisons(), b, a) ? Optional.of(get(b, a)) : Optional.empty();
    }

    /**
     * Several SAEs together; every pair must have been compared.
     *
     * @param threshold null for 0.7
     * @throws NotFoundException naming a pair that was not
     */
    public Overlap overlap(List<String> names, @Nullable Double threshold) {
        if (names.size() < 2 || names.stream().distinct().count() < names.size()) {
            throw new UsageException("Name two or more different SAEs.");
        }
        double tau = threshold == null ? Matching.DEFAULT_THRESHOLD : threshold;
        if (!(tau >= 0 && tau <= 1)) {
            throw new UsageException("The threshold is " + tau + "; a cosine from 0 to 1 is meant.");
        }
        List<Matching> all = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            for (int j = i + 1; j < names.size(); j++) {
                String a = names.get(i);
                String b = names.get(j);
                all.add(either(a, b).orElseGet(() -> get(a, b)));
            }
        }
        return Overlap.of(names, all, tau);
    }

    /**
     * The SAEs that were all compared with each other and differ in their seed only, these two among them: what can be
     * counted over seeds. The two alone if there are no others.
     */
    public List<String> family(String a, String b) {
        List<String> family = new ArrayList<>(List.of(a, b));
        Set<Pair> compared = new HashSet<>(list());
        for (String name : saes.names()) {
            boolean all = !family.contains(name)
                    && family.stream()
                            .allMatch(
                                    f -> compared.contains(new Pair(name, f)) || compared.contains(new Pair(f, name)));
            if (all && alike(a, name)) {
                family.add(name);
            }
        }
        family.sort(Comparator.naturalOrder());
        return family;
    }

    /** How well the latents of an SAE are found in other seeds; empty if it was compared with none. */
    public Optional<SeedStability> stability(String sae) {
        List<Matching> matchings = new ArrayList<>();
        for (Pair p : list()) {
            String other = p.a().equals(sae) ? p.b() : p.b().equals(sae) ? p.a() : sae;
            if (!other.equals(sae) && alike(sae, other)) {
                matchings.add(get(p.a(), p.b()));
            }
        }
        if (matchings.isEmpty()) {
            return Optional.empty();
        }
        Stable known = stable.get(sae);
        if (known != null && known.matchings.equals(matchings)) {
            return Optional.of(known.stability);
        }
        int width = saes.get(sae).dSae();
        int[] found = new int[width];
        float[] score = new float[width];
        for (Matching m : matchings) {
            boolean first = m.a().equals(sae);
            int[] partner = first ? java.util.stream.IntStream.range(0, width).toArray() : m.decoderMatchOfB();
            for (int i = 0; i < width; i++) {
                int of = partner[i]; // the pair's latent of A
                if (of >= 0 && m.decoderMatch()[of] >= 0 && m.decoderMatch()[of] == m.encoderMatch()[of]) {
                    score[i] += Math.max(0, Math.min(m.decoderCosine()[of], m.encoderCosine()[of])) / matchings.size();
                    found[i] += m.isShared(of, m.threshold()) ? 1 : 0;
                }
            }
        }
        Stable now = new Stable(matchings, new SeedStability(matchings.size(), found, score));
        stable.put(sae, now);
        return Optional.of(now.stability);
    }

    private boolean alike(String a, String b) {
        SaeView x = saes.get(a);
        SaeView y = saes.get(b);
        return x.dSae() == y.dSae()
                && x.architecture().equals(y.architecture())
                && x.k() == y.k()
                && x.tokens() == y.tokens()
                && x.hook().equals(y.hook());
    }

    /** What matched latents do on the store, if that was looked at. */
    public Optional<ActivationOverlap> activations(String a, String b) {
        return MatchingFiles.openActivations(workspace.comparisons(), a, b);
    }

    /**
     * Whether there is a saved comparison with this threshold that is younger than both SAEs.
     *
     * @throws dev.loupe.base.NewerFormatException if a later Loupe made it
     */
    public boolean isCurrent(CompareSpec spec) {
        MatchingFiles.checkReplaceable(workspace.comparisons(), spec.a(), spec.b());
        if (!MatchingFiles.exists(workspace.comparisons(), spec.a(), spec.b())) {
            return false;
        }
        Path file = MatchingFiles.folder(workspace.comparisons(), spec.a(), spec.b())
                .resolve(MatchingFiles.FILE);
        try {
            long at = Files.getLastModifiedTime(file).toMillis();
            return Saes.written(saes.folder(spec.a())).toMillis() <= at
                    && Saes.written(saes.folder(spec.b())).toMillis() <= at
                    && get(spec.a(), spec.b()).threshold() == spec.cosine();
        } catch (IOException e) {
            return false;
        }
    }

    /** Compares two SAEs and saves the result; one that is there already and fits is kept. */
    public Matching run(CompareSpec spec, Progress progress) {
        double threshold = spec.cosine();
        if (!(threshold >= 0 && threshold <= 1)) {
            throw new UsageException("The threshold is " + threshold + "; a cosine from 0 to 1 is meant.");
        }
        boolean across = Boolean.TRUE.equals(spec.across());
        if (isCurrent(spec)) {
            progress.message("The comparison of " + spec.a() + " and " + spec.b() + " is there already.");
        } else {
            try (SaeDirections a = directions(spec.a());
                    SaeDirections b = directions(spec.b())) {
                Comparability.check(a, b, across);
                Matching matching = SaeMatcher.match(a, b, threshold, workspace.comparisons(), progress);
                MatchingFiles.save(workspace.comparisons(), matching);
                SaeMatcher.forget(workspace.comparisons(), spec.a(), spec.b());
            }
        }
        Matching matching = get(spec.a(), spec.b());
        if (Boolean.TRUE.equals(spec.activations())) {
            look(saes.open(spec.a()), saes.open(spec.b()), matching, progress);
        }
        return matching;
    }

    /** Makes the comparisons that are missing or out of date on the cluster, if there is one; does nothing else. */
    void elsewhere(List<CompareSpec> specs, Progress progress) {
        if (!executors.remote()) {
            return;
        }
        List<CompareSpec> missing = new ArrayList<>();
        for (CompareSpec spec : specs) {
            if (isCurrent(spec)) {
                SaeMatcher.forget(workspace.comparisons(), spec.a(), spec.b()); // of a driver that died before it did
            } else {
                missing.add(spec);
            }
        }
        if (missing.isEmpty()) {
            return;
        }
        List<Path> folders = missing.stream()
                .map(s -> MatchingFiles.folder(workspace.comparisons(), s.a(), s.b()))
                .toList();
        try (Executors.Claim claim = executors.claim(folders, progress)) {
            TaskExecutor cluster = executors.get(progress);
            List<MatchTask> tasks =
                    missing.stream().map(s -> task(s, cluster, progress)).toList();
            progress.stage("match", tasks.size(), "pairs");
            cluster.run(tasks.iterator(), MatchTask.Made.class, this::attempt, this::publish, progress);
            folders.forEach(folder -> executors.keep(folder, progress));
        }
    }

    /** The task of a pair; of a wide one, the lists of its largest cosines are made before. */
    private MatchTask task(CompareSpec spec, TaskExecutor cluster, Progress progress) {
        SaeView a = saes.get(spec.a());
        SaeView b = saes.get(spec.b());
        boolean dense = !MatchBlocks.suits(a.dSae(), b.dSae());
        List<Path> inputs = new ArrayList<>(List.of(saes.folder(spec.a()), saes.folder(spec.b())));
        if (!dense) {
            MatchBlocks.run(
                    inputs.get(0),
                    inputs.get(1),
                    workspace.comparisons(),
                    f -> directions(String.valueOf(f.getFileName())),
                    cluster,
                    progress);
            inputs.addAll(SaeMatcher.lists(workspace.comparisons(), spec.a(), spec.b()));
        }
        long weights = 8L * ((long) a.dSae() * a.dIn() + (long) b.dSae() * b.dIn());
        return new MatchTask(
                spec.a(),
                spec.b(),
                spec.cosine(),
                Boolean.TRUE.equals(spec.across()),
                weights + (dense ? 8L * a.dSae() * b.dSae() : 1024L * (a.dSae() + b.dSae())),
                inputs);
    }

    /** Does a task: what another process is asked for. */
    MatchTask.Made attempt(MatchTask task, Progress progress) {
        Path into = AtomicFiles.temporary(MatchingFiles.folder(workspace.comparisons(), task.a(), task.b()));
        try (SaeDirections a = directions(task.a());
                SaeDirections b = directions(task.b())) {
            Comparability.check(a, b, task.across());
            boolean listed = SaeMatcher.isListed(workspace.comparisons(), task.a(), task.b());
            Path keep = listed ? workspace.comparisons() : into;
            MatchingFiles.save(into, SaeMatcher.match(a, b, task.threshold(), keep, progress));
            SaeMatcher.forget(into, task.a(), task.b()); // not the driver's: another attempt may need those
        }
        Path folder = MatchingFiles.folder(into, task.a(), task.b());
        return new MatchTask.Made(into, Checksums.sha256(folder.resolve(MatchingFiles.FILE)));
    }

    /** Does a task: what another process is asked for. */
    MatchBlockTask.Made attempt(MatchBlockTask task, Progress progress) {
        try (SaeDirections a = directions(String.valueOf(task.a().getFileName()));
                SaeDirections b = directions(String.valueOf(task.b().getFileName()))) {
            return MatchBlocks.attempt(task, a, b, progress);
        }
    }

    private void publish(MatchTask task, MatchTask.Made made) {
        Path attempt = MatchingFiles.folder(made.folder(), task.a(), task.b());
        Path file = attempt.resolve(MatchingFiles.FILE);
        if (!Files.isRegularFile(file) || !Checksums.sha256(file).equals(made.checksum())) {
            throw new TaskExecutor.Refused("The comparison of " + task.a() + " and " + task.b() + " in " + made.folder()
                    + " is not what a machine said it had written.");
        }
        try {
            Path target = MatchingFiles.folder(workspace.comparisons(), task.a(), task.b());
            AtomicFiles.publish(attempt, target);
            AtomicFiles.sweep(target);
            SaeMatcher.forget(workspace.comparisons(), task.a(), task.b());
        } catch (IOException e) {
            throw AtomicFiles.failure(attempt, e);
        }
    }

    /** Wide SAEs stay on disk. */
    private SaeDirections directions(String sae) {
        Path folder = saes.folder(sae);
        return SaeDirections.isWide(folder)
                ? SaeDirections.open(folder, workspace.comparisons())
                : SaeDirections.of(saes.open(sae));
    }

    private void look(Sae a, Sae b, Matching matching, Progress progress) {
        try (ActivationStore store = stores.open(saes.store(a.name()))) {
            MatchingFiles.saveActivations(
                    workspace.comparisons(),
                    a.name(),
                    b.name(),
                    ActivationOverlap.of(a, b, matching, store, a.hookName(), ActivationOverlap.ROWS, progress));
        }
    }
}
