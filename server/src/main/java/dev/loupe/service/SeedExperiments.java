package dev.loupe.service;

import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.VersionedJson;
import dev.loupe.compare.CodeCensus;
import dev.loupe.compare.Matching;
import dev.loupe.compare.Overlap;
import dev.loupe.compare.SeedNull;
import dev.loupe.compare.SeedStatistics;
import dev.loupe.sae.Sae;
import dev.loupe.service.SeedExperiment.CellResult;
import dev.loupe.store.ActivationStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Experiments on seeds: training, matching and reporting in one go. What is finished is kept, so one that stopped goes on. */
public final class SeedExperiments {
    /** The file of an experiment in its folder. */
    public static final String FILE = "experiment.json";

    /** How far a measured L0 may be from the asked one. */
    static final double EQUAL_L0 = 0.1;

    private static final long CENSUS_ROWS = 50_000;

    private final Workspace workspace;
    private final Stores stores;
    private final Saes saes;
    private final Trainings trainings;
    private final Comparisons comparisons;

    SeedExperiments(Workspace workspace, Stores stores, Saes saes, Trainings trainings, Comparisons comparisons) {
        this.workspace = workspace;
        this.stores = stores;
        this.saes = saes;
        this.trainings = trainings;
        this.comparisons = comparisons;
    }

    /** Names of finished experiments. */
    public List<String> list() {
        return Workspace.named(workspace.seeds(), FILE);
    }

    /**
     * A finished experiment.
     *
     * @throws NotFoundException if there is none of this name
     */
    public SeedExperiment get(String name) {
        Path file = workspace.seeds().resolve(Names.check(name)).resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("There is no experiment on seeds \"" + name + "\"; run loupe seeds --name "
                    + name + " --store STORE.");
        }
        return VersionedJson.read(file, "experiment on seeds " + name, SeedExperiment.class);
    }

    /** All trainings of an experiment, looked at before any work. */
    public List<TrainSpec> trainings(SeedsSpec spec) {
        List<TrainSpec> all = new ArrayList<>();
        for (String arch : spec.arch()) {
            for (SeedsSpec.Cell cell : spec.cells(arch)) {
                TrainSpec t = training(spec, cell);
                trainings.request(t);
                all.add(t);
            }
        }
        return all;
    }

    private static TrainSpec training(SeedsSpec spec, SeedsSpec.Cell cell) {
        return TrainSpec.of(cell.name(spec.name()), spec.store(), cell.arch(), cell.dSae())
                .hook(spec.hook())
                .active(cell.k())
                .seeds(spec.seeds())
                .tokens(cell.tokens())
                .set(spec.set())
                .build();
    }

    /** Runs an experiment and saves it as {@code seeds/NAME/experiment.json} with {@code pairs.arrow}. */
    public SeedExperiment run(SeedsSpec spec, Progress progress) {
        long begin = System.nanoTime();
        Path folder = workspace.seeds().resolve(spec.name());
        VersionedJson.checkReplaceable(folder.resolve(FILE), "experiment on seeds " + spec.name());
        trainings.fetch(spec.store(), progress);
        trainings(spec);
        List<CellResult> cells = new ArrayList<>();
        List<SeedPairs.Row> pairs = new ArrayList<>();
        Map<Integer, Matching> chance = new HashMap<>();
        String fingerprint;
        try (ActivationStore store = stores.open(spec.store())) {
            fingerprint = store.fingerprint();
            for (String arch : spec.arch()) {
                for (SeedsSpec.Cell cell : spec.cells(arch)) {
                    trainings.run(training(spec, cell), progress);
                    comparisons.elsewhere(pairs(spec, cell), progress);
                    cells.add(cell(spec, cell, store, chance, pairs, progress));
                }
            }
        }
        SeedExperiment result = new SeedExperiment(
                SeedExperiment.FORMAT,
                spec,
                fingerprint,
                cells,
                SeedTrends.of(spec, cells),
                notes(spec, cells),
                (System.nanoTime() - begin) / 1e9,
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        SeedPairs.write(folder.resolve("pairs.arrow"), pairs);
        VersionedJson.write(folder.resolve(FILE), "experiment on seeds " + spec.name(), result);
        return result;
    }

    private static List<CompareSpec> pairs(SeedsSpec spec, SeedsSpec.Cell cell) {
        List<CompareSpec> pairs = new ArrayList<>();
        List<String> names = spec.seeds().stream()
                .map(s -> cell.name(spec.name()) + "-s" + s)
                .toList();
        for (int s = 0; s < names.size(); s++) {
            for (int t = s + 1; t < names.size(); t++) {
                pairs.add(new CompareSpec(names.get(s), names.get(t), spec.cosine()));
            }
        }
        return pairs;
    }

    private CellResult cell(
            SeedsSpec spec,
            SeedsSpec.Cell cell,
            ActivationStore store,
            Map<Integer, Matching> chance,
            List<SeedPairs.Row> rows,
            Progress progress) {
        int n = spec.seeds().size();
        List<String> names = spec.seeds().stream()
                .map(s -> cell.name(spec.name()) + "-s" + s)
                .toList();
        List<CodeCensus> census = new ArrayList<>();
        int d = 0;
        for (String name : names) {
            Sae sae = saes.open(name);
            d = sae.dIn();
            census.add(CodeCensus.of(sae, store, sae.hookName(), CENSUS_ROWS, progress));
        }
        double[][] shared = new double[n][n];
        double[][] sharedAlive = new double[n][n];
        List<Matching> matchings = new ArrayList<>();
        double agreement = 0;
        double cosine = 0;
        double gap = 0;
        for (int s = 0; s < n; s++) {
            for (int t = s + 1; t < n; t++) {
                Matching m = comparisons.run(new CompareSpec(names.get(s), names.get(t), spec.cosine()), progress);
                matchings.add(m);
                shared[s][t] = shared[t][s] = (double) m.shared() / cell.dSae();
                sharedAlive[s][t] = sharedAlive[t][s] =
                        alive(m, census.get(s).alive(), census.get(t).alive());
                agreement += m.agreement();
                cosine += m.pwMcc();
                gap = Math.max(gap, m.gap());
                rows.add(new SeedPairs.Row(
                        cell, spec.seeds().get(s), spec.seeds().get(t), m, sharedAlive[s][t]));
            }
        }
        Overlap overlap = Overlap.of(names, matchings, spec.cosine());
        double[] l0 = census.stream().mapToDouble(CodeCensus::l0).toArray();
        boolean equal = java.util.Arrays.stream(l0).allMatch(x -> Math.abs(x - cell.k()) <= EQUAL_L0 * cell.k());
        int width = d;
        Matching random = chance.computeIfAbsent(cell.dSae(), w -> SeedNull.match(w, width, spec.cosine(), progress));
        return new CellResult(
                cell.arch(),
                cell.dSae(),
                cell.k(),
                cell.tokens(),
                (double) cell.tokens() / cell.dSae(),
                names,
                l0,
                equal,
                census.stream()
                        .mapToDouble(c -> (double) c.living() / cell.dSae())
                        .average()
                        .orElse(0),
                SeedStatistics.mean(shared),
                SeedStatistics.mean(sharedAlive),
                shared,
                agreement / matchings.size(),
                cosine / matchings.size(),
                (double) random.shared() / cell.dSae(),
                random.pwMcc(),
                gap,
                histogram(overlap, cell.dSae()),
                overlap.onlyOne(),
                n < 3 ? null : overlap.transitivity());
    }

    /** Share of living latents that are shared, mean of both sides. */
    private static double alive(Matching m, boolean[] a, boolean[] b) {
        int[] living = new int[2];
        int[] found = new int[2];
        for (boolean x : a) {
            living[0] += x ? 1 : 0;
        }
        for (boolean x : b) {
            living[1] += x ? 1 : 0;
        }
        for (int i : m.sharedA(m.threshold())) {
            found[0] += a[i] ? 1 : 0;
            found[1] += b[m.decoderMatch()[i]] ? 1 : 0;
        }
        return ((double) found[0] / Math.max(1, living[0]) + (double) found[1] / Math.max(1, living[1])) / 2;
    }

    private static double[] histogram(Overlap overlap, int width) {
        double[] mean = new double[overlap.saes().size()];
        for (int[] counts : overlap.histogram()) {
            for (int m = 0; m < mean.length; m++) {
                mean[m] += (double) counts[m] / width / mean.length;
            }
        }
        return mean;
    }

    private static List<String> notes(SeedsSpec spec, List<CellResult> cells) {
        List<String> notes = new ArrayList<>();
        notes.add("Every pair of seeds saw the same rows in the same order; only the initial weights differ.");
        double least =
                cells.stream().mapToDouble(CellResult::tokensPerLatent).min().orElse(0);
        if (least < 25_000) {
            notes.add(String.format(
                    java.util.Locale.ROOT,
                    "At least one setting has %.0f tokens per latent. The paper found 7 %% shared at 25,000 and 42 %% at"
                            + " 250,000: few tokens leave little to share.",
                    least));
        }
        if (spec.seeds().size() < 3) {
            notes.add("Two seeds make one pair: there is no interval, and no trend is claimed.");
        }
        cells.stream()
                .filter(c -> !c.equalL0())
                .forEach(c -> notes.add(c.title() + " misses the asked L0 by more than 10 % (measured "
                        + String.format(
                                java.util.Locale.ROOT,
                                "%.1f to %.1f",
                                java.util.Arrays.stream(c.l0()).min().orElse(0),
                                java.util.Arrays.stream(c.l0()).max().orElse(0))
                        + "): its trends are not claimed."));
        return notes;
    }
}
